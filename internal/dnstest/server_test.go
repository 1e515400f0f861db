package dnstest_test

import (
	"testing"

	"github.com/miekg/dns"
	"go.uber.org/goleak"

	"github.com/weirproxy/weir/internal/dnstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ask(t *testing.T, network, addr, name string) (*dns.Msg, error) {
	t.Helper()
	msg, _, err := (&dns.Client{Net: network}).ExchangeContext(t.Context(), new(dns.Msg).SetQuestion(name, dns.TypeA), addr)
	return msg, err
}

func TestAnswersByScriptOverBothAndRecords(t *testing.T) {
	s := dnstest.Start(t)
	s.SetAddrs("web.test.", 60, "10.0.0.1", "2001:db8::1")
	for _, network := range []string{"udp", "tcp"} {
		msg, err := ask(t, network, s.Addr(), "web.test.")
		if err != nil || len(msg.Answer) != 1 || msg.Answer[0].Header().Ttl != 60 {
			t.Errorf("%s: got %v, %v; want one record of TTL 60", network, msg, err)
		}
	}
	seen := s.Await(2)
	if seen[0].TCP || !seen[1].TCP || seen[0].Name != "web.test." || seen[0].Type != "A" {
		t.Errorf("recorded %+v", seen)
	}
	if msg, err := ask(t, "udp", s.Addr(), "other.test."); err != nil || msg.Rcode != dns.RcodeRefused {
		t.Errorf("got %v, %v; want what is not set to be refused", msg, err)
	}
}

func TestStopsAndResumesOnTheSamePort(t *testing.T) {
	s := dnstest.Start(t)
	s.SetAddrs("web.test.", 60, "10.0.0.1")
	s.Stop()
	if msg, err := ask(t, "tcp", s.Addr(), "web.test."); err == nil {
		t.Errorf("answers %v while it is stopped", msg)
	}
	s.Resume()
	if _, err := ask(t, "udp", s.Addr(), "web.test."); err != nil {
		t.Errorf("after Resume: %v", err)
	}
}
