package dns_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/actors/discovery/dns"
	"github.com/weirproxy/weir/internal/dnstest"
	"github.com/weirproxy/weir/messages"
)

func TestFindsPeersOfEveryKindOfEntry(t *testing.T) {
	server := dnstest.Start(t)
	server.SetAddrs("web.test.", 60, "10.0.0.2", "10.0.0.1", "2001:db8::1")
	server.SetAddrs("two.test.", 60, "10.0.0.2")
	server.Set("alias.test.", "*", dnstest.Records("alias.test. 60 IN CNAME more.test.", "more.test. 60 IN CNAME end.test.",
		"end.test. 60 IN A 10.1.0.1", "end.test. 60 IN AAAA 2001:db8::2", "stranger.test. 60 IN A 10.66.0.1"))
	server.Set("split.test.", "*", dnstest.Records("split.test. 60 IN CNAME two.test."))
	server.Set("UPPER.test.", "A", dnstest.Records("uPPer.TEST. 60 IN A 10.2.0.1"))
	server.Set("UPPER.test.", "AAAA", dnstest.NoData())
	server.Set("mapped.test.", "AAAA", dnstest.Records("mapped.test. 60 IN AAAA ::ffff:10.3.0.1"))
	server.Set("mapped.test.", "A", dnstest.NoData())
	tests := []struct {
		name  string
		addrs []string
		v4    bool
		want  []string
	}{
		{"addresses of both families, IPv4 first", []string{"web.test:80"}, false, []string{"10.0.0.1:80", "10.0.0.2:80", "[2001:db8::1]:80"}},
		{"IPv4 only", []string{"web.test:80"}, true, []string{"10.0.0.1:80", "10.0.0.2:80"}},
		{"sockets as they are", []string{"unix:/run/a.sock"}, true, []string{"unix:/run/a.sock"}},
		{"literals and localhost as they are", []string{"10.9.0.1:81", "[2001:db8::9]:81", "localhost:82"}, false, []string{"10.9.0.1:81", "[2001:db8::9]:81", "localhost:82"}},
		{"CNAMEs, and no stranger's record", []string{"alias.test:80"}, false, []string{"10.1.0.1:80", "[2001:db8::2]:80"}},
		{"a CNAME whose end is asked for anew", []string{"split.test:80"}, false, []string{"10.0.0.2:80"}},
		{"the same address twice, once", []string{"web.test:80", "two.test:80"}, true, []string{"10.0.0.1:80", "10.0.0.2:80 2"}},
		{"two ports of one name", []string{"two.test:80", "two.test:81"}, true, []string{"10.0.0.2:80", "10.0.0.2:81"}},
		{"names in any case", []string{"upper.TEST:80"}, false, []string{"10.2.0.1:80"}},
		{"a mapped address as the one it is", []string{"mapped.test:80"}, false, []string{"10.3.0.1:80"}},
	}
	r := newResolver(t, dns.Config{Servers: []string{server.Addr()}})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := spec(tt.addrs...)
			s.Discovery.IPv4Only = tt.v4
			result, err := find(t, r, s)
			if err != nil || result.Stale || result.Note != "" {
				t.Errorf("error %v, stale %v, note %q", err, result.Stale, result.Note)
			}
			if diff := cmp.Diff(tt.want, addrs(result.Peers)); diff != "" {
				t.Errorf("peers (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAsksWithEDNSAndFromAnotherPortEachTime(t *testing.T) {
	server := dnstest.Start(t)
	server.Set("*", "*", dnstest.NoData())
	r := newResolver(t, dns.Config{Servers: []string{server.Addr()}})
	var entries []string
	for i := range 16 {
		entries = append(entries, fmt.Sprintf("n%d.test:80", i))
	}
	if _, err := find(t, r, spec(entries...)); !errors.Is(err, dns.ErrNoData) {
		t.Errorf("got %v, want ErrNoData", err)
	}
	ids, ports := map[uint16]bool{}, map[int]bool{}
	for _, q := range server.Await(32) {
		ids[q.ID], ports[q.Port] = true, true
		if q.EDNS != 1232 {
			t.Errorf("EDNS0 size %d, want 1232", q.EDNS)
		}
	}
	if len(ids) < 16 || len(ports) < 16 {
		t.Errorf("%d ids and %d ports for 32 questions", len(ids), len(ports))
	}
}

func TestALargeAnswerComesOverTCP(t *testing.T) {
	server := dnstest.Start(t)
	var many []string
	for i := range 200 {
		many = append(many, fmt.Sprintf("10.0.1.%d", i+1))
	}
	server.SetAddrs("web.test.", 60, many...)
	r := newResolver(t, dns.Config{Servers: []string{server.Addr()}})
	result, err := find(t, r, spec("web.test:80"))
	if err != nil || len(result.Peers) != 200 {
		t.Errorf("got %d peers, %v; want 200", len(result.Peers), err)
	}
	tcp := 0
	for _, q := range server.Questions() {
		if q.TCP {
			tcp++
		}
	}
	if tcp != 1 {
		t.Errorf("%d questions over TCP, want one", tcp)
	}
}

func TestLooksAgainWhenTheTTLEnds(t *testing.T) {
	tests := []struct {
		name      string
		ttl       int
		every     time.Duration
		low, high time.Duration
	}{
		{"at the end of the TTL, up to a tenth later", 60, 0, 60 * time.Second, 66 * time.Second},
		{"not more often than each second", 0, 0, time.Second, 1100 * time.Millisecond},
		{"at least every five minutes", 86400, 0, 270 * time.Second, 300 * time.Second},
		{"at update_frequency, whatever the TTL", 60, 10 * time.Second, 10 * time.Second, 11 * time.Second},
		{"at a longer update_frequency too", 60, time.Hour, time.Hour, 66 * time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := dnstest.Start(t)
			server.SetAddrs("web.test.", tt.ttl, "10.0.0.1", "2001:db8::1")
			synctest.Test(t, func(t *testing.T) {
				r := newResolver(t, dns.Config{Servers: []string{server.Addr()}})
				s := spec("web.test:80")
				s.Discovery.UpdateFrequency = tt.every
				result, err := find(t, r, s)
				if err != nil || result.Again < tt.low || result.Again > tt.high {
					t.Fatalf("looks again in %v, %v; want from %v to %v", result.Again, err, tt.low, tt.high)
				}
				time.Sleep(result.Again / 2)
				if _, err := find(t, r, s); err != nil || len(server.Questions()) != 2 {
					t.Errorf("asked %d questions before it was time, %v; want 2", len(server.Questions()), err)
				}
				server.SetAddrs("web.test.", tt.ttl, "10.0.0.2")
				time.Sleep(result.Again/2 + time.Millisecond)
				if result, err = find(t, r, s); err != nil || addrs(result.Peers)[0] != "10.0.0.2:80" || len(server.Questions()) != 4 {
					t.Errorf("got %v, %v after %d questions; want the changed address", addrs(result.Peers), err, len(server.Questions()))
				}
			})
		})
	}
}

func TestTheSmallestTTLOfTheChainCounts(t *testing.T) {
	server := dnstest.Start(t)
	server.Set("web.test.", "*", dnstest.Records("web.test. 20 IN CNAME end.test.", "end.test. 200 IN A 10.0.0.1"))
	r := newResolver(t, dns.Config{Servers: []string{server.Addr()}})
	s := spec("web.test:80")
	s.Discovery.IPv4Only = true
	if result, err := find(t, r, s); err != nil || result.Again > 22*time.Second || result.Again < 19*time.Second {
		t.Errorf("looks again in %v, %v; want after about 20s", result.Again, err)
	}
}

func TestABadEntryTouchesNoOther(t *testing.T) {
	server := dnstest.Start(t)
	server.SetAddrs("web.test.", 60, "10.0.0.1")
	r := newResolver(t, dns.Config{Servers: []string{server.Addr()}})
	result, err := find(t, r, spec("web.test", "web.test:http", "web.test:80", ":80", "", "_x._y:1", "web.test:0", "a..b:80", strings.Repeat("x", 64)+".test:80"))
	if diff := cmp.Diff([]string{"10.0.0.1:80"}, addrs(result.Peers)); diff != "" {
		t.Errorf("peers (-want +got):\n%s", diff)
	}
	if !errors.Is(err, dns.ErrBadEntry) || !strings.Contains(err.Error(), `"web.test:http"`) || !strings.Contains(err.Error(), "a..b") {
		t.Errorf("got %v, want ErrBadEntry that names the entries", err)
	}
}

func TestConfigFaultsAreToldAtOnce(t *testing.T) {
	_, err := dns.New(dns.Config{Servers: []string{"ns.test:53", "10.0.0.1", "0.0.0.0:53", "[::1]:53"}, Attempts: -1})
	for _, want := range []string{`"ns.test:53"`, `"10.0.0.1"`, `"0.0.0.0:53"`, "attempts -1"} {
		if !errors.Is(err, dns.ErrBadConfig) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to name %s", err, want)
		}
	}
	if err != nil && strings.Contains(err.Error(), "::1") {
		t.Errorf("a good server is named: %v", err)
	}
}

func TestStaticSetsNeedNoServer(t *testing.T) {
	r := newResolver(t, dns.Config{})
	s := spec("10.0.0.1:80", "localhost:81")
	s.Discovery = messages.Discovery{}
	result, err := find(t, r, s)
	if err != nil || result.Again != 0 || result.Source != "static" || len(result.Peers) != 2 {
		t.Errorf("got %+v, %v; want two peers, and never again", result, err)
	}
}
