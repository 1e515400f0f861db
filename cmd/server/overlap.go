package main

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// place is an address of this weir, and the key that it comes from.
type place struct {
	key, addr string
	at        string // what addr means
	shared    bool   // with others who say so
}

// placeOfNATS is that of the embedded NATS, which takes 0.0.0.0 for every address.
func placeOfNATS(addr string) place {
	at := addr
	if port, any4 := strings.CutPrefix(addr, "0.0.0.0:"); any4 {
		at = ":" + port
	}
	return place{key: "nats.addr", addr: addr, at: at}
}

// overlaps finds addresses that cannot be opened together, which would be told of as
// taken by another process, or only once somebody comes.
func (v *verification) overlaps() {
	places := make([]place, 0, len(v.cfg.Listeners)+2)
	for i, l := range v.cfg.Listeners {
		places = append(places, place{key: fmt.Sprintf("listeners[%d].addr", i), addr: l.Addr, at: l.Addr, shared: l.ReusePort})
	}
	places = append(places, place{key: "admin.addr", addr: v.cfg.Admin.Addr, at: v.cfg.Admin.Addr})
	if len(v.cfg.NATS.URLs) == 0 {
		places = append(places, placeOfNATS(v.cfg.NATS.Addr))
	}
	for i, later := range places {
		for _, p := range places[:i] {
			if overlap(p.at, later.at) && !(p.shared && later.shared) {
				v.fault(later.key, fmt.Sprintf("%s cannot be opened beside %s of %s: one of them has the port at all addresses, so leave the other out", later.addr, p.addr, p.key))
			}
		}
	}
}

// overlap tells whether two addresses have a port in common because one of them is
// every address. Of the same address it is not said here.
func overlap(a, b string) bool {
	hostA, portA, errA := net.SplitHostPort(a)
	hostB, portB, errB := net.SplitHostPort(b)
	return errA == nil && errB == nil && portA == portB && portA != "0" && a != b && (covers(hostA, hostB) || covers(hostB, hostA))
}

// covers tells whether to listen at host is to listen at other, too: no host and ::
// are IPv6 and IPv4, 0.0.0.0 is IPv4.
func covers(host, other string) bool {
	ip, err := netip.ParseAddr(host)
	if host != "" && (err != nil || !ip.IsUnspecified()) {
		return false
	}
	at, err := netip.ParseAddr(other)
	return !ip.Is4() || err != nil || at.Is4() || at.IsUnspecified()
}
