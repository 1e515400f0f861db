package dns_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/actors/discovery/dns"
	"github.com/weirproxy/weir/internal/dnstest"
)

const webService = "_http._tcp.web.test"

// srv returns a line of SRV of webService.
func srv(priority, weight, port int, target string) string {
	return fmt.Sprintf("%s. 60 IN SRV %d %d %d %s", webService, priority, weight, port, target)
}

func TestAServiceGivesPortsWeightsAndTiers(t *testing.T) {
	tests := []struct {
		name string
		srv  []string
		want []string
	}{
		{"the port and the weight of the record", []string{srv(0, 5, 8080, "a.test."), srv(0, 7, 8081, "b.test.")}, []string{"10.0.0.1:8080 5", "10.0.0.2:8081 7", "10.0.0.3:8081 7"}},
		{"priorities as tiers without gaps", []string{srv(30, 1, 80, "c.test."), srv(10, 1, 80, "a.test."), srv(20, 1, 80, "b.test.")},
			[]string{"10.0.0.1:80", "10.0.0.2:80 1/1", "10.0.0.3:80 1/1", "[2001:db8::4]:80 1/2"}},
		{"weight 0 as 1", []string{srv(0, 0, 80, "a.test."), srv(0, 3, 80, "c.test.")}, []string{"10.0.0.1:80", "[2001:db8::4]:80 3"}},
		{"weights above 1000 in proportion, per priority", []string{srv(0, 60000, 80, "a.test."), srv(0, 30000, 80, "c.test."), srv(1, 7, 81, "a.test.")},
			[]string{"10.0.0.1:80 1000", "[2001:db8::4]:80 500", "10.0.0.1:81 7/1"}},
		{"no service there", []string{srv(0, 0, 0, ".")}, []string{}},
		{"the same target twice merges", []string{srv(0, 2, 80, "a.test."), srv(1, 3, 80, "A.test.")}, []string{"10.0.0.1:80 5"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := dnstest.Start(t)
			server.SetAddrs("a.test.", 60, "10.0.0.1")
			server.SetAddrs("b.test.", 60, "10.0.0.2", "10.0.0.3")
			server.SetAddrs("c.test.", 60, "2001:db8::4")
			server.Set(webService+".", "SRV", dnstest.Records(tt.srv...))
			result, err := find(t, newResolver(t, dns.Config{Servers: []string{server.Addr()}}), spec(webService))
			if (err != nil) != (len(tt.want) == 0) {
				t.Errorf("error %v", err)
			}
			if diff := cmp.Diff(tt.want, addrs(result.Peers)); diff != "" {
				t.Errorf("peers (-want +got):\n%s", diff)
			}
		})
	}
}

func TestGlueSavesLookupsWhenItIsComplete(t *testing.T) {
	tests := []struct {
		name      string
		glue      []string
		v4        bool
		questions int
	}{
		{"none", nil, false, 3},
		{"both families", []string{"a.web.test. 60 IN A 10.0.0.1", "a.web.test. 60 IN AAAA 2001:db8::1"}, false, 1},
		{"one family of two", []string{"a.web.test. 60 IN A 10.0.0.1"}, false, 3},
		{"the family that is wanted", []string{"a.web.test. 60 IN A 10.0.0.1"}, true, 1},
		{"of another name", []string{"b.web.test. 60 IN A 10.0.0.66", "b.web.test. 60 IN AAAA 2001:db8::66"}, false, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := dnstest.Start(t)
			server.SetAddrs("a.web.test.", 60, "10.0.0.1", "2001:db8::1")
			server.Set(webService+".", "SRV", dnstest.Reply{Answer: []string{srv(0, 1, 80, "a.web.test.")}, Additional: tt.glue})
			s, want := spec(webService), []string{"10.0.0.1:80", "[2001:db8::1]:80"}
			s.Discovery.IPv4Only = tt.v4
			if tt.v4 {
				want = want[:1]
			}
			result, err := find(t, newResolver(t, dns.Config{Servers: []string{server.Addr()}}), s)
			if diff := cmp.Diff(want, addrs(result.Peers)); diff != "" || err != nil {
				t.Errorf("error %v, peers (-want +got):\n%s", err, diff)
			}
			if n := len(server.Questions()); n != tt.questions {
				t.Errorf("%d questions, want %d", n, tt.questions)
			}
		})
	}
}

// TestGlueOfOthersIsNotBelieved has a service whose answers bring addresses along
// for a name that is not its own.
func TestGlueOfOthersIsNotBelieved(t *testing.T) {
	server := dnstest.Start(t)
	server.SetAddrs("one.other.test.", 60, "10.0.0.1")
	server.Set(webService+".", "SRV", dnstest.Reply{Answer: []string{srv(0, 1, 80, "one.other.test."), srv(0, 1, 80, "own.web.test.")},
		Additional: []string{"one.other.test. 3600 IN A 10.66.0.1", "own.web.test. 3600 IN A 10.66.0.2"}})
	r := newResolver(t, dns.Config{Servers: []string{server.Addr()}})
	s := spec(webService)
	s.Discovery.IPv4Only = true
	result, err := find(t, r, s)
	if diff := cmp.Diff([]string{"10.0.0.1:80", "10.66.0.2:80"}, addrs(result.Peers)); diff != "" || err != nil {
		t.Errorf("error %v, peers (-want +got):\n%s", err, diff)
	}
}

func TestATargetThatFailsTouchesNoOther(t *testing.T) {
	server := dnstest.Start(t)
	server.SetAddrs("a.test.", 60, "10.0.0.1")
	server.Set("b.test.", "*", dnstest.Code("SERVFAIL"))
	server.Set(webService+".", "SRV", dnstest.Records(srv(0, 1, 80, "a.test."), srv(0, 1, 80, "b.test.")))
	result, err := find(t, newResolver(t, dns.Config{Servers: []string{server.Addr()}}), spec(webService))
	if len(result.Peers) != 1 || !errors.Is(err, dns.ErrServFail) || !strings.Contains(err.Error(), webService+" target b.test.") {
		t.Errorf("got %v, error %v; want a.test's peer and b.test's fault", addrs(result.Peers), err)
	}
}

func TestTooManyPeersOfOneNameAreCut(t *testing.T) {
	server := dnstest.Start(t)
	var targets []string
	for i := range 30 {
		name := fmt.Sprintf("t%d.test.", i)
		targets = append(targets, srv(0, 1, 80, name))
		var many []string
		for j := range 200 {
			many = append(many, fmt.Sprintf("10.%d.0.%d", i, j+1))
		}
		server.SetAddrs(name, 60, many...)
	}
	server.Set(webService+".", "SRV", dnstest.Records(targets...))
	server.SetAddrs("other.test.", 60, "10.99.0.1")
	s := spec(webService, "other.test:80")
	s.Discovery.IPv4Only = true
	r := newResolver(t, dns.Config{Servers: []string{server.Addr()}})
	result, err := find(t, r, s)
	if len(result.Peers) != dns.MaxPeers+1 || !errors.Is(err, dns.ErrTooMany) || !strings.Contains(err.Error(), "6000, the first 4096 are used") {
		t.Errorf("got %d peers, error %v; want 4096, the other name's, and why", len(result.Peers), err)
	}
	if again, _ := find(t, r, s); !cmp.Equal(again.Peers, result.Peers) {
		t.Errorf("the second look keeps others of them")
	}
}
