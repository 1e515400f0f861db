package main

import (
	"fmt"
	"time"

	"github.com/weirproxy/weir/messages"
	"github.com/weirproxy/weir/verdicts"
)

// remember opens the data directory and puts what the last process knew of its
// peers into the registry. It stands until the first probe.
func (w *weir) remember() error {
	keeper, entries, err := verdicts.Open(verdicts.Config{Dir: w.cfg.DataDir, Logger: w.log})
	if err != nil {
		return fmt.Errorf("data_dir: %w", err)
	}
	w.keeper = keeper
	seen := map[string]time.Time{}
	peers := 0
	for _, e := range entries {
		seen[e.Upstream] = e.Seen
		ref := w.registry.Ref(e.Upstream)
		for _, p := range e.Peers {
			ref.Peer(p.Addr).Remember(p.Verdict, p.Code, p.Detail, p.Since, p.Flips)
			peers++
		}
	}
	if peers > 0 {
		w.log.Info("verdicts of the last run remembered", "upstreams", len(entries), "peers", peers)
	}
	w.registry.OnVerdict(keeper.Touch)
	keeper.Start(func() []verdicts.Entry { return w.known(seen) })
	return nil
}

// known returns what is known of all peers. seen says when upstreams existed
// last that do not exist in this process.
func (w *weir) known(seen map[string]time.Time) []verdicts.Entry {
	now := time.Now()
	refs := w.registry.Refs()
	entries := make([]verdicts.Entry, 0, len(refs))
	for _, ref := range refs {
		e := verdicts.Entry{Upstream: ref.Name(), Seen: now}
		if at, old := seen[ref.Name()]; ref.Snapshot() == nil {
			if !old {
				continue // it was removed
			}
			e.Seen = at
		}
		for peer, s := range ref.States() {
			if s.Verdict != messages.Unknown {
				e.Peers = append(e.Peers, verdicts.Peer{Addr: peer.Addr(), Verdict: s.Verdict, Since: s.Since, Code: s.Code, Detail: s.Detail, Flips: s.Flips})
			}
		}
		entries = append(entries, e)
	}
	return entries
}
