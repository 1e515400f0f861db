package dns

import (
	"cmp"
	"fmt"
	"math"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/weirproxy/weir/messages"
)

// entry is one entry of an upstream's addrs.
type entry struct {
	spec messages.PeerSpec
	// literal: the entry is a peer as it stands.
	literal bool
	key     key    // what to look up, unless literal
	port    string // of an entry with addresses
}

// parseEntry reads an entry. The configuration is checked before; what is bad
// nonetheless is an error of this entry alone.
func parseEntry(spec messages.PeerSpec, v4 bool) (entry, error) {
	e := entry{spec: spec}
	if isService(spec.Addr) {
		e.key = key{strings.ToLower(spec.Addr), service}
		return e, nil
	}
	if strings.HasPrefix(spec.Addr, "unix:/") {
		e.literal = true
		return e, nil
	}
	host, port, err := net.SplitHostPort(spec.Addr)
	if err != nil || host == "" || !isPort(port) {
		return e, fmt.Errorf("%q: %w", spec.Addr, ErrBadEntry)
	}
	if _, err := netip.ParseAddr(host); err == nil || strings.EqualFold(host, "localhost") {
		e.literal = true
		return e, nil
	}
	e.port, e.key = port, key{strings.ToLower(host), addressKind(v4)}
	return e, nil
}

func isService(addr string) bool {
	first, rest, _ := strings.Cut(addr, ".")
	return strings.HasPrefix(first, "_") && strings.HasPrefix(rest, "_") && !strings.Contains(addr, ":")
}

func isPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}

func addressKind(v4 bool) kind {
	if v4 {
		return addressesV4
	}
	return addresses
}

// peers returns the peers of a name's addresses.
func (e entry) peers(records []record) []messages.PeerSpec {
	peers := make([]messages.PeerSpec, 0, len(records))
	for _, r := range records {
		peers = append(peers, messages.PeerSpec{Addr: net.JoinHostPort(r.addr.String(), e.port), Weight: e.spec.Weight, Tier: e.spec.Tier})
	}
	return peers
}

// ranked is a line of SRV with the tier and the weight that it means.
type ranked struct {
	record
	tier, share int
}

// rank turns priorities into tiers, the lowest priority into tier 0, without
// gaps, and weights into those of peers. A weight of 0 becomes 1. Where a
// priority has a weight above messages.MaxWeight, all weights of that priority
// are scaled down so that the largest is MaxWeight, rounded, and none below 1.
func rank(records []record) []ranked {
	var priorities []uint16
	largest := map[uint16]int{}
	for _, r := range records {
		priorities = append(priorities, r.priority)
		largest[r.priority] = max(largest[r.priority], int(r.weight))
	}
	slices.Sort(priorities)
	priorities = slices.Compact(priorities)
	out := make([]ranked, 0, len(records))
	for _, r := range records {
		tier, _ := slices.BinarySearch(priorities, r.priority)
		share := float64(r.weight)
		if top := largest[r.priority]; top > messages.MaxWeight {
			share *= messages.MaxWeight / float64(top)
		}
		out = append(out, ranked{record: r, tier: tier, share: max(1, int(math.Round(share)))})
	}
	return out
}

// compareRecords orders addresses (IPv4 first) and lines of SRV (by priority).
func compareRecords(a, b record) int {
	return cmp.Or(cmp.Compare(a.priority, b.priority), a.addr.Compare(b.addr), cmp.Compare(a.target, b.target),
		cmp.Compare(a.port, b.port), cmp.Compare(b.weight, a.weight))
}
