// Package health finds out which peers of an upstream work. One health actor
// per upstream has one prober per peer beneath it; a prober probes its peer on
// schedule, counts the results, and says so when its verdict changes.
//
// Owns: when a peer is probed (schedule), how (tcp, http, https probes), what
// the results mean (verdict), and how many probes run at once (Gate for the
// process, a Share of it for each upstream).
//
// In, health: WatchPeers (the full set; from its parent), ProbeNow.
// Out: VerdictReached to the parent, for the first result of a peer and for each
// flip, with the Gen of the last WatchPeers; every result through Deps.Record.
//
// A verdict that an earlier process left behind (ProbeTarget.Remembered) counts
// as none: the peer is probed at once, and its first result decides and is told.
//
// Order: a peer has at most one probe in flight, and its verdicts arrive in the
// order in which they were reached. Nothing is promised between peers. A
// VerdictReached may come twice: health repeats one when a WatchPeers shows that
// the parent does not know it.
//
// What outlives an incarnation: the Props remember the last WatchPeers and, for
// each peer, the verdict in force (memory, seat). A restarted prober goes on with
// that verdict, on its grid, with its counters at zero; a restarted health actor
// starts all probers again in that way, without being told anything. That
// belongs to one Props value: of each, only one actor may run at a time.
//
// Failure: a probe that fails is a result. A panic in a probe does not end the
// process and is not held against the peer: it crashes its prober, which its
// supervision restarts. A prober that supervision gave up is started again after
// reviveAfter. A check that cannot be run (NewProbe fails) is logged, shown as
// the last result of each peer, and the check before it goes on.
//
// The core is plain Go: verdict, schedule, prober (one peer), roster (all peers
// of an upstream), flight (one probe under way). Only actor.go knows protoactor.
package health
