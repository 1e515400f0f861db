package notifier

import (
	"fmt"
	"log/slog"
	"runtime"
	"testing"
	"time"

	"github.com/weirproxy/weir/messages"
)

// BenchmarkOutboxBurst puts the first flips of many upstreams of ten peers at
// once, while there is no stream, and stores them when it is back. The time of
// one flip must not grow with their number.
func BenchmarkOutboxBurst(b *testing.B) {
	for _, upstreams := range []int{100, 1_000, 10_000} {
		for _, flips := range []int{1, 3} {
			b.Run(fmt.Sprintf("upstreams=%d/flips=%d", upstreams, flips), func(b *testing.B) {
				burst(b, upstreams, flips)
			})
		}
	}
}

func burst(b *testing.B, upstreams, flips int) {
	const peers = 10
	e := newEncoder(cfg())
	type put struct {
		event  messages.Event
		record Record
	}
	var all []put
	for range flips {
		for u := range upstreams {
			for p := range peers {
				event := messages.Flipped{Upstream: fmt.Sprint("u", u), Peer: fmt.Sprint("10.0.0.", p, ":80"), To: messages.Healthy, At: time.Now(), Seq: 1}
				r, _ := e.encode(event)
				all = append(all, put{event, r})
			}
		}
	}
	ready := false
	var answers []func(bool, error)
	deps := OutboxDeps{Publish: func(string, map[string]string, []byte) error { return nil },
		Store: func(_ string, _ map[string]string, _ []byte, done func(bool, error)) error {
			answers = append(answers, done)
			return nil
		},
		StoreReady: func() bool { return ready }, Feed: NewFeed(1), Logger: slog.New(slog.DiscardHandler)}
	var before, after runtime.MemStats
	var held uint64
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		o := NewOutbox(cfg(), deps)
		ready = false
		for _, p := range all {
			o.put(p.event, p.record)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		held = after.HeapAlloc - min(before.HeapAlloc, after.HeapAlloc)
		deliverAll(o, &ready, &answers)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(all)), "ns/flip")
	b.ReportMetric(float64(held)/float64(upstreams*peers), "B/peer")
}

// deliverAll does what Run does: all live, then all stored.
func deliverAll(o *Outbox, ready *bool, answers *[]func(bool, error)) {
	now := time.Now()
	for {
		j := o.next(now)
		switch {
		case j.action != actWait:
			o.perform(j)
		case len(*answers) > 0:
			for _, done := range *answers {
				done(false, nil)
			}
			*answers = (*answers)[:0]
		case *ready:
			return
		default:
			*ready = true
		}
	}
}
