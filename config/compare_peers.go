package config

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/weirproxy/weir/messages"
)

const addrsKey = "addrs"

// peerChanges returns what differs in the peers of an upstream: which were
// added and removed, weights and tiers, and the order if that is all.
func peerChanges(before, after messages.List[messages.PeerSpec]) []KeyChange {
	if messages.EqualLists(before, after) {
		return nil
	}
	old, oldOrder := mergePeers(before)
	next, order := mergePeers(after)
	var changes []KeyChange
	for _, addr := range order {
		p, key := next[addr], addrsKey+"["+addr+"]"
		was, there := old[addr]
		switch {
		case !there:
			changes = append(changes, KeyChange{Key: key, From: "none", To: peerText(p)})
			continue
		case was.Weight != p.Weight:
			changes = append(changes, KeyChange{Key: key + ".weight", From: strconv.Itoa(was.Weight), To: strconv.Itoa(p.Weight)})
		}
		if was.Tier != p.Tier {
			changes = append(changes, KeyChange{Key: key + ".tier", From: strconv.Itoa(was.Tier), To: strconv.Itoa(p.Tier)})
		}
	}
	for _, addr := range oldOrder {
		if _, there := next[addr]; !there {
			changes = append(changes, KeyChange{Key: addrsKey + "[" + addr + "]", From: peerText(old[addr]), To: "none"})
		}
	}
	if len(changes) == 0 {
		return []KeyChange{{Key: addrsKey + " (order)"}}
	}
	return changes
}

// mergePeers returns the peers by address, and the addresses in order. The same
// address twice is one peer, the weights add up.
func mergePeers(list messages.List[messages.PeerSpec]) (map[string]messages.PeerSpec, []string) {
	peers := make(map[string]messages.PeerSpec, list.Len())
	order := make([]string, 0, list.Len())
	for _, p := range list.All() {
		if was, twice := peers[p.Addr]; twice {
			was.Weight += p.Weight
			peers[p.Addr] = was
			continue
		}
		peers[p.Addr] = p
		order = append(order, p.Addr)
	}
	return peers, order
}

func peerText(p messages.PeerSpec) string {
	text := "weight " + strconv.Itoa(p.Weight)
	if p.Tier > 0 {
		text += " tier " + strconv.Itoa(p.Tier)
	}
	return text
}

// peerSummary counts the changes of peers: "addrs (1 added, 2 weights)". It
// returns the other changes as they are.
func peerSummary(keys []KeyChange) (summary string, others []KeyChange) {
	added, removed, weights, tiers := 0, 0, 0, 0
	for _, c := range keys {
		switch {
		case !strings.HasPrefix(c.Key, addrsKey+"["):
			others = append(others, c)
		case strings.HasSuffix(c.Key, "].weight"):
			weights++
		case strings.HasSuffix(c.Key, "].tier"):
			tiers++
		case c.To == "none":
			removed++
		default:
			added++
		}
	}
	var parts []string
	for _, part := range []struct {
		n         int
		one, many string
	}{{added, "added", "added"}, {removed, "removed", "removed"}, {weights, "weight", "weights"}, {tiers, "tier", "tiers"}} {
		switch part.n {
		case 0:
		case 1:
			parts = append(parts, "1 "+part.one)
		default:
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.many))
		}
	}
	if len(parts) > 0 {
		summary = addrsKey + " (" + strings.Join(parts, ", ") + ")"
	}
	return summary, others
}
