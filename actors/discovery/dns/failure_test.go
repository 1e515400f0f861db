package dns_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/actors/discovery/dns"
	"github.com/weirproxy/weir/internal/dnstest"
)

// right is the answer that tricks spoil.
func right(trick dnstest.Trick) dnstest.Reply {
	reply := dnstest.Records("web.test. 60 IN A 10.0.0.66")
	reply.Trick = trick
	return reply
}

func TestAFailedNameKeepsItsPeersAndSaysWhy(t *testing.T) {
	tests := []struct {
		name  string
		reply dnstest.Reply
		is    error
		says  string
	}{
		{"SERVFAIL", dnstest.Code("SERVFAIL"), dns.ErrServFail, "SERVFAIL"},
		{"REFUSED", dnstest.Code("REFUSED"), dns.ErrRefused, "REFUSED"},
		{"a code that is none of these", dnstest.Code("NOTAUTH"), dns.ErrBadAnswer, "NOTAUTH"},
		{"FORMERR with and without EDNS0", dnstest.Code("FORMERR"), dns.ErrBadAnswer, "FORMERR"},
		{"one NXDOMAIN", dnstest.Code("NXDOMAIN"), dns.ErrNoSuchName, "NXDOMAIN"},
		{"one NODATA", dnstest.NoData(), dns.ErrNoData, "NODATA"},
		{"silence", right(dnstest.Silence), dns.ErrTimeout, "no answer over udp within 2s"},
		{"another id", right(dnstest.WrongID), dns.ErrTimeout, "another id"},
		{"another question", right(dnstest.WrongQuestion), dns.ErrTimeout, "to another question"},
		{"no question", right(dnstest.NoQuestion), dns.ErrTimeout, "to another question"},
		{"a question in return", right(dnstest.NotAResponse), dns.ErrTimeout, "not a response"},
		{"an answer from another socket", right(dnstest.Spoofed), dns.ErrTimeout, "no answer"},
		{"garbage", right(dnstest.Garbage), dns.ErrTimeout, "bad answer"},
		{"truncated over TCP too", right(dnstest.AlwaysTruncated), dns.ErrBadAnswer, "truncated over TCP"},
		{"a referral", dnstest.Reply{Lame: true, Authority: []string{"test. 60 IN NS ns.test."}}, dns.ErrBadAnswer, "lame"},
		{"nothing at all from a lame server", dnstest.Reply{Lame: true}, dns.ErrBadAnswer, "lame"},
		{"CNAMEs in a circle", dnstest.Records("web.test. 60 IN CNAME a.test.", "a.test. 60 IN CNAME web.test."), dns.ErrBadAnswer, "in a circle"},
		{"another name's records", dnstest.Reply{Answer: []string{"x.test. 60 IN A 10.0.0.66"}}, dns.ErrNoData, "NODATA"},
		{"addresses that nobody can have", dnstest.Records("web.test. 60 IN A 0.0.0.0", "web.test. 60 IN A 224.0.0.1"), dns.ErrBadAnswer, "none is an address"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := dnstest.Start(t)
			server.SetAddrs("web.test.", 1, "10.0.0.1")
			server.SetAddrs("other.test.", 1, "10.0.0.2")
			timeout := 10 * time.Second
			if errors.Is(tt.is, dns.ErrTimeout) {
				timeout = 2 * time.Second // others answer in time, however busy the machine is
			}
			synctest.Test(t, func(t *testing.T) {
				r := newResolver(t, dns.Config{Servers: []string{server.Addr()}, Timeout: timeout, Attempts: 1})
				both := spec("web.test:80", "other.test:80")
				both.Discovery.IPv4Only = true
				if _, err := find(t, r, both); err != nil {
					t.Fatal(err)
				}
				server.Set("web.test.", "A", tt.reply)
				server.SetAddrs("other.test.", 1, "10.0.0.3")
				time.Sleep(2 * time.Second)
				result, err := find(t, r, both)
				if diff := cmp.Diff([]string{"10.0.0.1:80", "10.0.0.3:80"}, addrs(result.Peers)); diff != "" {
					t.Errorf("peers (-want +got):\n%s", diff)
				}
				if !result.Stale || !errors.Is(err, tt.is) || !strings.Contains(err.Error(), "web.test: ") ||
					!strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "other.test") {
					t.Errorf("stale %v, error %v; want web.test's alone, with %q", result.Stale, err, tt.says)
				}
				if isAbsent := errors.Is(tt.is, dns.ErrNoData) || errors.Is(tt.is, dns.ErrNoSuchName); !isAbsent && result.Again > 1200*time.Millisecond {
					t.Errorf("looks again in %v, want in about a second", result.Again)
				}
			})
		})
	}
}

func TestStraysBeforeTheAnswerArePassedOver(t *testing.T) {
	for _, trick := range []dnstest.Trick{dnstest.WrongID, dnstest.WrongQuestion, dnstest.NotAResponse, dnstest.Spoofed, dnstest.Garbage} {
		server := dnstest.Start(t)
		reply := dnstest.Records("web.test. 60 IN A 10.0.0.1")
		reply.Trick = trick | dnstest.ThenRight
		server.Set("web.test.", "A", reply)
		s := spec("web.test:80")
		s.Discovery.IPv4Only = true
		result, err := find(t, newResolver(t, dns.Config{Servers: []string{server.Addr()}}), s)
		if err != nil || len(result.Peers) != 1 || len(server.Questions()) != 1 {
			t.Errorf("trick %d: got %v, %v; want the right answer at the first question", trick, addrs(result.Peers), err)
		}
	}
}

func TestOneFamilyThatFailsDoesNotFailTheName(t *testing.T) {
	server := dnstest.Start(t)
	server.SetAddrs("web.test.", 1, "10.0.0.1", "2001:db8::1")
	synctest.Test(t, func(t *testing.T) {
		r := newResolver(t, dns.Config{Servers: []string{server.Addr()}})
		if _, err := find(t, r, spec("web.test:80")); err != nil {
			t.Fatal(err)
		}
		server.SetAddrs("web.test.", 1, "10.0.0.2")
		server.Set("web.test.", "AAAA", dnstest.Code("SERVFAIL"))
		time.Sleep(2 * time.Second)
		result, err := find(t, r, spec("web.test:80"))
		if diff := cmp.Diff([]string{"10.0.0.2:80", "[2001:db8::1]:80"}, addrs(result.Peers)); diff != "" || err != nil {
			t.Errorf("error %v, peers (-want +got):\n%s", err, diff)
		}
		if !result.Stale || !strings.Contains(result.Note, "AAAA") || !strings.Contains(result.Note, "SERVFAIL") {
			t.Errorf("stale %v, note %q; want it to tell of AAAA", result.Stale, result.Note)
		}
	})
}

func TestANameThatIsGoneForGoodLosesItsPeers(t *testing.T) {
	for _, code := range []string{"NXDOMAIN", "NOERROR"} {
		t.Run(code, func(t *testing.T) {
			server := dnstest.Start(t)
			server.SetAddrs("web.test.", 1, "10.0.0.1")
			synctest.Test(t, func(t *testing.T) {
				r := newResolver(t, dns.Config{Servers: []string{server.Addr()}})
				if _, err := find(t, r, spec("web.test:80")); err != nil {
					t.Fatal(err)
				}
				server.Set("web.test.", "*", dnstest.Code(code))
				server.Set("web.test.", "A", dnstest.Code(code))
				server.Set("web.test.", "AAAA", dnstest.Code(code))
				time.Sleep(2 * time.Second)
				begun := time.Now()
				result, err := find(t, r, spec("web.test:80"))
				for len(result.Peers) > 0 {
					if !result.Stale || err == nil {
						t.Errorf("stale %v, error %v, while it is in doubt", result.Stale, err)
					}
					if time.Since(begun) > time.Minute {
						t.Fatal("keeps its peers for ever")
					}
					time.Sleep(result.Again)
					result, err = find(t, r, spec("web.test:80"))
				}
				if took := time.Since(begun); took < 10*time.Second || took > 15*time.Second || len(server.Questions()) < 2+6 {
					t.Errorf("believed after %v and %d questions, want three answers over 10s", took, len(server.Questions())-2)
				}
				if err == nil || !result.Empty || result.Stale || !strings.Contains(err.Error(), "it has no peers now") {
					t.Errorf("error %v, empty %v, stale %v, note %q; want an empty set for sure", err, result.Empty, result.Stale, result.Note)
				}
				server.SetAddrs("web.test.", 1, "10.0.0.9")
				time.Sleep(result.Again)
				if result, err = find(t, r, spec("web.test:80")); err != nil || len(result.Peers) != 1 {
					t.Errorf("got %v, %v when it is back", addrs(result.Peers), err)
				}
			})
		})
	}
}

func TestANameThatNeverWasIsAFailureForEver(t *testing.T) {
	server := dnstest.Start(t)
	server.Set("*", "*", dnstest.Code("NXDOMAIN"))
	synctest.Test(t, func(t *testing.T) {
		r := newResolver(t, dns.Config{Servers: []string{server.Addr()}})
		for range 20 {
			result, err := find(t, r, spec("typo.test:80"))
			if !errors.Is(err, dns.ErrNoSuchName) || result.Empty || len(result.Peers) != 0 {
				t.Fatalf("got %+v, %v; want nothing known, and why", result, err)
			}
			time.Sleep(result.Again)
		}
	})
}

func TestMaxStaleEndsAndFailuresBackOff(t *testing.T) {
	server := dnstest.Start(t)
	server.SetAddrs("web.test.", 1, "10.0.0.1")
	synctest.Test(t, func(t *testing.T) {
		r := newResolver(t, dns.Config{Servers: []string{server.Addr()}, MaxStale: 100 * time.Second})
		if _, err := find(t, r, spec("web.test:80")); err != nil {
			t.Fatal(err)
		}
		server.Set("web.test.", "A", dnstest.Code("SERVFAIL"))
		server.Set("web.test.", "AAAA", dnstest.Code("SERVFAIL"))
		time.Sleep(2 * time.Second)
		begun, looks := time.Now(), 0
		result, err := find(t, r, spec("web.test:80"))
		for ; len(result.Peers) > 0 && looks < 100; looks++ {
			time.Sleep(result.Again)
			result, err = find(t, r, spec("web.test:80"))
		}
		if took := time.Since(begun); took < 100*time.Second || took > 101*time.Second {
			t.Errorf("kept for %v, want 100s", took)
		}
		if looks > 24 || looks < 7 {
			t.Errorf("%d looks in 100s, want about 8 of each family: 1s doubling to 30s", looks)
		}
		if !errors.Is(err, dns.ErrServFail) || !result.Empty {
			t.Errorf("got error %v, empty %v; want a failure, and an empty set for sure", err, result.Empty)
		}
	})
}

func TestLookingAtOnceDoesNotWaitForItsTurn(t *testing.T) {
	server := dnstest.Start(t)
	server.SetAddrs("web.test.", 300, "10.0.0.1")
	synctest.Test(t, func(t *testing.T) {
		r := newResolver(t, dns.Config{Servers: []string{server.Addr()}})
		atOnce := dns.Request{Spec: spec("web.test:80"), AtOnce: true}
		for range 3 {
			if _, err := r.Find(t.Context(), atOnce); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(server.Questions()); n != 2 {
			t.Errorf("%d questions within a second, want 2", n)
		}
		server.SetAddrs("web.test.", 300, "10.0.0.2")
		time.Sleep(time.Second)
		if result, err := r.Find(t.Context(), atOnce); err != nil || addrs(result.Peers)[0] != "10.0.0.2:80" {
			t.Errorf("got %v, %v; want the address of now", addrs(result.Peers), err)
		}
	})
}

func TestACancelledLookEndsAtOnce(t *testing.T) {
	server := dnstest.Start(t)
	server.Set("*", "*", dnstest.Reply{Trick: dnstest.Silence})
	r := newResolver(t, dns.Config{Servers: []string{server.Addr()}, Timeout: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := r.Find(ctx, dns.Request{Spec: spec("web.test:80")})
		ended <- err
	}()
	server.Await(2)
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}
