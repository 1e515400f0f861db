package discovery

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/weirproxy/weir/messages"
)

// Found is the result of one look.
type Found struct {
	// Peers is the full set as far as it is known: what this look found, and
	// what earlier looks found of the rest.
	Peers []messages.PeerSpec
	// Again is when to look again; 0 = never, unless asked.
	Again time.Duration
}

// Source finds peers. Find is called by one goroutine at a time, and returns
// soon after ctx is done. With an error, Found still holds what is known; an
// empty set with an error means that nothing is.
type Source interface {
	Find(ctx context.Context, spec messages.UpstreamSpec) (Found, error)
}

// ErrSourcePanic is returned when a source panicked; it counts as a failed look.
var ErrSourcePanic = errors.New("the source panicked")

const (
	firstRetry = 500 * time.Millisecond
	lastRetry  = 30 * time.Second
	// lookTimeout bounds one look.
	lookTimeout = 10 * time.Second
	// starvingPause is the least time between two looks that starving requests ask for.
	starvingPause = time.Second
)

// retryAfter returns how long to wait after the n-th failure in a row, from 1:
// doubling from 500 ms to 30 s, jittered by +-20%.
func retryAfter(n int) time.Duration {
	pause := firstRetry
	for i := 1; i < n && pause < lastRetry; i++ {
		pause *= 2
	}
	pause = min(pause, lastRetry)
	return pause*4/5 + rand.N(pause*2/5)
}
