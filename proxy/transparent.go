package proxy

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/weirproxy/weir/messages"
)

// Finder finds out where the requests of a transparent upstream go.
type Finder interface {
	// Find returns the addresses, IP:port, that authority leads to, the one to try
	// first at the front; port is for an authority that names none. An address
	// that is returned may be dialled as it stands. The error is a *Failure; of one
	// that came because ctx was done the code does not matter.
	Find(ctx context.Context, authority string, port uint16) ([]string, error)
	// Close ends what is under way. A Find that is under way then, or comes from a
	// request that began before, may return ErrFinderClosed.
	Close()
}

// ErrFinderClosed is returned by a Finder that was closed; the request then asks
// the one that took its place.
var ErrFinderClosed = errors.New("the finder is closed")

// errNoFinder is why transparent upstreams are refused where nothing finds destinations.
var errNoFinder = errors.New("transparent upstreams are not served here")

// The ports of a transparent upstream for requests that name none.
const (
	plainPort = 80
	tlsPort   = 443
)

// acquireOpen finds where a request of a transparent upstream goes, once; each
// attempt then takes the next address.
func (c *Core) acquireOpen(x *Exchange) messages.Code {
	t := &x.core.trip
	if t.attempts > 0 {
		return fine
	}
	port := uint16(plainPort)
	if x.Upstream.transport.TLS.ServerName != "" {
		port = tlsPort
	}
	found, err := c.findOpen(x, port)
	switch {
	case err == nil && len(found) > 0:
		t.found = found
		x.core.appendTo(&x.Request.Header, "Via", c.via)
		return fine
	case gone(x):
		return messages.CodeClientGone
	case overdue(x):
		return messages.CodeTimeout
	case err == nil:
		err = &Failure{Code: messages.CodeHostNotFound, Err: errors.New("no address")}
	}
	t.detail = err
	return asFailure(err).Code
}

// findOpen asks the upstream's finder, or the one that took its place.
func (c *Core) findOpen(x *Exchange, port uint16) ([]string, error) {
	ctx := exchangeContext{x, x.Done}
	if !x.Deadline.IsZero() {
		w := newWait(x.Done, time.Until(x.Deadline))
		defer w.end()
		ctx.done = w.done
	}
	finder := x.Upstream.finder
	found, err := finder.Find(ctx, x.Request.Authority, port)
	for errors.Is(err, ErrFinderClosed) {
		now := c.table.Load().upstream(x.Upstream.name)
		if now == nil || now.finder == nil || now.finder == finder {
			return nil, &Failure{Code: messages.CodeNoUpstream, Err: err}
		}
		finder = now.finder
		found, err = finder.Find(ctx, x.Request.Authority, port)
	}
	return found, err
}

// passedHere tells whether a request came through here before (RFC 9110, 7.6.3).
func (c *Core) passedHere(h *Fields) bool {
	for i := range h.Len() {
		f := h.At(i)
		if equalFold(f.Name, "Via") && strings.Contains(f.Value, c.via) {
			return true
		}
	}
	return false
}

// destination is where the attempt that comes next goes.
func (s *exchangeState) destination() string {
	if s.trip.held != nil {
		return s.trip.held.Addr()
	}
	return s.trip.found[s.trip.attempts%len(s.trip.found)]
}

// exchangeContext is an exchange for those who wait by a context.
type exchangeContext struct {
	x    *Exchange
	done <-chan struct{}
}

func (c exchangeContext) Deadline() (time.Time, bool) { return c.x.Deadline, !c.x.Deadline.IsZero() }
func (c exchangeContext) Done() <-chan struct{}       { return c.done }
func (c exchangeContext) Value(any) any               { return nil }

func (c exchangeContext) Err() error {
	switch {
	case gone(c.x):
		return context.Canceled
	case overdue(c.x):
		return context.DeadlineExceeded
	}
	return nil
}
