package admin

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/internal/meter"
	"github.com/weirproxy/weir/messages"
)

// DefaultAddr is where the admin server listens when nothing else is said.
const DefaultAddr = "127.0.0.1:9070"

// Config says where the admin server is and who may ask it.
type Config struct {
	// Addr is HOST:PORT or unix:/path; empty = DefaultAddr. An empty HOST means
	// every address of the machine. Everything but "localhost" and loopback
	// literals counts as off loopback, where a token is needed.
	Addr string
	// OperatorToken is the secret of the operator; empty = there is none.
	OperatorToken string
	// Open lets everybody ask, wherever the server is. It is for the demo.
	Open bool
	// Version and Member are shown.
	Version, Member string
}

// Deps is what the admin server shows. Registry, Events, Ready and Logger are
// required; of the others nil shows nothing.
type Deps struct {
	Registry *balance.Registry
	Events   Feed
	// Ready tells whether clients may be sent here, and if not, why. It is false
	// only before the configuration is in force and while draining.
	Ready func() (ready bool, why string)
	// Degraded lists what does not work as it should while weir serves: a line
	// of text each.
	Degraded func() []string
	// Upstreams and Routes are the desired state.
	Upstreams func() []messages.UpstreamSpec
	Routes    func() []messages.RouteSpec
	// Shadowed is what is desired and not in force, because a higher layer has the same.
	Shadowed func() []messages.Shadowed
	// Metrics are asked at each scrape, in this order.
	Metrics []meter.Source
	Logger  *slog.Logger
	// Started is when the process began to work; the zero time = now.
	Started time.Time
	// Reload reads the configuration again and puts it in force. It returns a
	// *Refusal when that is refused. Nil = there is no file.
	Reload func(context.Context) (Reloaded, error)
	// History gives the events that are stored; nil = none are. An error says
	// why it cannot, in words.
	History func(context.Context, HistoryQuery) (History, error)
	// NATSAddr tells where NATS clients find events; empty = nowhere.
	NATSAddr func() string
}

// place is a parsed Config.Addr.
type place struct {
	unix     bool
	loopback bool
	// host is the name or literal of the address, lower case; empty = any.
	host string
}

// trusted tells whether who reaches the place may read without a token: those
// on the machine, and those whom the socket's permissions let in.
func (p place) trusted() bool { return p.unix || p.loopback }

func parsePlace(addr string) (place, error) {
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		if path == "" {
			return place{}, fmt.Errorf("%w: %q has no path", ErrAddr, addr)
		}
		return place{unix: true}, nil
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil || port == "" {
		return place{}, fmt.Errorf("%w: %q; write HOST:PORT or unix:/path", ErrAddr, addr)
	}
	host = strings.ToLower(host)
	return place{host: host, loopback: loopbackHost(host)}, nil
}

// loopbackHost tells whether a host without port can only be this machine.
func loopbackHost(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// withDefaults returns cfg and deps complete, or says what is missing.
func withDefaults(cfg Config, deps Deps) (Config, Deps, error) {
	if deps.Registry == nil || deps.Events == nil || deps.Ready == nil || deps.Logger == nil {
		return cfg, deps, ErrIncomplete
	}
	if cfg.Addr == "" {
		cfg.Addr = DefaultAddr
	}
	if deps.Started.IsZero() {
		deps.Started = time.Now()
	}
	if deps.Degraded == nil {
		deps.Degraded = func() []string { return nil }
	}
	if deps.Upstreams == nil {
		deps.Upstreams = func() []messages.UpstreamSpec { return nil }
	}
	if deps.Routes == nil {
		deps.Routes = func() []messages.RouteSpec { return nil }
	}
	if deps.Reload == nil {
		deps.Reload = noReload
	}
	if deps.History == nil {
		deps.History = noHistory
	}
	if deps.Shadowed == nil {
		deps.Shadowed = func() []messages.Shadowed { return nil }
	}
	if deps.NATSAddr == nil {
		deps.NATSAddr = func() string { return "" }
	}
	return cfg, deps, nil
}
