//go:build !linux

package socket

import (
	"errors"
	"fmt"
	"strings"

	"github.com/weirproxy/weir/messages"
)

// errPlatform is returned for options that only Linux has here.
var errPlatform = errors.New("not on this platform")

// Unsupported returns the keys of options that are set and that this platform
// lacks, sorted; reusePort is whether that is wanted too. On none but Linux does
// SO_REUSEPORT share connections out between those who listen.
func Unsupported(o messages.TCPOptions, reusePort bool) []string {
	var keys []string
	for _, option := range []struct {
		key    string
		wanted bool
	}{
		{"reuse_port", reusePort},
		{"tcp_fast_open", o.FastOpen},
		{"tcp_recv_buf", o.RecvBuf > 0 && !hasBuffers},
		{"tcp_send_buf", o.SendBuf > 0 && !hasBuffers},
		{"tcp_user_timeout", o.UserTimeout > 0},
	} {
		if option.wanted {
			keys = append(keys, option.key)
		}
	}
	return keys
}

func setForDial(fd uintptr, o messages.TCPOptions, _ bool) error {
	if err := refuse(Unsupported(o, false)); err != nil {
		return err
	}
	return setBuffers(fd, o)
}

func setForListen(fd uintptr, o messages.TCPOptions) error {
	if err := refuse(Unsupported(o, false)); err != nil {
		return err
	}
	return setBuffers(fd, o)
}

func refuse(keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	return fmt.Errorf("%s: %w", strings.Join(keys, ", "), errPlatform)
}
