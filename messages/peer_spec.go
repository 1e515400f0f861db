package messages

import "strconv"

// PeerSpec is one peer as discovery knows it.
type PeerSpec struct {
	// Addr is host:port, the host an IP literal or "localhost", or unix:/path.
	Addr string
	// Weight is the peer's share, 1 to 1000.
	Weight int
	// Tier is 0 for peers that are used first; a peer of tier 1 gets requests
	// when no peer of tier 0 is available, and so on.
	Tier int
}

// String prints the spec the way addrs are written: "10.0.0.1:80 5".
func (p PeerSpec) String() string { return p.Addr + " " + strconv.Itoa(p.Weight) }

// MergePeers returns peers with each address once, in order of first sight: the
// same address twice adds its weights (at most MaxWeight) and keeps the lower tier.
func MergePeers(peers []PeerSpec) []PeerSpec {
	merged := make([]PeerSpec, 0, len(peers))
	at := make(map[string]int, len(peers))
	for _, p := range peers {
		i, seen := at[p.Addr]
		if !seen {
			at[p.Addr] = len(merged)
			merged = append(merged, p)
			continue
		}
		merged[i].Weight = min(merged[i].Weight+p.Weight, MaxWeight)
		merged[i].Tier = min(merged[i].Tier, p.Tier)
	}
	return merged
}

// MaxWeight is the largest weight of a peer.
const MaxWeight = 1000
