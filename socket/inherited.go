package socket

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/weirproxy/weir/messages"
)

// ErrNotPassed is returned when no socket of a name was passed to the process,
// or all of them were taken.
var ErrNotPassed = errors.New("no such socket was passed by systemd")

// Inherited are the listening sockets that systemd passed to the process
// (sd_listen_fds(3)), by the name that FileDescriptorName= gives them. They stay
// open: who takes one gets a duplicate, and another may when that is closed.
type Inherited struct {
	mu     sync.Mutex
	byName map[string][]*inherited
}

type inherited struct {
	systemListener
	taken bool
}

// Inherit takes the sockets over. Only the first call of a process gets any.
func Inherit() (*Inherited, error) {
	byName, err := activation.ListenersWithNames()
	if err != nil {
		return nil, fmt.Errorf("take the sockets that systemd passed: %w", err)
	}
	i := &Inherited{byName: map[string][]*inherited{}}
	for name, all := range byName {
		for _, l := range all {
			if system, ok := l.(systemListener); ok { // else it is no stream socket
				i.byName[name] = append(i.byName[name], &inherited{systemListener: system})
			}
		}
	}
	return i, nil
}

// Take returns a socket of a name that nobody has now, and gives options to the
// connections that it accepts. The error is ErrNotPassed, and says what was.
func (i *Inherited) Take(name string, options messages.TCPOptions) (*Listener, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, at := range i.byName[name] {
		if at.taken {
			continue
		}
		l, err := adopt(at.systemListener, options)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", name, err)
		}
		at.taken = true
		l.freed = func() {
			i.mu.Lock()
			defer i.mu.Unlock()
			at.taken = false
		}
		return l, nil
	}
	names := i.left()
	if len(names) == 0 {
		return nil, fmt.Errorf("%q: %w, nor one that is not in use", name, ErrNotPassed)
	}
	return nil, fmt.Errorf("%q: %w; it passed %s", name, ErrNotPassed, strings.Join(names, ", "))
}

// Left returns the names of sockets that nobody has, sorted.
func (i *Inherited) Left() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.left()
}

func (i *Inherited) left() []string {
	var names []string
	for name, all := range i.byName {
		for _, at := range all {
			if !at.taken {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// Close closes what nobody took.
func (i *Inherited) Close() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	var errs []error
	for _, all := range i.byName {
		for _, at := range all {
			errs = append(errs, at.Close())
		}
	}
	i.byName = nil
	return errors.Join(errs...)
}

// adopt makes a Listener of a duplicate of a socket that another process opened
// and keeps.
func adopt(passed systemListener, options messages.TCPOptions) (*Listener, error) {
	inner, err := duplicate(passed)
	if err != nil {
		return nil, err
	}
	l := newListener(inner)
	l.passed = true
	if unix, ok := inner.(*net.UnixListener); ok {
		unix.SetUnlinkOnClose(false) // the file is not ours
		return l, nil
	}
	probed := keepAlive(options)
	l.keepAlive = &probed
	if err := controlOf(inner, func(fd uintptr) error { return setForListen(fd, options) }); err != nil {
		return nil, joinClose(err, inner)
	}
	return l, nil
}

// duplicate returns the same socket with a descriptor of its own.
func duplicate(l systemListener) (systemListener, error) {
	filer, ok := l.(interface{ File() (*os.File, error) })
	if !ok {
		return nil, fmt.Errorf("it is a %T", l)
	}
	file, err := filer.File()
	if err != nil {
		return nil, err
	}
	again, err := net.FileListener(file)
	if err != nil {
		return nil, joinClose(err, file)
	}
	return again.(systemListener), file.Close()
}

// Ready tells systemd that the process serves (sd_notify(3)); Stopping, that it
// ends. Where nobody wants to know they do nothing.
func Ready() error { return notify(daemon.SdNotifyReady) }

// Stopping tells systemd that the process ends. See Ready.
func Stopping() error { return notify(daemon.SdNotifyStopping) }

func notify(state string) error {
	if _, err := daemon.SdNotify(false, state); err != nil {
		return fmt.Errorf("tell systemd %q: %w", state, err)
	}
	return nil
}
