package admin

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
)

// socketMode lets the owner and the group of a unix socket connect.
const socketMode = 0o660

// ListenUnix listens at the path of a unix socket, which owner and group may
// connect to. A socket that a dead process left behind is replaced; otherwise it
// fails with ErrSocketTaken. Closing the listener removes the socket.
func ListenUnix(path string) (net.Listener, error) {
	if err := removeStale(path); err != nil {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen at %s: %w", path, err)
	}
	if err := os.Chmod(path, socketMode); err != nil {
		return nil, errors.Join(fmt.Errorf("set the permissions of %s: %w", path, err), l.Close())
	}
	return l, nil
}

// removeStale removes a socket that nobody listens at.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at %s: %w", path, err)
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%w: %s is no socket; remove it, or choose another path", ErrSocketTaken, path)
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		_ = c.Close() // it was only to see whether somebody is there
	}
	// Any other failure (no permission, a full backlog) says that somebody may be.
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("%w: a process listens at %s; stop it, or choose another path", ErrSocketTaken, path)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("remove the socket that was left at %s: %w", path, err)
	}
	return nil
}

// localListener tells whether only this machine can reach l.
func localListener(l net.Listener) bool {
	if l.Addr().Network() == "unix" {
		return true
	}
	at, err := netip.ParseAddrPort(l.Addr().String())
	return err == nil && at.Addr().Unmap().IsLoopback()
}
