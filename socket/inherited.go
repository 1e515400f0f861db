package socket

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"
)

// ErrNotPassed is returned when no socket of a name was passed to the process,
// or all of them were taken.
var ErrNotPassed = errors.New("no such socket was passed by systemd")

// Inherited are the listening sockets that systemd passed to the process
// (sd_listen_fds(3)), by the name that FileDescriptorName= gives them.
type Inherited struct {
	mu     sync.Mutex
	byName map[string][]net.Listener
}

// Inherit takes the sockets over. Only the first call of a process gets any.
func Inherit() (*Inherited, error) {
	byName, err := activation.ListenersWithNames()
	if err != nil {
		return nil, fmt.Errorf("take the sockets that systemd passed: %w", err)
	}
	for name, all := range byName {
		byName[name] = slices.DeleteFunc(all, func(l net.Listener) bool { return l == nil }) // no stream socket
	}
	return &Inherited{byName: byName}, nil
}

// Take returns a socket of a name, once. The error is ErrNotPassed.
func (i *Inherited) Take(name string) (net.Listener, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	all := i.byName[name]
	if len(all) == 0 {
		return nil, fmt.Errorf("%q: %w", name, ErrNotPassed)
	}
	i.byName[name] = all[1:]
	return all[0], nil
}

// Left returns the names of sockets that nobody took, sorted.
func (i *Inherited) Left() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	var names []string
	for name, all := range i.byName {
		for range all {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
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
