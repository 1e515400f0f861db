//go:build unix && !linux

package socket

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/weirproxy/weir/messages"
)

// hasBuffers is whether setBuffers does anything.
const hasBuffers = true

// setBuffers sets the sizes of the kernel's buffers, ahead of connect and listen,
// for the window scale is told with the first packet (RFC 7323, 2.2).
func setBuffers(fd uintptr, o messages.TCPOptions) error {
	for _, option := range []struct {
		key       string
		opt, want int
	}{{"tcp_recv_buf", unix.SO_RCVBUF, o.RecvBuf}, {"tcp_send_buf", unix.SO_SNDBUF, o.SendBuf}} {
		if option.want == 0 {
			continue
		}
		if err := unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, option.opt, option.want); err != nil {
			return fmt.Errorf("%s: set the socket's option to %d: %w", option.key, option.want, err)
		}
	}
	return nil
}
