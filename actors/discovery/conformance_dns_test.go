package discovery_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/weirproxy/weir/actors/discovery"
	"github.com/weirproxy/weir/actors/discovery/dns"
	"github.com/weirproxy/weir/internal/dnstest"
	"github.com/weirproxy/weir/messages"
)

// zone is the world of a Resolver: each group is a name. An upstream names them as
// they are, or by a service each.
type zone struct{ server *dnstest.Server }

func newNames(t *testing.T, kind messages.DiscoveryKind) subject {
	s := newZone(t, "g0.test:80", "g1.test:80")
	s.spec.Discovery.Kind = kind
	return s
}

func newServices(t *testing.T) subject { return newZone(t, "_http._tcp.g0.test", "_http._tcp.g1.test") }

func newZone(t *testing.T, entries ...string) subject {
	z := zone{dnstest.Start(t)}
	for group := range 2 {
		service := fmt.Sprintf("_http._tcp.g%d.test.", group)
		z.server.Set(service, "SRV", dnstest.Records(fmt.Sprintf("%s 1 IN SRV 0 1 80 g%d.test.", service, group)))
	}
	resolver, err := dns.New(dns.Config{Servers: []string{z.server.Addr()}, Timeout: 10 * time.Second,
		Hosts: filepath.Join(t.TempDir(), "absent")})
	if err != nil {
		t.Fatal(err)
	}
	var peers []messages.PeerSpec
	for _, e := range entries {
		peers = append(peers, messages.PeerSpec{Addr: e, Weight: 1})
	}
	source := discovery.FromDNS(resolver)
	return subject{
		source: discovery.ByKind{messages.DiscoverStatic: source, messages.DiscoverDNS: source},
		spec: messages.UpstreamSpec{Name: "web", Addrs: messages.ListOf(peers...),
			Discovery: messages.Discovery{Kind: messages.DiscoverDNS}},
		world: z,
	}
}

func (z zone) set(group int, addrs ...string) {
	z.server.SetAddrs(fmt.Sprintf("g%d.test.", group), 1, addrs...)
}

func (z zone) fail(group int) {
	for _, rrtype := range []string{"A", "AAAA"} {
		z.server.Set(fmt.Sprintf("g%d.test.", group), rrtype, dnstest.Code("SERVFAIL"))
	}
}

func (z zone) hang() { z.server.Set("*", "*", dnstest.Reply{Trick: dnstest.Silence}) }
