package health

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/weirproxy/weir/messages"
)

// outcome is what came of one probe: a result, or a panic.
type outcome struct {
	ticket  uint64
	started time.Duration // when the probe began, after it passed the gate
	late    time.Duration // how much later than planned that was
	result  Result
	// crash is the panic with its stack; empty when there was none.
	crash string
}

// order is one probe to make.
type order struct {
	ticket  uint64
	addr    string
	probe   ProbeFunc
	planned time.Duration
	share   *Share
	clock   clock
	// report is told the outcome, from the flight's goroutine, unless the flight
	// was aborted: then nobody waits for it.
	report func(outcome)
}

// flight is one probe under way. Its owner is the prober; abort ends it.
type flight struct {
	cancel context.CancelFunc
	done   chan struct{}
}

// launch starts a probe in a goroutine of its own.
func launch(o order) *flight {
	ctx, cancel := context.WithCancel(context.Background())
	f := &flight{cancel: cancel, done: make(chan struct{})}
	go f.fly(ctx, o)
	return f
}

// abort cancels the probe and waits for its end, at most for patience. It
// returns false when the probe has not ended by then; it still ends by itself,
// and reports nothing.
func (f *flight) abort(patience time.Duration) bool {
	f.cancel()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-f.done:
		return true
	case <-timer.C:
		return false
	}
}

func (f *flight) fly(ctx context.Context, o order) {
	defer close(f.done)
	defer f.cancel()
	if err := o.share.Enter(ctx); err != nil {
		return // aborted: nobody waits for the outcome
	}
	out := outcome{ticket: o.ticket, started: o.clock.now()}
	out.late = max(0, out.started-o.planned)
	ended := false
	defer func() {
		o.share.Leave()
		if !ended { // a panic, or runtime.Goexit, which recover does not see
			out.crash = fmt.Sprintf("probe of %s panicked: %v\n%s", o.addr, recover(), debug.Stack())
			out.result = result(messages.CodeInternal, "probe panicked")
		}
		if ctx.Err() == nil {
			o.report(out)
		}
	}()
	out.result = o.probe(ctx, o.addr)
	ended = true
}
