package dns

import (
	"net/netip"
	"strings"
	"sync"
	"time"
)

// Resolver looks names up for all upstreams of the process, and remembers what
// was found. Make it with New. All methods are safe from many goroutines.
type Resolver struct {
	cfg     Config
	gate    gate
	servers serverList
	stats   stats

	confFile, hostsFile watchedFile

	mu    sync.Mutex
	names map[key]*name
	swept time.Time

	files sync.Mutex
	conf  resolvConf
	hosts hostsFile
}

// New returns a Resolver, or ErrBadConfig with all faults. It reads no file yet.
func New(cfg Config) (*Resolver, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if cfg.ResolvConf == "" {
		cfg.ResolvConf = "/etc/resolv.conf"
	}
	if cfg.Hosts == "" {
		cfg.Hosts = "/etc/hosts"
	}
	return &Resolver{cfg: cfg, gate: newGate(), names: map[key]*name{},
		confFile: watchedFile{path: cfg.ResolvConf}, hostsFile: watchedFile{path: cfg.Hosts}}, nil
}

// settings returns what is in force now.
func (r *Resolver) settings() settings {
	r.files.Lock()
	defer r.files.Unlock()
	if len(r.cfg.Servers) == 0 {
		if text, changed := r.confFile.load(); changed {
			r.conf = parseResolvConf(text)
		}
	}
	return r.cfg.settings(r.conf)
}

// hostsAddrs returns what the hosts file says of a name now.
func (r *Resolver) hostsAddrs(name string) []netip.Addr {
	r.files.Lock()
	defer r.files.Unlock()
	if text, changed := r.hostsFile.load(); changed {
		r.hosts = parseHosts(text)
	}
	return r.hosts[strings.TrimSuffix(name, ".")]
}

// Servers returns the name servers that are asked now, ADDRESS:PORT.
func (r *Resolver) Servers() []string { return r.settings().servers }
