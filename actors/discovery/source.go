package discovery

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/weirproxy/weir/messages"
)

// Found is the result of one look.
type Found struct {
	// Source says who was asked, for people: "dns 10.0.0.53:53".
	Source string
	// Peers is the full set as far as it is known: what this look found, and
	// what earlier looks found of the rest.
	Peers []messages.PeerSpec
	// Empty insists on an empty set in spite of an error: what was known is gone,
	// and it is not only that nothing is known.
	Empty bool
	// Stale tells that part of Peers is of an earlier look, because this one failed in part.
	Stale bool
	// Detail is what is odd though there is no error; empty = nothing.
	Detail string
	// Again is when to look again; 0 = never, unless asked, or after an error
	// with back-off.
	Again time.Duration
	// Changed is closed when there is news before Again; nil = the source does not say.
	Changed <-chan struct{}
}

// Source finds peers. Find returns soon after ctx is done. With an error, Found
// still holds what is known; an empty set with an error means that nothing is,
// unless Found.Empty. Sets of the same peers are in the same order.
type Source interface {
	Find(ctx context.Context, spec messages.UpstreamSpec) (Found, error)
}

// Look says what to find, and how.
type Look struct {
	Spec messages.UpstreamSpec
	// AtOnce: requests starve. What was remembered, and pauses after failures, do not count.
	AtOnce bool
	// Tell may be called, from the goroutine of the look, with what is known so
	// far when the rest takes long. Such a set counts as partial.
	Tell func(Found)
}

// Looker is a Source that can do more than Find; it is asked by Look instead.
type Looker interface {
	Source
	Look(ctx context.Context, look Look) (Found, error)
}

// Releaser is a Source that holds something for an upstream until it is released.
type Releaser interface {
	Release(upstream string)
}

var (
	// ErrSourcePanic is returned when a source panicked; it counts as a failed look.
	ErrSourcePanic = errors.New("the source panicked")
	// ErrNoSource is returned by ByKind for a kind of discovery that it does not have.
	ErrNoSource = errors.New("no source for this kind of discovery")
)

const (
	firstRetry = 500 * time.Millisecond
	lastRetry  = 30 * time.Second
	// lookTimeout bounds one look.
	lookTimeout = 10 * time.Second
	// starvingPause is the least time between two looks that starving requests ask for.
	starvingPause = time.Second
)

// failing returns which parts of a look failed, when the error can tell.
func failing(err error) string {
	var parts interface{ Failing() string }
	if errors.As(err, &parts) {
		return parts.Failing()
	}
	return ""
}

// find looks. A panic of the source is a failed look: what it reads comes from outside.
func find(ctx context.Context, source Source, look Look) (found Found, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			found, err = Found{}, fmt.Errorf("%w: %v", ErrSourcePanic, reason)
		}
	}()
	if looker, ok := source.(Looker); ok {
		return looker.Look(ctx, look)
	}
	return source.Find(ctx, look.Spec)
}

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
