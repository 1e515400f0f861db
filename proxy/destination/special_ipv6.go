package destination

import (
	"encoding/binary"
	"net/netip"
)

// groups are the eight groups of an IPv6 address, as it is written.
type groups [8]uint16

func (g groups) addr() netip.Addr {
	var b [16]byte
	for i, group := range g {
		binary.BigEndian.PutUint16(b[2*i:], group)
	}
	return netip.AddrFrom16(b)
}

// examineIPv6 looks addr up in IANA's IPv6
// Special-Purpose Address Registry. What lies beyond 2000::/3 is forbidden in any
// case (RFC 4291, 2.4); it is listed to give it its name. Of ranges within ranges
// the smaller goes first, but for 2001::/23, whose parts are all forbidden too.
func examineIPv6(addr netip.Addr) special {
	for _, s := range [...]struct {
		at groups
		special
	}{
		{groups{}, special{never, 128, "unspecified address"}},
		{groups{7: 1}, special{private, 128, "loopback address"}},
		{groups{}, special{never, 96, "v4-compatible address (RFC 4291)"}},
		{groups{0x64, 0xff9b, 1}, special{never, 48, "address of a local NAT64 (RFC 8215)"}},
		{groups{0x100}, special{never, 64, "discarded address (RFC 6666)"}},
		{groups{0x100, 0, 0, 1}, special{never, 64, "dummy address (RFC 9780)"}},
		{groups{0x2001}, special{never, 32, "Teredo address (RFC 4380)"}},
		{groups{0x2001}, special{never, 23, "address for protocols (RFC 2928)"}},
		{groups{0x2001, 0xdb8}, special{never, 32, "address for documentation (RFC 3849)"}},
		{groups{0x2002}, special{never, 16, "6to4 address (RFC 3056)"}},
		{groups{0x2620, 0x4f, 0x8000}, special{never, 48, "address of AS112 (RFC 7534)"}},
		{groups{0x3fff}, special{never, 20, "address for documentation (RFC 9637)"}},
		{groups{0x5f00}, special{never, 16, "segment routing address (RFC 9602)"}},
		{groups{0xfd00, 0x42, 7: 0x42}, special{never, 128, "metadata service of a cloud"}},  // Scaleway
		{groups{0xfd00, 0xec2}, special{never, 32, "metadata service of a cloud"}},           // AWS: metadata, credentials of pods
		{groups{0xfd20, 0xce, 7: 0x254}, special{never, 128, "metadata service of a cloud"}}, // Google
		{groups{0xfc00}, special{private, 7, "unique local address (RFC 4193)"}},
		{groups{0xfe80}, special{never, 10, "link-local address (RFC 4291)"}},
		{groups{0xfec0}, special{never, 10, "site-local address (RFC 3879)"}},
		{groups{0xff00}, special{never, 8, "multicast address (RFC 4291)"}},
	} {
		if netip.PrefixFrom(s.at.addr(), s.bits).Contains(addr) {
			return s.special
		}
	}
	if !netip.PrefixFrom(groups{0x2000}.addr(), 3).Contains(addr) {
		return special{never, 32, "not global unicast (RFC 4291)"} // a larger range may have some of the above in it
	}
	return special{class: public}
}
