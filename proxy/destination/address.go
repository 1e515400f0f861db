package destination

import "net/netip"

// class says who may be sent to an address.
type class int

const (
	never   class = iota // nobody: the zero class
	private              // who set allow_private
	public               // everybody
)

func (c class) forbidden(allowPrivate bool) bool {
	return c == never || c == private && !allowPrivate
}

// special is what is known of an address: the class of the range that it lies
// in, the length of that range, and what the range is.
type special struct {
	class  class
	bits   int
	reason string
}

// Forbidden tells whether requests of clients must not be sent to an address, and
// why. What is left is global unicast and in none of the ranges of IANA's
// special-purpose registries (RFC 6890, RFC 8190), be they reachable or not: no
// web site is in one.
//
// AllowPrivate opens what an organisation gives out itself: the ranges of RFC
// 1918, shared space (100.64.0.0/10), unique local addresses (fc00::/7) and
// loopback. Never open are link-local, multicast, unspecified and reserved
// addresses, and those at which clouds tell a machine its secrets, wherever these
// lie.
//
// An IPv4 address within an IPv6 address counts for itself where weir would reach
// it so: v4-mapped (::ffff:0:0/96), NAT64 (64:ff9b::/96), ISATAP. The other ways
// to wrap one (v4-compatible, local NAT64, 6to4, Teredo) are forbidden as a whole,
// and so is an address with a zone.
func Forbidden(addr netip.Addr, allowPrivate bool) (reason string, bad bool) {
	s := examine(addr)
	if s.class.forbidden(allowPrivate) {
		return s.reason, true
	}
	return "", false
}

func examine(addr netip.Addr) special {
	switch {
	case !addr.IsValid():
		return special{never, 0, "no address"}
	case addr.Zone() != "":
		return special{never, 0, "address with a zone"}
	}
	addr = addr.Unmap()
	if addr.Is4() {
		return examineIPv4(addr)
	}
	inner, how := wrappedIPv4(addr)
	if how != unwrapped {
		// Only global addresses are wrapped (RFC 6052, 3.1): a private one in there
		// is no private address, and allow_private does not open it.
		if s := examineIPv4(inner); s.class != public {
			return special{never, 96 + s.bits, "IPv6 address with a forbidden IPv4 address in it: " + s.reason}
		}
	}
	if how == byNAT64 {
		return special{class: public}
	}
	return examineIPv6(addr)
}

// wrapping is a way to reach an IPv4 address by an IPv6 address.
type wrapping int

const (
	unwrapped wrapping = iota
	byNAT64            // with the prefix that all know (RFC 6052, 2.1)
	byISATAP           // told by the second half of the address (RFC 5214, 6.1)
)

// wrappedIPv4 returns the IPv4 address that a packet to addr may end at.
func wrappedIPv4(addr netip.Addr) (inner netip.Addr, how wrapping) {
	if !addr.Is6() {
		return inner, unwrapped
	}
	b := addr.As16()
	switch {
	case [12]byte(b[:12]) == [12]byte{0, 0x64, 0xff, 0x9b}:
		how = byNAT64
	case b[0] != 0 && b[8]&^2 == 0 && [3]byte(b[9:12]) == [3]byte{0, 0x5e, 0xfe}:
		how = byISATAP
	default:
		return inner, unwrapped
	}
	return netip.AddrFrom4([4]byte(b[12:])), how
}
