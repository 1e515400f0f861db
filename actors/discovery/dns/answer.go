package dns

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	wire "github.com/miekg/dns"
)

const (
	// maxChain is how many CNAMEs are followed.
	maxChain = 16
	typeA    = wire.TypeA
)

func isAddress(qtype uint16) bool { return qtype == wire.TypeA || qtype == wire.TypeAAAA }

// answers tells whether msg answers the question: ErrBadAnswer says why not. Who
// sends something else may be anybody, so it is passed over.
func answers(msg *wire.Msg, id uint16, name string, qtype uint16) error {
	switch {
	case msg.Id != id:
		return fmt.Errorf("%w: another id", ErrBadAnswer)
	case !msg.Response || msg.Opcode != wire.OpcodeQuery:
		return fmt.Errorf("%w: not a response", ErrBadAnswer)
	case len(msg.Question) == 0 && (msg.Rcode == wire.RcodeFormatError || msg.Rcode == wire.RcodeNotImplemented):
		return nil // it did not understand the question, and cannot repeat it
	case len(msg.Question) != 1 || msg.Question[0].Qtype != qtype || msg.Question[0].Qclass != wire.ClassINET ||
		!strings.EqualFold(msg.Question[0].Name, name):
		return fmt.Errorf("%w: to another question", ErrBadAnswer)
	}
	return nil
}

// judge tells whether the server knows the answer, be it that there is nothing.
func judge(msg *wire.Msg) error {
	switch msg.Rcode {
	case wire.RcodeSuccess:
		if isReferral(msg) {
			return fmt.Errorf("%w: the server knows only others to ask (lame)", ErrBadAnswer)
		}
		return nil
	case wire.RcodeNameError:
		return nil
	case wire.RcodeServerFailure:
		return ErrServFail
	case wire.RcodeRefused:
		return ErrRefused
	}
	if text, known := wire.RcodeToString[msg.Rcode]; known {
		return fmt.Errorf("%w: %s", ErrBadAnswer, text)
	}
	return fmt.Errorf("%w: code %d", ErrBadAnswer, msg.Rcode)
}

// isReferral tells whether a response without an answer means "ask others" or
// nothing at all, and not that there is no record.
func isReferral(msg *wire.Msg) bool {
	if len(msg.Answer) > 0 || hasSOA(msg) {
		return false
	}
	for _, rr := range msg.Ns {
		if _, ok := rr.(*wire.NS); ok {
			return true
		}
	}
	return !msg.Authoritative && !msg.RecursionAvailable
}

func hasSOA(msg *wire.Msg) bool {
	return slices.ContainsFunc(msg.Ns, func(rr wire.RR) bool { _, ok := rr.(*wire.SOA); return ok })
}

// chain follows the CNAMEs of a name, through one answer or several.
type chain struct {
	at   string // the name where it is, lower case
	seen map[string]bool
	ttl  uint32 // the smallest on the way
	err  error  // why it is over
}

func newChain(name string) *chain {
	at := wire.CanonicalName(name)
	return &chain{at: at, seen: map[string]bool{at: true}, ttl: 1<<32 - 1}
}

func (c *chain) over() bool { return c.err != nil }

// read takes a response to a question for c.at. more: the answer is to be asked
// for at the new c.at. Records that belong to other names are passed over.
func (c *chain) read(msg *wire.Msg, qtype uint16) (a answer, more bool) {
	from := c.at
	c.walk(msg)
	if c.err != nil {
		return answer{err: c.err}, false
	}
	if msg.Rcode == wire.RcodeNameError {
		return answer{err: ErrNoSuchName}, false
	}
	unfit := 0
	for _, rr := range msg.Answer {
		if !c.here(rr, qtype) {
			continue
		}
		if rec, ok := recordOf(rr); ok {
			a.records = append(a.records, rec)
			c.hop(rr.Header().Ttl)
		} else {
			unfit++
		}
	}
	switch {
	case len(a.records) > 0:
		a.records = sorted(a.records)
		a.ttl = time.Duration(c.ttl) * time.Second
		if qtype == wire.TypeSRV {
			a.glue = glueOf(msg, from, a.records)
		}
	case unfit > 0 && qtype != wire.TypeSRV:
		a.err = fmt.Errorf("%w: %d records, none is an address that a peer can have", ErrBadAnswer, unfit)
	case c.at != from && !hasSOA(msg):
		return answer{}, true // the rest of the chain is another server's
	default:
		a.err = ErrNoData
	}
	return a, false
}

// walk follows the CNAMEs of one response.
func (c *chain) walk(msg *wire.Msg) {
	for c.err == nil {
		i := slices.IndexFunc(msg.Answer, func(rr wire.RR) bool { return c.here(rr, wire.TypeCNAME) })
		if i < 0 {
			return
		}
		cname, ok := msg.Answer[i].(*wire.CNAME)
		if !ok {
			c.err = fmt.Errorf("%w: a CNAME that is none", ErrBadAnswer)
			return
		}
		c.hop(cname.Hdr.Ttl)
		c.at = wire.CanonicalName(cname.Target)
		switch {
		case c.seen[c.at]:
			c.err = fmt.Errorf("%w: the CNAMEs run in a circle at %s", ErrBadAnswer, c.at)
		case len(c.seen) > maxChain:
			c.err = fmt.Errorf("%w: more than %d CNAMEs", ErrBadAnswer, maxChain)
		}
		c.seen[c.at] = true
	}
}

// here tells whether rr is a record of that type of the name where the chain is.
func (c *chain) here(rr wire.RR, rrtype uint16) bool {
	h := rr.Header()
	return h.Rrtype == rrtype && h.Class == wire.ClassINET && wire.CanonicalName(h.Name) == c.at
}

// hop notes a TTL. One with the highest bit set counts as 0 (RFC 2181, section 8).
func (c *chain) hop(ttl uint32) { c.ttl = min(c.ttl, soundTTL(ttl)) }

func soundTTL(ttl uint32) uint32 {
	if ttl > 1<<31-1 {
		return 0
	}
	return ttl
}

// recordOf reads one record; false = it cannot be a peer, nor lead to one.
func recordOf(rr wire.RR) (record, bool) {
	switch rr := rr.(type) {
	case *wire.A:
		addr, ok := netip.AddrFromSlice(rr.A)
		return record{addr: addr.Unmap()}, ok && canBePeer(addr.Unmap())
	case *wire.AAAA:
		addr, ok := netip.AddrFromSlice(rr.AAAA)
		return record{addr: addr.Unmap()}, ok && canBePeer(addr.Unmap())
	case *wire.SRV:
		target := wire.CanonicalName(rr.Target) // "." means that there is no such service (RFC 2782)
		return record{target: target, priority: rr.Priority, weight: rr.Weight, port: rr.Port}, target != "." && rr.Port != 0
	}
	return record{}, false
}

// sorted returns records once each in a fixed order: servers turn theirs around.
func sorted(records []record) []record {
	slices.SortFunc(records, compareRecords)
	return slices.Compact(records)
}

// glueOf returns the addresses of targets that came in the additional section.
// Only those within the domain of the service count: of other domains who answers
// for this one may say what he likes (RFC 2181, 5.4.1).
func glueOf(msg *wire.Msg, service string, records []record) map[string]glue {
	found, wanted := map[string]glue{}, map[string]bool{}
	domain := domainOf(service)
	for _, r := range records {
		wanted[r.target] = domain != "." && wire.IsSubDomain(domain, r.target)
	}
	for _, rr := range msg.Extra {
		owner := wire.CanonicalName(rr.Header().Name)
		if !isAddress(rr.Header().Rrtype) || rr.Header().Class != wire.ClassINET || !wanted[owner] {
			continue
		}
		rec, ok := recordOf(rr)
		if !ok {
			continue
		}
		g, seen := found[owner]
		ttl := time.Duration(soundTTL(rr.Header().Ttl)) * time.Second
		if !seen || ttl < g.ttl {
			g.ttl = ttl
		}
		if rr.Header().Rrtype == wire.TypeA {
			g.v4 = append(g.v4, rec)
		} else {
			g.v6 = append(g.v6, rec)
		}
		found[owner] = g
	}
	for owner, g := range found {
		g.v4, g.v6 = sorted(g.v4), sorted(g.v6)
		found[owner] = g
	}
	return found
}

// domainOf returns what a service is of: all behind _SERVICE._PROTO.
func domainOf(service string) string {
	labels := wire.SplitDomainName(service)
	for len(labels) > 0 && strings.HasPrefix(labels[0], "_") {
		labels = labels[1:]
	}
	return wire.CanonicalName(strings.Join(labels, "."))
}
