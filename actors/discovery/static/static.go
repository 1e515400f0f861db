package static

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/weirproxy/weir/messages"
)

// refresh is how often names are asked again: the system's resolver does not
// tell how long its answers hold.
const refresh = 30 * time.Second

// Resolver asks for the addresses of a name. *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Source finds configured peers. Make it with New; one per upstream.
type Source struct {
	resolver Resolver
	known    map[string][]netip.Addr // the last good answer, by name
}

// New returns a source that asks resolver for names.
func New(resolver Resolver) *Source {
	return &Source{resolver: resolver, known: map[string][]netip.Addr{}}
}

// Find returns the peers of spec and in how long to look again, 0 = never. The
// error joins what failed, one line per name; the peers are complete but for
// names that never resolved.
func (s *Source) Find(ctx context.Context, spec messages.UpstreamSpec) ([]messages.PeerSpec, time.Duration, error) {
	names := namesOf(spec)
	err := s.resolve(ctx, names)
	var peers []messages.PeerSpec
	for _, configured := range spec.Addrs.All() {
		host, port, split := net.SplitHostPort(configured.Addr)
		if split != nil { // the configuration is checked; said anyway
			err = errors.Join(err, fmt.Errorf("address %q: %w", configured.Addr, split))
			continue
		}
		if isLiteral(host) {
			peers = append(peers, configured)
			continue
		}
		for _, addr := range s.known[host] {
			peers = append(peers, messages.PeerSpec{Addr: net.JoinHostPort(addr.String(), port), Weight: configured.Weight, Tier: configured.Tier})
		}
	}
	if len(names) == 0 {
		return peers, 0, err
	}
	return peers, refresh, err
}

// resolve asks for all names in parallel and remembers what was answered.
func (s *Source) resolve(ctx context.Context, names []string) error {
	answers, errs := make([][]netip.Addr, len(names)), make([]error, len(names))
	var wg sync.WaitGroup
	for i, name := range names {
		wg.Go(func() { answers[i], errs[i] = s.resolver.LookupNetIP(ctx, "ip", name) })
	}
	wg.Wait()
	for i, name := range names {
		switch {
		case errs[i] != nil:
			errs[i] = fmt.Errorf("resolve %q: %w", name, errs[i])
		case len(answers[i]) == 0:
			errs[i] = fmt.Errorf("resolve %q: no address", name)
		default:
			s.known[name] = sorted(answers[i])
		}
	}
	for name := range s.known {
		if !slices.Contains(names, name) {
			delete(s.known, name)
		}
	}
	return errors.Join(errs...)
}

// sorted returns the addresses unmapped, once each, in a fixed order: resolvers
// turn theirs around.
func sorted(addrs []netip.Addr) []netip.Addr {
	out := make([]netip.Addr, len(addrs))
	for i, addr := range addrs {
		out[i] = addr.Unmap()
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return slices.Compact(out)
}

func namesOf(spec messages.UpstreamSpec) []string {
	var names []string
	for _, configured := range spec.Addrs.All() {
		host, _, err := net.SplitHostPort(configured.Addr)
		if err == nil && !isLiteral(host) && !slices.Contains(names, host) {
			names = append(names, host)
		}
	}
	return names
}

func isLiteral(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil || strings.EqualFold(host, "localhost")
}
