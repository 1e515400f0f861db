package discovery

import "context"

// errand is a goroutine of the actor's.
type errand struct {
	cancel context.CancelFunc
	done   chan struct{}
}

// newErrand runs do in a goroutine; end cancels its context.
func newErrand(do func(ctx context.Context)) *errand {
	ctx, cancel := context.WithCancel(context.Background())
	e := &errand{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(e.done)
		do(ctx)
	}()
	return e
}

// end cancels the errand and returns when it has ended. nil has.
func (e *errand) end() {
	if e == nil {
		return
	}
	e.cancel()
	<-e.done
}
