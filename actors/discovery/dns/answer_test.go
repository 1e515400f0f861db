package dns

import (
	"errors"
	"fmt"
	"testing"

	wire "github.com/miekg/dns"
)

func message(t testing.TB, records ...string) *wire.Msg {
	t.Helper()
	msg := new(wire.Msg).SetReply(new(wire.Msg).SetQuestion("web.test.", wire.TypeA))
	msg.RecursionAvailable = true
	for _, text := range records {
		rr, err := wire.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		msg.Answer = append(msg.Answer, rr)
	}
	return msg
}

func TestChainsAreBounded(t *testing.T) {
	links := func(n int) []string {
		var records []string
		for i := range n {
			records = append(records, fmt.Sprintf("n%d.test. 9 IN CNAME n%d.test.", i, i+1))
		}
		return append(records, "web.test. 9 IN CNAME n0.test.", fmt.Sprintf("n%d.test. 5 IN A 10.0.0.1", n))
	}
	if a, more := newChain("web.test.").read(message(t, links(15)...), wire.TypeA); more || a.err != nil || len(a.records) != 1 || a.ttl.Seconds() != 5 {
		t.Errorf("16 CNAMEs: got %+v, want the address", a)
	}
	if a, more := newChain("web.test.").read(message(t, links(16)...), wire.TypeA); more || !errors.Is(a.err, ErrBadAnswer) {
		t.Errorf("17 CNAMEs: got %+v, want ErrBadAnswer", a)
	}
	c := newChain("web.test.")
	if _, more := c.read(message(t, "web.test. 9 IN CNAME a.test."), wire.TypeA); !more || c.at != "a.test." {
		t.Fatalf("a CNAME without its end: at %q, want to ask for a.test.", c.at)
	}
	if a, more := c.read(message(t, "a.test. 9 IN CNAME web.test."), wire.TypeA); more || !errors.Is(a.err, ErrBadAnswer) {
		t.Errorf("a circle over two answers: got %+v, want ErrBadAnswer", a)
	}
}

func TestATTLWithTheHighestBitIsZero(t *testing.T) {
	if a, _ := newChain("web.test.").read(message(t, "web.test. 4294967295 IN A 10.0.0.1"), wire.TypeA); a.err != nil || a.ttl != 0 {
		t.Errorf("got TTL %v, %v; want 0", a.ttl, a.err)
	}
}

// FuzzAnswer reads what a server may send: nothing panics, and what is taken
// belongs to the question and can be a peer.
func FuzzAnswer(f *testing.F) {
	for _, records := range [][]string{
		{"web.test. 9 IN A 10.0.0.1", "web.test. 9 IN AAAA 2001:db8::1"},
		{"web.test. 9 IN CNAME a.test.", "a.test. 9 IN A 0.0.0.0"},
		{"web.test. 9 IN SRV 1 2 3 a.test.", "web.test. 9 IN SRV 1 0 0 ."},
	} {
		msg := message(f, records...)
		msg.Id = 7
		packet, err := msg.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(packet, wire.TypeA)
		f.Add(packet[:len(packet)-3], wire.TypeSRV)
	}
	f.Fuzz(func(t *testing.T, packet []byte, qtype uint16) {
		query := new(wire.Msg).SetQuestion("web.test.", qtype)
		query.Id = 7
		msg, err := unpack(packet, query)
		if err != nil || judge(msg) != nil {
			return
		}
		c := newChain("web.test.")
		a, more := c.read(msg, qtype)
		if more && (c.at == "web.test." || len(c.seen) > maxChain+1) {
			t.Errorf("goes on at %q after %d names", c.at, len(c.seen))
		}
		if (a.err == nil && !more) != (len(a.records) > 0) {
			t.Errorf("error %v with %d records", a.err, len(a.records))
		}
		for _, r := range a.records {
			if isAddress(qtype) != (r.target == "") || (r.target == "" && !canBePeer(r.addr)) || (r.target != "" && r.port == 0) {
				t.Errorf("took %+v for type %d", r, qtype)
			}
		}
		for _, line := range rank(a.records) {
			if line.share < 1 || line.share > 1000 || line.tier < 0 || line.tier >= len(a.records) {
				t.Errorf("ranked %+v", line)
			}
		}
	})
}
