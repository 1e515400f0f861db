package bus

import (
	"iter"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ListenError is listenError.
func ListenError(addr string, err error) error { return listenError(addr, err) }

// StopServer stops the server behind the connection's back, and keeps it from
// being started again.
func (b *Bus) StopServer() {
	b.HoldKeeper()
	b.embedded.storage.server.Shutdown()
	b.embedded.storage.server.WaitForShutdown()
}

// JetStream is the JetStream of weir's own connection.
func (b *Bus) JetStream() jetstream.JetStream { return b.keeper.js }

// HoldKeeper stops what makes the stream again.
func (b *Bus) HoldKeeper() {
	b.keeper.cancel()
	b.keeper.done.Wait()
}

// HoldAnswers keeps acknowledgements from arriving.
func (b *Bus) HoldAnswers() { _ = b.deposits.answers.Unsubscribe() }

// Ear hears what passes in weir's own account.
type Ear struct{ messages chan *nats.Msg }

// Listen listens with weir's own rights until the test ends.
func (b *Bus) Listen(t testing.TB, subject string) *Ear {
	t.Helper()
	e := &Ear{messages: make(chan *nats.Msg, 100_000)}
	sub, err := b.link.ChanSubscribe(subject, e.messages)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sub.Unsubscribe() })
	if err := b.link.Flush(); err != nil {
		t.Fatal(err)
	}
	return e
}

// Until yields what was heard up to the first message on that subject.
func (e *Ear) Until(t testing.TB, last string) iter.Seq[string] {
	t.Helper()
	return func(yield func(string) bool) {
		for {
			select {
			case msg := <-e.messages:
				if msg.Subject == last || !yield(msg.Subject) {
					return
				}
			case <-time.After(10 * time.Second):
				t.Errorf("nothing was heard on %s", last)
				return
			}
		}
	}
}
