package dns

import "context"

const (
	// inFlight bounds the questions of the process that wait for an answer.
	inFlight = 64
	// doubtfulInFlight bounds those of them about names that failed last, so that
	// names without an answer leave room for the others.
	doubtfulInFlight = inFlight / 2
)

// gate bounds questions in flight. Who waits is let in in order.
type gate struct{ all, doubtful chan struct{} }

func newGate() gate {
	return gate{all: make(chan struct{}, inFlight), doubtful: make(chan struct{}, doubtfulInFlight)}
}

// enter waits for a place. leave gives it back; without an error it must be called.
func (g gate) enter(ctx context.Context, doubtful bool) (leave func(), err error) {
	if doubtful {
		select {
		case g.doubtful <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	select {
	case g.all <- struct{}{}:
		return func() { <-g.all; g.leaveDoubtful(doubtful) }, nil
	case <-ctx.Done():
		g.leaveDoubtful(doubtful)
		return nil, ctx.Err()
	}
}

func (g gate) leaveDoubtful(doubtful bool) {
	if doubtful {
		<-g.doubtful
	}
}
