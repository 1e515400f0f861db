package socket

import (
	"context"
	"errors"
	"net"
	"syscall"
	"time"
)

// dialPath connects to a unix socket. Where TCP would make a client wait while
// the queue of a listener is full, the kernel refuses here (EAGAIN; connect(2)),
// so that this waits, for as long as ctx does.
func dialPath(ctx context.Context, path string) (net.Conn, error) {
	const first, most = time.Millisecond, 50 * time.Millisecond
	var d net.Dialer
	for pause := first; ; pause = min(2*pause, most) {
		c, err := d.DialContext(ctx, "unix", path)
		if !errors.Is(err, syscall.EAGAIN) {
			return c, err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, err
		}
	}
}
