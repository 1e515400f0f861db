package dns

import (
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// Config says how names are looked up. The zero Config asks the servers of the
// system's resolv.conf.
type Config struct {
	// Servers are ADDRESS:PORT of the name servers to ask, in this order. Empty =
	// those of ResolvConf, with its search list, ndots and rotate; with Servers,
	// names are taken as they are.
	Servers []string
	// Timeout bounds one question to one server; 0 = as resolv.conf says when
	// servers come from there and it does, else 2s.
	Timeout time.Duration
	// Attempts is how often each server is asked that does not answer; 0 = as
	// resolv.conf says when servers come from there and it does, else 2.
	Attempts int
	// MaxStale is how long records are kept since lookups of their name began to
	// fail; 0 = as long as that lasts.
	MaxStale time.Duration
	// ResolvConf and Hosts are the files to read; empty = /etc/resolv.conf and /etc/hosts.
	ResolvConf, Hosts string
}

const (
	defaultTimeout  = 2 * time.Second
	defaultAttempts = 2
	maxServers      = 16
)

// check returns all faults.
func (c Config) check() error {
	var faults []error
	for _, s := range c.Servers {
		if addr, err := netip.ParseAddrPort(s); err != nil || addr.Port() == 0 || addr.Addr().IsUnspecified() {
			faults = append(faults, fmt.Errorf("%w: server %q: want an IP address and a port, such as 10.0.0.53:53", ErrBadConfig, s))
		}
	}
	if len(c.Servers) > maxServers {
		faults = append(faults, fmt.Errorf("%w: %d servers: want at most %d", ErrBadConfig, len(c.Servers), maxServers))
	}
	if c.Timeout < 0 || c.MaxStale < 0 || c.Attempts < 0 {
		faults = append(faults, fmt.Errorf("%w: timeout %v, max_stale %v, attempts %d: want none below 0", ErrBadConfig, c.Timeout, c.MaxStale, c.Attempts))
	}
	return errors.Join(faults...)
}

// settings are what is in force for one lookup.
type settings struct {
	servers  []string
	search   []string
	ndots    int
	timeout  time.Duration
	attempts int
	rotate   bool
}

// settings merges what is configured with what resolv.conf says.
func (c Config) settings(system resolvConf) settings {
	s := settings{servers: c.Servers, timeout: c.Timeout, attempts: c.Attempts}
	if len(c.Servers) == 0 {
		s.servers, s.search, s.ndots, s.rotate = system.servers, system.search, system.ndots, system.rotate
		if s.timeout == 0 {
			s.timeout = system.timeout
		}
		if s.attempts == 0 {
			s.attempts = system.attempts
		}
	}
	if s.timeout == 0 {
		s.timeout = defaultTimeout
	}
	if s.attempts == 0 {
		s.attempts = defaultAttempts
	}
	return s
}
