package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/weirproxy/weir/actors/discovery/dns"
	"github.com/weirproxy/weir/internal/meter"
	"github.com/weirproxy/weir/messages"
	"github.com/weirproxy/weir/proxy"
	"github.com/weirproxy/weir/proxy/destination"
)

// maxAddresses is how many addresses of a destination one request may try.
const maxAddresses = 8

// destinations make the finders of transparent upstreams. They have a resolver
// of their own: clients choose the names, and must not use up the questions of
// the names that upstreams have.
type destinations struct {
	resolver *dns.Resolver
	own      *ownAddrs
}

// newFinder makes the finder of one upstream. See proxy.Deps.
func (d destinations) newFinder(spec messages.Discovery) (proxy.Finder, error) {
	patterns, err := patternsOf(spec.Transparent)
	if err != nil {
		return nil, err
	}
	f, err := destination.New(destination.Config{
		Rules: destination.NewRules(patterns, spec.Transparent.AllowPrivate), Own: d.own.has,
		Lookup: func(ctx context.Context, name string) ([]netip.Addr, time.Duration, error) {
			addrs, ttl, err := d.resolver.Addresses(ctx, name, spec.IPv4Only)
			if dns.IsAbsent(err) {
				err = fmt.Errorf("%w: %w", destination.ErrNotFound, err)
			}
			return addrs, ttl, err
		},
	})
	if err != nil {
		return nil, err
	}
	return openFinder{f}, nil
}

// patternsOf reads where requests may go.
func patternsOf(t messages.Transparent) ([]destination.Pattern, error) {
	patterns := make([]destination.Pattern, 0, t.Allow.Len())
	for i, text := range t.Allow.All() {
		p, err := destination.ParsePattern(text)
		if err != nil {
			return nil, fmt.Errorf("transparent.allow[%d]: %w", i, err)
		}
		if reason, vain := p.Vain(t.AllowPrivate); vain {
			return nil, fmt.Errorf("transparent.allow[%d]: %q can never be reached: it is %s; see transparent.allow_private", i, text, reason)
		}
		patterns = append(patterns, p)
	}
	return patterns, nil
}

// openFinder is a destination.Finder as the data path asks it.
type openFinder struct{ *destination.Finder }

// Collect emits how much is known and under way. See proxy.Collector.
func (f openFinder) Collect(emit func(meter.Sample), labels ...meter.Label) {
	s := f.Stats()
	for _, m := range []struct {
		name, help string
		n          int
	}{
		{"weir_transparent_names", "Names that a transparent upstream remembers, existing or not.", s.Names},
		{"weir_transparent_lookups", "Lookups of a transparent upstream that are under way.", s.Lookups},
		{"weir_transparent_waiting", "Names that wait for a lookup of a transparent upstream.", s.Queued},
	} {
		emit(meter.Sample{Name: m.name, Help: m.help, Kind: meter.Gauge, Labels: labels, Value: float64(m.n)})
	}
}

// Find returns the addresses that a request may go to. See proxy.Finder.
func (f openFinder) Find(ctx context.Context, authority string, port uint16) ([]string, error) {
	to, err := destination.ParseAuthority(authority, port)
	if err != nil {
		return nil, &proxy.Failure{Code: destination.Code(err), Err: err}
	}
	found, err := f.Finder.Find(ctx, to)
	switch {
	case errors.Is(err, destination.ErrClosed):
		return nil, fmt.Errorf("%w: %w", proxy.ErrFinderClosed, err)
	case err != nil:
		return nil, &proxy.Failure{Code: destination.Code(err), Err: err}
	}
	var addrs []string
	for len(addrs) < maxAddresses {
		addr, ok := found.Next()
		if !ok {
			break
		}
		addrs = append(addrs, addr.String())
	}
	return addrs, nil
}
