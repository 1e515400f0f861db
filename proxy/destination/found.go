package destination

import "net/netip"

// Found is where one request may go: addresses of its host, checked. It is a
// value of one request, for one goroutine; it stays good after the Finder forgot
// the name, and when it is closed. The zero Found has no address.
type Found struct {
	own  func(netip.AddrPort) bool
	list *addrList // nil = there is next only
	turn uint32
	port uint16
	i    int            // how many of list have been looked at
	next netip.AddrPort // not valid = there is none left
}

// Next returns an address that it did not return before, to be dialled as it is;
// ok is false when there is none left. The first call on what Find returned has
// one. Requests begin at different addresses, so that all get their share.
func (f *Found) Next() (to netip.AddrPort, ok bool) {
	to = f.next
	f.next = netip.AddrPort{}
	f.advance()
	return to, to.IsValid()
}

// advance makes next the next address of the list that is not weir's own.
func (f *Found) advance() {
	if f.list == nil {
		return
	}
	for f.i < len(f.list.addrs) {
		to := netip.AddrPortFrom(f.list.at(f.i, f.turn), f.port)
		f.i++
		if !isOwn(f.own, to) {
			f.next = to
			return
		}
	}
}

// isOwn asks own about an address, and about the IPv4 address in it.
func isOwn(own func(netip.AddrPort) bool, to netip.AddrPort) bool {
	if own == nil {
		return false
	}
	if own(to) {
		return true
	}
	inner, how := wrappedIPv4(to.Addr())
	return how != unwrapped && own(netip.AddrPortFrom(inner, to.Port()))
}
