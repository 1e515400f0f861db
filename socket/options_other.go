//go:build !linux

package socket

import (
	"errors"
	"fmt"

	"github.com/weirproxy/weir/messages"
)

// errPlatform is returned for options that only Linux has here.
var errPlatform = errors.New("not on this platform")

// Unsupported returns the keys of options that this platform lacks; reusePort is
// whether that is wanted too.
func Unsupported(o messages.TCPOptions, reusePort bool) []string {
	var keys []string
	for key, wanted := range map[string]bool{"tcp_recv_buf": o.RecvBuf > 0, "tcp_send_buf": o.SendBuf > 0,
		"tcp_user_timeout": o.UserTimeout > 0, "tcp_fast_open": o.FastOpen, "reuse_port": reusePort} {
		if wanted {
			keys = append(keys, key)
		}
	}
	return keys
}

func setForDial(_ int, o messages.TCPOptions, _ bool) error { return refuse(Unsupported(o, false)) }

func setForListen(_ int, o messages.TCPOptions, reusePort bool) error {
	return refuse(Unsupported(o, reusePort))
}

func refuse(keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	return fmt.Errorf("%v: %w", keys, errPlatform)
}
