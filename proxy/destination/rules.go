package destination

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// Rules are patterns made ready. They cannot change. A match costs the same for
// ten patterns and for a million: it grows with the labels of a name, and with how
// many different lengths the ranges have (at most 162).
type Rules struct {
	hosts    map[uint16]struct{} // ports of "*"
	names    map[nameRule]struct{}
	suffixes map[nameRule]struct{}
	ranges   map[rangeRule]struct{}
	lengths4 []int // of the IPv4 ranges
	lengths6 []int
	private  bool
}

// anyPort is the port of a rule for all ports.
const anyPort = 0

type nameRule struct {
	name string
	port uint16
}

type rangeRule struct {
	prefix netip.Prefix
	port   uint16
}

// NewRules makes rules of patterns. No pattern allows nothing. Private opens the
// private addresses (see Forbidden) to those hosts that the patterns allow.
func NewRules(patterns []Pattern, private bool) *Rules {
	r := &Rules{
		hosts:    map[uint16]struct{}{},
		names:    map[nameRule]struct{}{},
		suffixes: map[nameRule]struct{}{},
		ranges:   map[rangeRule]struct{}{},
		private:  private,
	}
	lengths4, lengths6 := map[int]struct{}{}, map[int]struct{}{}
	for _, p := range patterns {
		switch {
		case p.anyPort:
			r.add(p, anyPort)
		case p.port != 0:
			r.add(p, p.port)
		default:
			r.add(p, 80)
			r.add(p, 443)
		}
		if p.kind == addressRange && p.prefix.Addr().Is4() {
			lengths4[p.prefix.Bits()] = struct{}{}
		} else if p.kind == addressRange {
			lengths6[p.prefix.Bits()] = struct{}{}
		}
	}
	r.lengths4, r.lengths6 = slices.Sorted(maps.Keys(lengths4)), slices.Sorted(maps.Keys(lengths6))
	return r
}

func (r *Rules) add(p Pattern, port uint16) {
	switch p.kind {
	case noHost:
	case anyHost:
		r.hosts[port] = struct{}{}
	case exactName:
		r.names[nameRule{p.name, port}] = struct{}{}
	case suffixName:
		r.suffixes[nameRule{p.name, port}] = struct{}{}
	case addressRange:
		r.ranges[rangeRule{p.prefix, port}] = struct{}{}
	}
}

// Allows tells whether a pattern allows host and port of a. It says nothing of
// the addresses that a name has. Nil rules allow nothing.
func (r *Rules) Allows(a Authority) bool {
	if r == nil || a.port == 0 {
		return false
	}
	if has(r.hosts, a.port) || has(r.hosts, anyPort) {
		return true
	}
	if a.addr.IsValid() {
		return r.allowsAddr(a.addr, a.port)
	}
	if has(r.names, nameRule{a.name, a.port}) || has(r.names, nameRule{a.name, anyPort}) {
		return true
	}
	if len(r.suffixes) == 0 {
		return false
	}
	for rest := a.name; ; {
		dot := strings.IndexByte(rest, '.')
		if dot < 0 {
			return false
		}
		rest = rest[dot+1:]
		if has(r.suffixes, nameRule{rest, a.port}) || has(r.suffixes, nameRule{rest, anyPort}) {
			return true
		}
	}
}

func (r *Rules) allowsAddr(addr netip.Addr, port uint16) bool {
	lengths := r.lengths6
	if addr.Is4() {
		lengths = r.lengths4
	}
	for _, bits := range lengths {
		prefix := netip.PrefixFrom(addr, bits).Masked()
		if has(r.ranges, rangeRule{prefix, port}) || has(r.ranges, rangeRule{prefix, anyPort}) {
			return true
		}
	}
	return false
}

func has[K comparable](set map[K]struct{}, key K) bool {
	_, ok := set[key]
	return ok
}
