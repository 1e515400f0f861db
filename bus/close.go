package bus

import (
	"context"
	"fmt"
)

// Close sends what is under way, stops the server if it is embedded, waits for
// it and frees the store, until ctx is done at most: then it returns
// ErrNotStopped, and the rest happens behind it. Closing again waits too. What
// waits to be stored gets ErrUncertain.
func (b *Bus) Close(ctx context.Context) error {
	b.closing.Do(func() { go b.stop(ctx) })
	select {
	case <-b.done:
		return b.err
	case <-ctx.Done():
		select {
		case <-b.done: // both: it has stopped
			return b.err
		default:
			return fmt.Errorf("%w: %w", ErrNotStopped, ctx.Err())
		}
	}
}

// stop ends everything in order. ctx bounds the draining; the rest must happen.
func (b *Bus) stop(ctx context.Context) {
	defer close(b.done)
	b.stopServices(ctx)
	b.disconnect(ctx)
	b.behind.Wait()
	e := b.embedded
	if e == nil {
		return
	}
	e.gate.wait()
	e.storage.stop()
	b.err = e.storage.close()
}

// disconnect sends what was published, and ends the connection and what lives by it.
func (b *Bus) disconnect(ctx context.Context) {
	if b.keeper != nil {
		b.keeper.stop()
	}
	if err := b.link.Drain(); err != nil {
		b.link.Close() // there is nothing to drain without a connection
	}
	select {
	case <-b.link.closed:
	case <-ctx.Done():
		b.link.Close()
		<-b.link.closed
	}
	b.deposits.close()
}
