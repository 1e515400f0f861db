// Package upstream is the heart of the control side: one actor per upstream,
// and the manager above them. The upstream actor knows who the peers are
// (discovery), who of them works (verdicts), and publishes both as one
// immutable snapshot on the upstream's balance.Ref, from which requests pick.
//
// Owns: the set of peers of each upstream, the start-up rule, which peers are
// available, make before break (replacement), the end of drains, the parking of
// upstreams that crash again and again. Peer state itself (verdicts, counters) is
// in balance.Registry, which outlives the actors; a starting upstream adopts what
// is there.
//
// In, the manager: EnsureUpstream, RemoveUpstream (from control), Starving,
// Suspected (from the data path); for a parked upstream also VerdictReached.
// In, an upstream: EnsureUpstream, PeersFound, DiscoveryFailed (from its
// discoverer), VerdictReached (from health), Starving, Suspected.
// Out: snapshots; Retire and Cut to the data path, for peers that left;
// WatchPeers, ProbeNow to health; Discover, Starving to the discoverer; Flipped,
// UpstreamChanged, DiscoveryChanged to the notifier.
//
// Order: a snapshot is published before the event that tells of it. What a
// child of an earlier incarnation sends carries an older generation and is dropped.
//
// Failure: a failed discovery keeps the last good set. A crash of an upstream
// leaves its last snapshot in service; it restarts with back-off. One that
// crashes too often is parked: its last snapshot goes on serving, its peers are
// probed under the manager, an event says so, and the next EnsureUpstream wakes it.
//
// What a crash must not lose stands outside: wanted specs in Memory, verdicts,
// drains and whether discovery fails in the Ref, a replacement in the snapshot.
// The manager has the timers of drains, because they outlive their upstream.
//
// The core is plain Go: pool (one upstream), roster and drains (the manager's).
// Only actor.go knows protoactor.
package upstream
