package dns_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/actors/discovery/dns"
	"github.com/weirproxy/weir/internal/dnstest"
)

func TestFailsOverToTheNextServer(t *testing.T) {
	replies := map[string]dnstest.Reply{
		"SERVFAIL": dnstest.Code("SERVFAIL"), "REFUSED": dnstest.Code("REFUSED"), "lame": {Lame: true},
		"truncated": {Trick: dnstest.AlwaysTruncated},
	}
	for name, reply := range replies {
		t.Run(name, func(t *testing.T) {
			first, second := dnstest.Start(t), dnstest.Start(t)
			first.Set("*", "*", reply)
			second.SetAddrs("web.test.", 60, "10.0.0.1")
			result, err := find(t, newResolver(t, dns.Config{Servers: []string{first.Addr(), second.Addr()}}), spec("web.test:80"))
			if err != nil || len(result.Peers) != 1 {
				t.Errorf("got %v, %v; want the second server's answer", addrs(result.Peers), err)
			}
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		first, second := dnstest.Start(t), dnstest.Start(t)
		first.Stop()
		second.SetAddrs("web.test.", 60, "10.0.0.1")
		result, err := find(t, newResolver(t, dns.Config{Servers: []string{first.Addr(), second.Addr()}}), spec("web.test:80"))
		if err != nil || len(result.Peers) != 1 {
			t.Errorf("got %v, %v; want the second server's answer", addrs(result.Peers), err)
		}
	})
}

func TestASilentServerIsAskedLastAndTriedAgain(t *testing.T) {
	first, second := dnstest.Start(t), dnstest.Start(t)
	first.Set("*", "*", dnstest.Reply{Trick: dnstest.Silence})
	second.Set("*", "*", dnstest.NoData())
	synctest.Test(t, func(t *testing.T) {
		r := newResolver(t, dns.Config{Servers: []string{first.Addr(), second.Addr()}, Timeout: 3 * time.Second, Attempts: 1})
		s := spec("a.test:80")
		s.Discovery.IPv4Only = true
		look := func(entry string) {
			s.Addrs = spec(entry).Addrs
			if _, err := find(t, r, s); !errors.Is(err, dns.ErrNoData) {
				t.Fatalf("got %v, want the second server's answer", err)
			}
		}
		look("a.test:80")
		for i := range 20 {
			look(fmt.Sprintf("n%d.test:80", i))
		}
		if n := len(first.Questions()); n != 1 {
			t.Errorf("the silent server was asked %d times, want once", n)
		}
		first.Set("*", "*", dnstest.NoData())
		time.Sleep(11 * time.Second)
		look("b.test:80")
		look("c.test:80")
		if n := len(first.Questions()); n != 3 {
			t.Errorf("the server was asked %d times, want it back in its place", n)
		}
	})
}

func TestAServerThatIsBackIsUsedAgain(t *testing.T) {
	server := dnstest.Start(t)
	server.SetAddrs("web.test.", 1, "10.0.0.1")
	// The server's goroutines stay outside the bubble: they wait for the network.
	resume, resumed := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(resumed)
		<-resume
		server.Resume()
	}()
	synctest.Test(t, func(t *testing.T) {
		r := newResolver(t, dns.Config{Servers: []string{server.Addr()}})
		if _, err := find(t, r, spec("web.test:80")); err != nil {
			t.Error(err)
		}
		server.Stop()
		time.Sleep(2 * time.Second)
		result, err := find(t, r, spec("web.test:80"))
		if !errors.Is(err, dns.ErrUnreachable) || len(result.Peers) != 1 || !strings.Contains(err.Error(), server.Addr()) {
			t.Errorf("got %v, %v; want the stale peer and the server's address", addrs(result.Peers), err)
		}
		close(resume)
		<-resumed
		server.SetAddrs("web.test.", 1, "10.0.0.2")
		time.Sleep(result.Again)
		if result, err = find(t, r, spec("web.test:80")); err != nil || addrs(result.Peers)[0] != "10.0.0.2:80" {
			t.Errorf("got %v, %v after it is back", addrs(result.Peers), err)
		}
	})
}

func TestUpstreamsShareLookups(t *testing.T) {
	server, hold := dnstest.Start(t), make(chan struct{})
	reply := dnstest.Records("web.test. 60 IN A 10.0.0.1")
	reply.Hold = hold
	server.Set("web.test.", "A", reply)
	r := newResolver(t, dns.Config{Servers: []string{server.Addr()}})
	s := spec("web.test:80")
	s.Discovery.IPv4Only = true
	gone, leave := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		_, err := r.Find(gone, dns.Request{Spec: s})
		left <- err
	}()
	server.Await(1)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if result, err := find(t, r, s); err != nil || len(result.Peers) != 1 {
				t.Errorf("got %v, %v", addrs(result.Peers), err)
			}
		})
	}
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("who began the lookup and left got %v", err)
	}
	close(hold)
	wg.Wait()
	if n := len(server.Questions()); n > 2 { // a second when nobody else had come when the first left
		t.Errorf("%d questions, want one that all share", n)
	}
}

func TestASilentNameWithholdsNoOther(t *testing.T) {
	server := dnstest.Start(t)
	server.SetAddrs("good.test.", 60, "10.0.0.1")
	server.Set("*", "*", dnstest.Reply{Trick: dnstest.Silence})
	r := newResolver(t, dns.Config{Servers: []string{server.Addr()}, Timeout: time.Hour})
	// An upstream with many silent names takes no more than its share of what all upstreams have.
	var silent []string
	for i := range 200 {
		silent = append(silent, fmt.Sprintf("n%d.test:80", i))
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = r.Find(ctx, dns.Request{Spec: spec(silent...)})
	}()
	server.Await(32)
	if result, err := find(t, r, spec("good.test:80")); err != nil || len(result.Peers) != 1 {
		t.Errorf("another upstream got %v, %v", addrs(result.Peers), err)
	}
	// Within one upstream, what is known is told before the silent name is given up.
	told := make(chan dns.Result, 1)
	both, leave := context.WithCancel(t.Context())
	go func() {
		_, _ = r.Find(both, dns.Request{Spec: spec("good.test:80", "silent.test:80"), Tell: func(result dns.Result) { told <- result }})
		close(told)
	}()
	if diff := cmp.Diff([]string{"10.0.0.1:80"}, addrs((<-told).Peers)); diff != "" {
		t.Errorf("told early (-want +got):\n%s", diff)
	}
	leave()
	for range told { // until Find returned
	}
	cancel()
	<-ended
}

func TestHostsFileGoesFirstAndIsReadAgain(t *testing.T) {
	server := dnstest.Start(t)
	server.SetAddrs("web.test.", 60, "10.0.0.1")
	hosts := filepath.Join(t.TempDir(), "hosts")
	synctest.Test(t, func(t *testing.T) {
		r := newResolver(t, dns.Config{Servers: []string{server.Addr()}, Hosts: hosts})
		for _, step := range []struct {
			text string
			want []string
		}{
			{"10.5.0.1 other web.TEST # ours\n0.0.0.0 web.test\nbad web.test\n2001:db8::5 web.test\n", []string{"10.5.0.1:80", "[2001:db8::5]:80"}},
			{"10.5.0.2 web.test\n", []string{"10.5.0.2:80"}},
			{"# web.test\n", []string{"10.0.0.1:80"}},
			{"10.5.0.3\tweb.test\n", []string{"10.5.0.3:80"}},
		} {
			write(t, hosts, step.text)
			result, err := r.Find(t.Context(), dns.Request{Spec: spec("web.test:80"), AtOnce: true})
			if diff := cmp.Diff(step.want, addrs(result.Peers)); diff != "" || err != nil {
				t.Errorf("%q: error %v, peers (-want +got):\n%s", step.text, err, diff)
			}
			time.Sleep(5 * time.Second)
		}
	})
}

func TestResolvConfIsReadAgain(t *testing.T) {
	conf := filepath.Join(t.TempDir(), "resolv.conf")
	write(t, conf, "nameserver 10.0.0.53\nnameserver ::1\n")
	r := newResolver(t, dns.Config{ResolvConf: conf})
	if diff := cmp.Diff([]string{"10.0.0.53:53", "[::1]:53"}, r.Servers()); diff != "" {
		t.Errorf("servers (-want +got):\n%s", diff)
	}
	write(t, conf, "nameserver 10.0.0.54\n")
	if diff := cmp.Diff([]string{"10.0.0.54:53"}, r.Servers()); diff != "" {
		t.Errorf("servers after the change (-want +got):\n%s", diff)
	}
	if err := os.Remove(conf); err != nil {
		t.Fatal(err)
	}
	for _, s := range r.Servers() {
		if addr, err := netip.ParseAddrPort(s); err != nil || !addr.Addr().IsLoopback() {
			t.Errorf("without a file it asks %s, want this machine", s)
		}
	}
}

// TestASilentServerDoesNotUseUpTheWholeLook has a timeout that is longer than a
// look: the next server gets its turn all the same.
func TestASilentServerDoesNotUseUpTheWholeLook(t *testing.T) {
	first, second := dnstest.Start(t), dnstest.Start(t)
	first.Set("*", "*", dnstest.Reply{Trick: dnstest.Silence})
	second.Set("a.test.", "A", dnstest.Records("a.test. 60 IN A 10.0.0.1"))
	begun := time.Now()
	r := newResolver(t, dns.Config{Servers: []string{first.Addr(), second.Addr()}, Timeout: 30 * time.Second, Attempts: 1})
	s := spec("a.test:80")
	s.Discovery.IPv4Only = true
	if result, err := r.Find(t.Context(), dns.Request{Spec: s}); err != nil || len(result.Peers) != 1 {
		t.Errorf("got %v, %v; want the second server's answer", addrs(result.Peers), err)
	}
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("the second server got its turn after %v", took)
	}
}

// TestALookThatWasCutShortTellsWhoWasSilent ends a look before the only timeout
// does: the look after it begins with the other server.
func TestALookThatWasCutShortTellsWhoWasSilent(t *testing.T) {
	first, second := dnstest.Start(t), dnstest.Start(t)
	first.Set("*", "*", dnstest.Reply{Trick: dnstest.Silence})
	second.SetAddrs("b.test.", 60, "10.0.0.1")
	r := newResolver(t, dns.Config{Servers: []string{first.Addr(), second.Addr()}, Timeout: time.Hour, Attempts: 1})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := r.Find(ctx, dns.Request{Spec: spec("a.test:80")}); !errors.Is(err, dns.ErrTimeout) {
		t.Errorf("got %v, want no answer", err)
	}
	asked := len(first.Questions())
	if result, err := find(t, r, spec("b.test:80")); err != nil || len(result.Peers) != 1 {
		t.Errorf("got %v, %v; want the second server's answer", addrs(result.Peers), err)
	}
	if again := len(first.Questions()); again != asked {
		t.Errorf("the silent server was asked %d times more", again-asked)
	}
}

// TestAChangeOfFamiliesKeepsWhatIsKnown changes ipv4_only while no server answers.
func TestAChangeOfFamiliesKeepsWhatIsKnown(t *testing.T) {
	for _, before := range []bool{false, true} {
		server := dnstest.Start(t)
		server.SetAddrs("web.test.", 60, "10.0.0.1")
		r := newResolver(t, dns.Config{Servers: []string{server.Addr()}, Timeout: 100 * time.Millisecond, Attempts: 1})
		s := spec("10.0.0.9:80", "web.test:80")
		s.Discovery.IPv4Only = before
		if _, err := find(t, r, s); err != nil {
			t.Fatal(err)
		}
		server.Stop()
		s.Discovery.IPv4Only = !before
		result, _ := find(t, r, s)
		if diff := cmp.Diff([]string{"10.0.0.9:80", "10.0.0.1:80"}, addrs(result.Peers)); diff != "" {
			t.Errorf("ipv4_only %v before (-want +got):\n%s", before, diff)
		}
	}
}
