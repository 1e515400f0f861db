package actors_test

import (
	"testing"

	"github.com/weirproxy/weir/actors/discovery"
	"github.com/weirproxy/weir/actors/discovery/dns"
	"github.com/weirproxy/weir/messages"
)

// literals is what finds the peers of upstreams that name addresses alone.
func literals(tb testing.TB) discovery.Source {
	tb.Helper()
	resolver, err := dns.New(dns.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	return discovery.ByKind{messages.DiscoverStatic: discovery.FromDNS(resolver)}
}
