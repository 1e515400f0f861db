// Package balance answers the ask: which peer of an upstream takes this request?
// It is the meeting place of two worlds. The upstream's actor answers ahead, by
// publishing an immutable Snapshot on the upstream's Ref whenever something
// changed; requests pick from it without a lock, a mailbox or an allocation.
//
// Owns: Registry and the Refs in it, which outlive actors; Peer with counters
// and verdict, of this process or remembered; which peers drain, and until when; Snapshot; the algorithms (round_robin, least_conn, p2c, random,
// hash), one file each; the waiting room (room) and its pace.
//
// In: snapshots (Publish, Withdraw) from the upstream's actor; Acquire and
// Release from requests; Remember, from whoever kept verdicts over a restart.
// Out: a peer or one of the errors in errors.go; OnStarving, when asks find no
// peer; OnVerdict, when what is known of a peer's health changed.
//
// Order: an ask that begins after Publish returned picks from that snapshot or a
// later one. Who waits is served first come, first served, and before all who
// come later. A limit is never exceeded. If an available peer has a free slot,
// a pick finds it, whatever the algorithm; the lowest tier that has one wins,
// and peers that the ask tried before come last.
//
// Failure: nothing here can fail but an ask. An actor's crash loses neither the
// snapshot nor those who wait. Waiting ends by itself: by a peer, by a snapshot
// that says it is no use, by queue_timeout, or when the client is gone.
package balance
