package balance_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/messages"
)

// An upstream's actor publishes snapshots; requests acquire peers and release them.
func Example() {
	ref := balance.NewRegistry().Ref("api")

	// The actor's side: a new snapshot whenever something changed.
	members := []balance.Member{
		{Peer: ref.Peer("10.0.0.1:8080"), Weight: 2, Available: true},
		{Peer: ref.Peer("10.0.0.2:8080"), Weight: 1, Available: true},
		{Peer: ref.Peer("10.0.0.3:8080"), Weight: 1, Tier: 1, Available: true}, // backup
	}
	policy := balance.Policy{Algo: messages.Algo{Kind: messages.RoundRobin}}
	ref.Publish(balance.NewSnapshot(balance.SnapshotConfig{Policy: policy, Members: members}))

	// The requests' side. An Ask is kept for all attempts of a request.
	for range 3 {
		peer, err := ref.Acquire(&balance.Ask{})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(peer.Addr())
		ref.Release(peer, balance.Outcome{Latency: 3 * time.Millisecond})
	}

	// A retry prefers what was not tried, also of another tier.
	var ask balance.Ask
	for range 3 {
		peer, err := ref.Acquire(&ask)
		if err != nil {
			fmt.Println(err)
			return
		}
		ask.Tried(peer)
		ref.Release(peer, balance.Outcome{Failed: true})
	}
	fmt.Println("tried the backup:", ask.HasTried(members[2].Peer))

	for i := range members {
		members[i].Available = false
	}
	ref.Publish(balance.NewSnapshot(balance.SnapshotConfig{Policy: policy, Members: members}))
	_, err := ref.Acquire(&balance.Ask{})
	fmt.Println(errors.Is(err, balance.ErrNoPeer), err)

	// Output:
	// 10.0.0.1:8080
	// 10.0.0.2:8080
	// 10.0.0.1:8080
	// tried the backup: true
	// true no peer is available
}
