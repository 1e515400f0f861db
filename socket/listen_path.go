package socket

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// longestPath is what fits into the address of a unix socket (unix(7); the
// systems with the least have 104 bytes, one of them for the end).
const longestPath = 103

// listenPath listens at a path. A socket that a process left behind when it died
// is removed; what is no socket stays.
func listenPath(ctx context.Context, path string) (*Listener, error) {
	if path == "" {
		return nil, errors.New("unix: needs a path")
	}
	if len(path) > longestPath {
		return nil, fmt.Errorf("%s: a path of %d bytes is too long for a unix socket, %d are possible", path, len(path), longestPath)
	}
	var lc net.ListenConfig
	inner, err := lc.Listen(ctx, "unix", path)
	if errors.Is(err, syscall.EADDRINUSE) {
		if err = removeStale(ctx, path); err == nil {
			inner, err = lc.Listen(ctx, "unix", path)
		}
	}
	if err != nil {
		return nil, explainPath(path, err)
	}
	unix := inner.(*net.UnixListener)
	unix.SetUnlinkOnClose(false) // Listener does it, and looks whether it is still the same
	l := newListener(unix)
	if !abstract(path) {
		l.path = path
		l.file, _ = os.Lstat(path) // it was made just now; if not, it is not removed
	}
	return l, nil
}

func abstract(path string) bool { return strings.HasPrefix(path, "@") }

// removeStale removes a socket at which nobody listens. The error is ErrInUse
// when somebody does.
func removeStale(ctx context.Context, path string) error {
	if abstract(path) {
		return ErrInUse // it ends with its process
	}
	was, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if was.Mode().Type() != fs.ModeSocket {
		return errors.New("it is there and is no socket; remove it, or take another path")
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", path)
	if err == nil {
		_ = conn.Close() // it only asked whether somebody is there
		return ErrInUse
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("%w, or may: %w", ErrInUse, err)
	}
	if is, err := os.Lstat(path); err != nil || !os.SameFile(was, is) {
		return ErrInUse // who started at the same moment was faster
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("remove the socket that a dead process left: %w", err)
	}
	return nil
}

// explainPath adds the path, and what helps, to an error of listening there.
func explainPath(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: the directory %s must be there: %w", path, filepath.Dir(path), err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s: needs the right to write in %s: %w", path, filepath.Dir(path), err)
	case errors.Is(err, syscall.EADDRINUSE): // it came back in a moment
		return fmt.Errorf("%s: %w", path, ErrInUse)
	}
	return fmt.Errorf("%s: %w", path, err)
}
