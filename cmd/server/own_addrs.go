package main

import (
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// ownAddrs are the addresses at which this weir listens, for clients, operators
// and members. No request of a transparent upstream goes there.
type ownAddrs struct {
	listening atomic.Pointer[[]netip.AddrPort]

	mu      sync.Mutex
	machine []netip.Addr // the addresses of the machine, as they were at asked
	asked   time.Time
}

// machineAge is how old the list of the machine's addresses may be.
const machineAge = 5 * time.Second

// set says where weir listens from now on. What is no HOST:PORT is passed over:
// nobody reaches a unix socket by an address.
func (o *ownAddrs) set(addrs []string) {
	var listening []netip.AddrPort
	for _, addr := range addrs {
		if at, err := netip.ParseAddrPort(addr); err == nil {
			listening = append(listening, netip.AddrPortFrom(at.Addr().Unmap().WithZone(""), at.Port()))
		}
	}
	o.listening.Store(&listening)
}

// has tells whether to is one of them.
func (o *ownAddrs) has(to netip.AddrPort) bool {
	listening := o.listening.Load()
	if listening == nil {
		return false
	}
	addr := to.Addr().Unmap().WithZone("")
	for _, at := range *listening {
		if at.Port() != to.Port() {
			continue
		}
		if at.Addr() == addr || at.Addr().IsUnspecified() && (addr.IsLoopback() || addr.IsUnspecified() || o.ofMachine(addr)) {
			return true
		}
	}
	return false
}

// ofMachine tells whether the machine has an address now, or had it a moment ago.
func (o *ownAddrs) ofMachine(addr netip.Addr) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if now := time.Now(); o.asked.IsZero() || now.Sub(o.asked) > machineAge {
		if found, err := net.InterfaceAddrs(); err == nil { // else as it was
			o.machine = o.machine[:0]
			for _, one := range found {
				if prefix, err := netip.ParsePrefix(one.String()); err == nil {
					o.machine = append(o.machine, prefix.Addr().Unmap().WithZone(""))
				}
			}
		}
		o.asked = now
	}
	return slices.Contains(o.machine, addr)
}
