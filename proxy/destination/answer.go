package destination

import (
	"fmt"
	"net/netip"
	"sync/atomic"
)

// maxAddrs is how many addresses of one name are kept: its owner chooses how many
// there are, and each name in the cache has them.
const maxAddrs = 32

// answer is what a lookup came to. Only turn changes.
type answer struct {
	public  addrList
	all     addrList   // public and private ones
	refused netip.Addr // the first that is never open, if any
	err     error      // ErrNotFound or ErrLookup; there are no addresses then
	turn    atomic.Uint32
}

// newAnswer checks each address and forgets those that are never open.
func newAnswer(addrs []netip.Addr) *answer {
	a := &answer{}
	var open, all []netip.Addr
	mixed := false
	for _, addr := range addrs {
		addr = addr.Unmap()
		switch examine(addr).class {
		case never:
			if !a.refused.IsValid() {
				a.refused = addr
			}
			continue
		case private:
			mixed = true
		case public:
			if len(open) < maxAddrs {
				open = append(open, addr)
			}
		}
		if len(all) < maxAddrs {
			all = append(all, addr)
		}
	}
	a.public = newAddrList(open)
	a.all = a.public
	if mixed {
		a.all = newAddrList(all)
	}
	return a
}

// list returns the addresses that rules leave.
func (a *answer) list(allowPrivate bool) *addrList {
	if allowPrivate {
		return &a.all
	}
	return &a.public
}

// forbidden says why no address is left. It is asked when that is so.
func (a *answer) forbidden(name string, allowPrivate bool) error {
	addr := a.refused
	if !addr.IsValid() {
		addr = a.all.addrs[0]
	}
	reason, _ := Forbidden(addr, allowPrivate)
	return fmt.Errorf("%w: %q is at %s: %s", ErrForbidden, name, addr, reason)
}

// addrList are addresses of one name, in the order in which they came, but those
// of the first one's family before the others. Which family goes first is for who
// looked them up to say: where IPv6 leads nowhere, half of all first attempts
// would fail otherwise.
type addrList struct {
	addrs []netip.Addr
	first int // how many are of the first family
}

func newAddrList(addrs []netip.Addr) addrList {
	if len(addrs) == 0 {
		return addrList{}
	}
	sorted := make([]netip.Addr, 0, len(addrs))
	for _, addr := range addrs {
		if addr.Is4() == addrs[0].Is4() {
			sorted = append(sorted, addr)
		}
	}
	first := len(sorted)
	for _, addr := range addrs {
		if addr.Is4() != addrs[0].Is4() {
			sorted = append(sorted, addr)
		}
	}
	return addrList{sorted, first}
}

// at returns the i-th address of a round that begins at turn. Each family takes
// its own turns.
func (l *addrList) at(i int, turn uint32) netip.Addr {
	if i < l.first {
		return l.addrs[(uint32(i)+turn)%uint32(l.first)]
	}
	others := uint32(len(l.addrs) - l.first)
	return l.addrs[uint32(l.first)+(uint32(i-l.first)+turn)%others]
}
