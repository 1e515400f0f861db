package dns_test

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/actors/discovery/dns"
	"github.com/weirproxy/weir/internal/dnstest"
)

func TestAddressesOfAHost(t *testing.T) {
	server := dnstest.Start(t)
	server.Set("both.test.", "A", dnstest.Records("both.test. 60 IN A 192.0.2.1", "both.test. 60 IN A 192.0.2.2"))
	server.Set("both.test.", "AAAA", dnstest.Records("both.test. 20 IN AAAA 2001:db8::1"))
	server.Set("half.test.", "A", dnstest.Records("half.test. 60 IN A 192.0.2.3"))
	server.Set("half.test.", "AAAA", dnstest.Code("SERVFAIL"))
	server.Set("mail.test.", "*", dnstest.NoData())
	server.Set("none.test.", "*", dnstest.Code("NXDOMAIN"))
	server.Set("sick.test.", "A", dnstest.NoData())
	server.Set("sick.test.", "AAAA", dnstest.Code("SERVFAIL"))
	server.Set("lan.corp.test.", "A", dnstest.Records("lan.corp.test. 60 IN A 192.0.2.9"))
	server.Set("lan.", "*", dnstest.Code("NXDOMAIN"))
	server.Set("six.corp.test.", "A", dnstest.Records("six.corp.test. 60 IN A 192.0.2.66"))
	server.Set("six.", "*", dnstest.Code("NXDOMAIN"))
	dir := t.TempDir()
	hosts := filepath.Join(dir, "hosts")
	if err := os.WriteFile(hosts, []byte("192.0.2.50 printer\n2001:db8::6 six\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := newResolver(t, dns.Config{Servers: []string{server.Addr()}, Hosts: hosts, Timeout: 2 * time.Second, Attempts: 1})
	for _, tt := range []struct {
		name, host string
		v4         bool
		want       []string
		ttl        time.Duration
		err        error
		absent     bool
	}{
		{"both families, the shortest TTL", "both.test", false, []string{"192.0.2.1", "192.0.2.2", "2001:db8::1"}, 20 * time.Second, nil, false},
		{"IPv4 only", "both.test", true, []string{"192.0.2.1", "192.0.2.2"}, time.Minute, nil, false},
		{"one family although the other failed", "half.test", false, []string{"192.0.2.3"}, time.Minute, nil, false},
		{"a name without addresses", "mail.test", false, nil, 0, dns.ErrNoData, true},
		{"a name that does not exist", "none.test", false, nil, 0, dns.ErrNoSuchName, true},
		{"a failure outranks nothing", "sick.test", false, nil, 0, dns.ErrServFail, false},
		{"the hosts file", "printer", false, []string{"192.0.2.50"}, 5 * time.Second, nil, false},
		{"the hosts file, of the other family", "six", true, nil, 0, dns.ErrNoSuchName, true},
		{"no search list", "lan", false, nil, 0, dns.ErrNoSuchName, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			addrs, ttl, err := r.Addresses(t.Context(), tt.host, tt.v4)
			var got []string
			for _, a := range addrs {
				got = append(got, a.String())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || ttl != tt.ttl || !errors.Is(err, tt.err) || dns.IsAbsent(err) != tt.absent {
				t.Errorf("got %v for %v, error %v", got, ttl, err)
			}
		})
	}
}

func TestNothingIsRememberedOfAddresses(t *testing.T) {
	server := dnstest.Start(t)
	server.SetAddrs("web.test.", 60, "192.0.2.1")
	r := newResolver(t, dns.Config{Servers: []string{server.Addr()}})
	for _, want := range []string{"192.0.2.1", "192.0.2.2"} {
		server.SetAddrs("web.test.", 60, want)
		addrs, _, err := r.Addresses(t.Context(), "web.test", true)
		if err != nil || len(addrs) != 1 || addrs[0] != netip.MustParseAddr(want) {
			t.Errorf("got %v, %v", addrs, err)
		}
	}
}

func TestACancelledLookupOfAddressesEnds(t *testing.T) {
	server := dnstest.Start(t)
	server.Set("slow.test.", "*", dnstest.Reply{Trick: dnstest.Silence})
	r := newResolver(t, dns.Config{Servers: []string{server.Addr()}, Timeout: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { _, _, err := r.Addresses(ctx, "slow.test", false); done <- err }()
	server.Await(2)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
