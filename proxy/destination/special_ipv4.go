package destination

import "net/netip"

// examineIPv4 looks addr up in IANA's IPv4 Special-Purpose Address Registry, and
// in what is no unicast address. Of ranges within ranges the smaller goes first.
func examineIPv4(addr netip.Addr) special {
	for _, s := range [...]struct {
		at [4]byte
		special
	}{
		{[4]byte{0}, special{never, 8, "unspecified address, or this network (RFC 791)"}},
		{[4]byte{10}, special{private, 8, "private address (RFC 1918)"}},
		{[4]byte{100, 100, 100, 200}, special{never, 32, "metadata service of a cloud"}}, // Alibaba
		{[4]byte{100, 64}, special{private, 10, "shared address (RFC 6598)"}},
		{[4]byte{127}, special{private, 8, "loopback address"}},
		{[4]byte{168, 63, 129, 16}, special{never, 32, "metadata service of a cloud"}}, // Azure, and nothing outside of it
		{[4]byte{169, 254}, special{never, 16, "link-local address (RFC 3927)"}},
		{[4]byte{172, 16}, special{private, 12, "private address (RFC 1918)"}},
		{[4]byte{192, 0, 0}, special{never, 24, "address for protocols (RFC 6890)"}},
		{[4]byte{192, 0, 2}, special{never, 24, "address for documentation (RFC 5737)"}},
		{[4]byte{192, 31, 196}, special{never, 24, "address of AS112 (RFC 7535)"}},
		{[4]byte{192, 52, 193}, special{never, 24, "address of AMT relays (RFC 7450)"}},
		{[4]byte{192, 88, 99}, special{never, 24, "address of 6to4 relays (RFC 7526)"}},
		{[4]byte{192, 168}, special{private, 16, "private address (RFC 1918)"}},
		{[4]byte{192, 175, 48}, special{never, 24, "address of AS112 (RFC 7534)"}},
		{[4]byte{198, 18}, special{never, 15, "address for benchmarks (RFC 2544)"}},
		{[4]byte{198, 51, 100}, special{never, 24, "address for documentation (RFC 5737)"}},
		{[4]byte{203, 0, 113}, special{never, 24, "address for documentation (RFC 5737)"}},
		{[4]byte{224}, special{never, 4, "multicast address (RFC 5771)"}},
		{[4]byte{255, 255, 255, 255}, special{never, 32, "broadcast address (RFC 919)"}},
		{[4]byte{240}, special{never, 4, "reserved address (RFC 1112)"}},
	} {
		if netip.PrefixFrom(netip.AddrFrom4(s.at), s.bits).Contains(addr) {
			return s.special
		}
	}
	return special{class: public}
}
