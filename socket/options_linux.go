package socket

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/weirproxy/weir/messages"
)

// fastOpenQueue is how many connections may be opened with data that wait for
// their client's acknowledgement (RFC 7413, 5.1).
const fastOpenQueue = 256

// Unsupported returns the keys of options that this platform lacks: none on Linux.
func Unsupported(messages.TCPOptions, bool) []string { return nil }

// setForDial sets what has to be set before connect.
func setForDial(fd uintptr, o messages.TCPOptions, bound bool) error {
	if o.FastOpen {
		if err := set(fd, "tcp_fast_open", unix.IPPROTO_TCP, unix.TCP_FASTOPEN_CONNECT, 1); err != nil {
			return err
		}
	}
	if bound {
		// The port is chosen at connect, so that as many connections are possible as
		// there are pairs of ports and peers (ip(7)). It is this level for IPv6, too.
		if err := set(fd, "bind", unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1); err != nil {
			return err
		}
	}
	return setCommon(fd, o)
}

// setForListen sets what accepted connections inherit.
func setForListen(fd uintptr, o messages.TCPOptions) error {
	if o.FastOpen {
		if err := set(fd, "tcp_fast_open", unix.IPPROTO_TCP, unix.TCP_FASTOPEN, fastOpenQueue); err != nil {
			return err
		}
	}
	return setCommon(fd, o)
}

func setCommon(fd uintptr, o messages.TCPOptions) error {
	for _, option := range []struct {
		key              string
		level, opt, want int
	}{
		{"tcp_recv_buf", unix.SOL_SOCKET, unix.SO_RCVBUF, o.RecvBuf},
		{"tcp_send_buf", unix.SOL_SOCKET, unix.SO_SNDBUF, o.SendBuf},
		{"tcp_user_timeout", unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, wholeMilliseconds(o.UserTimeout)},
	} {
		if option.want == 0 {
			continue
		}
		if err := set(fd, option.key, option.level, option.opt, option.want); err != nil {
			return err
		}
	}
	return nil
}

// wholeMilliseconds rounds up: less than one is not none.
func wholeMilliseconds(d time.Duration) int {
	return int((d + time.Millisecond - 1) / time.Millisecond)
}

func set(fd uintptr, key string, level, option, value int) error {
	if err := unix.SetsockoptInt(int(fd), level, option, value); err != nil {
		return fmt.Errorf("%s: set the socket's option to %d: %w", key, value, err)
	}
	return nil
}
