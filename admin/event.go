package admin

import (
	"context"
	"encoding/json"
	"time"
)

// Event is one event as it left for the outside.
type Event struct {
	// ID is unique to the event.
	ID string
	// Type is "weir.health.v1.flip" and the like.
	Type string
	Time time.Time
	// Body is the event's JSON. It is not changed.
	Body []byte
}

// Feed keeps recent events and hands out new ones.
type Feed interface {
	// Subscribe returns a subscription that begins with the last events that are
	// kept, at most last of them, and goes on with each new one.
	Subscribe(last int) Subscription
}

// Subscription hands out events in order. One goroutine uses it.
type Subscription interface {
	// Next returns the next event. When ctx is done it returns what is there
	// already, one event per call, and ctx's error once nothing is left. Another
	// error means that no event will follow.
	Next(ctx context.Context) (Event, error)
	// Lost returns how many events were dropped so far because they were not
	// taken in time.
	Lost() uint64
	// Close ends the subscription.
	Close()
}

// upstream returns the name of the upstream that the event is about, if it is
// about one.
func (e Event) upstream() string {
	var body struct {
		Upstream string `json:"upstream"`
	}
	if json.Unmarshal(e.Body, &body) != nil {
		return ""
	}
	return body.Upstream
}
