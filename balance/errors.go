package balance

import "errors"

var (
	// ErrNoUpstream is returned when the upstream does not exist: nothing was
	// ever published for it, or it was withdrawn, also while the ask waited.
	ErrNoUpstream = errors.New("upstream does not exist")
	// ErrNoPeer is returned when no peer is available and waiting is no use:
	// all are down, or the set has been empty for queue_timeout. It is also
	// returned to those who wait when a new snapshot says so.
	ErrNoPeer = errors.New("no peer is available")
	// ErrQueueFull is returned when every available peer is at its limit and
	// as many asks wait already as may (with a queue of 0: none may).
	ErrQueueFull = errors.New("too many requests wait for a peer")
	// ErrQueueTimeout is returned when an ask waited queue_timeout and got no peer.
	ErrQueueTimeout = errors.New("waited queue_timeout for a peer")
	// ErrGone is returned when Ask.Done was closed while the ask waited.
	ErrGone = errors.New("the client is gone")
)
