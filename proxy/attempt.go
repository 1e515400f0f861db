package proxy

import (
	"errors"
	"time"

	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/messages"
)

// exchange asks for a peer and sends the request to it, again and again while
// that fails and may be repeated, and relays the response. The code says why
// there is none.
func (c *Core) exchange(x *Exchange) messages.Code {
	u, s := x.Upstream, &x.core
	if u.ref == nil {
		return messages.CodeNoUpstream
	}
	u.state.budget.request(s.trip.start)
	s.body.begin(c.buffers, x)
	s.guardTrailers(x)
	kept := x.Request.Authority
	failed := fine
	for {
		if code := c.acquire(x); code != fine {
			if failed != fine && code != messages.CodeClientGone && code != messages.CodeTimeout {
				// Why the attempt failed says more than that no other peer is left.
				return failed
			}
			return code
		}
		addr := s.destination()
		x.Request.Authority = s.trip.route.host.authority(kept, addr)
		x.To = Destination{Addr: addr, ServerName: s.serverName(x)}
		failure := c.send(x)
		if failure == nil {
			if c.repeatStatus(x) {
				continue
			}
			return c.relay(x)
		}
		failed = c.settleFailure(x, failure)
		if !c.repeatFailure(x, failure, failed) {
			if gone(x) {
				return messages.CodeClientGone
			}
			return failed
		}
	}
}

// acquire gets the slot of a peer, and waits for it if the upstream says so.
func (c *Core) acquire(x *Exchange) messages.Code {
	s := &x.core
	if s.trip.held != nil {
		return fine
	}
	if x.Upstream.finder != nil {
		return c.acquireOpen(x)
	}
	var peer *balance.Peer
	var err error
	s.ask.Done = x.Done
	switch {
	case x.Deadline.IsZero():
		peer, err = x.Upstream.ref.Acquire(&s.ask)
	case overdue(x):
		return messages.CodeTimeout
	default:
		peer, err = c.acquireInTime(x)
	}
	if err != nil {
		return acquireCode(x, err)
	}
	s.trip.held = peer
	return fine
}

// acquireInTime waits no longer than the deadline. Most asks need no wait: the
// first one has a Done that is closed already and returns at once, so that the
// timer is made only for those that wait.
func (c *Core) acquireInTime(x *Exchange) (*balance.Peer, error) {
	s := &x.core
	s.ask.Done = c.closed
	peer, err := x.Upstream.ref.Acquire(&s.ask)
	if !errors.Is(err, balance.ErrGone) || gone(x) {
		return peer, err
	}
	w := newWait(x.Done, time.Until(x.Deadline))
	defer w.end()
	s.ask.Done = w.done
	return x.Upstream.ref.Acquire(&s.ask)
}

// acquireCode is the code for an ask that got no peer.
func acquireCode(x *Exchange, err error) messages.Code {
	switch {
	case errors.Is(err, balance.ErrNoUpstream):
		return messages.CodeNoUpstream
	case errors.Is(err, balance.ErrNoPeer):
		return messages.CodeNoPeer
	case errors.Is(err, balance.ErrQueueFull):
		return messages.CodeQueueFull
	case errors.Is(err, balance.ErrQueueTimeout):
		return messages.CodeQueueTimeout
	case errors.Is(err, balance.ErrGone) && !gone(x):
		return messages.CodeTimeout
	case errors.Is(err, balance.ErrGone):
		return messages.CodeClientGone
	}
	x.core.trip.detail = err
	return messages.CodeInternal
}

// send makes one attempt at the peer that x holds.
func (c *Core) send(x *Exchange) *Failure {
	t := &x.core.trip
	t.attempts++
	if t.attempts > 1 {
		c.retried.Add(1)
		x.Upstream.state.countRetry(t.repeatFor)
	}
	if x.Peer = t.held; t.held != nil {
		x.core.ask.Tried(t.held)
	}
	x.Response.reset()
	began := time.Now()
	err := x.Upstream.codec.Send(x)
	if err != nil {
		return asFailure(err)
	}
	t.latency = max(time.Since(began), 1)
	t.bodyOpen = true
	if why := checkHead(x); why != nil {
		c.closeResponse(x)
		return &Failure{Code: messages.CodeBadResponse, Err: why}
	}
	t.peerFailed = x.Response.Status >= 502 && x.Response.Status <= 504
	return nil
}

var (
	errBadStatus   = errors.New("the status is not one of a final response")
	errNoBody      = errors.New("the codec gave no body")
	errNoUpgrade   = errors.New("101 without being asked to change the protocol")
	errOtherSwitch = errors.New("101 changes to another protocol than asked for")
)

// checkHead refuses heads that cannot be relayed.
func checkHead(x *Exchange) error {
	r := &x.Response
	switch {
	case r.Status == 101:
		switch {
		case x.Request.Upgrade == "" || r.Tunnel == nil:
			return errNoUpgrade
		case !hasItem(x.Request.Upgrade, r.Header.Get("Upgrade")):
			return errOtherSwitch
		}
		return nil
	case r.Status < 200 || r.Status > 999:
		return errBadStatus
	case r.Body == nil:
		return errNoBody
	}
	return nil
}

// asFailure makes sure that there is a Failure; a codec that breaks its word
// is an internal error.
func asFailure(err error) *Failure {
	var f *Failure
	if errors.As(err, &f) {
		return f
	}
	return &Failure{Code: messages.CodeInternal, Err: err}
}

// settleFailure finds out whose fault a failed attempt is, gives the peer back,
// and returns the code.
func (c *Core) settleFailure(x *Exchange, f *Failure) messages.Code {
	t := &x.core.trip
	code := f.Code
	switch fault := x.core.body.fault(); {
	case fault != fine:
		code = fault
	case gone(x):
		code = messages.CodeClientGone
	case overdue(x), code == messages.CodeReset && tooLate(x):
		code = messages.CodeTimeout
	}
	t.detail = f
	if f.Declined = f.Declined && code == f.Code && x.Repeats < MaxRepeats; f.Declined {
		x.Repeats++
		t.declined++
	} else {
		c.blame(x, code)
	}
	x.Upstream.release(x)
	return code
}

// blame notes for the peer's release that it failed, if it was the peer, and
// has it looked at. That the time of an exchange ran out is the client's doing
// when it was the client that was waited for, or that set the time.
func (c *Core) blame(x *Exchange, code messages.Code) {
	t := &x.core.trip
	if !isPeersFault(code) || t.held == nil || code == messages.CodeTimeout && (x.core.body.awaited.Load() || tooLate(x)) {
		return
	}
	t.peerFailed = true
	if x.Upstream.state.suspicion.raise(t.held.Addr(), time.Now()) {
		c.suspect(messages.Suspected{Upstream: x.Upstream.Name(), Addr: t.held.Addr(), Code: code})
	}
}

// isPeersFault tells whether a code speaks against the peer.
func isPeersFault(code messages.Code) bool {
	switch code {
	case messages.CodeConnectRefused, messages.CodeConnectTimeout, messages.CodeConnectFailed, messages.CodeTLS,
		messages.CodeReset, messages.CodeHeadTimeout, messages.CodeReadTimeout, messages.CodeWriteTimeout,
		messages.CodeBadResponse, messages.CodeTimeout:
		return true
	}
	return false
}

// gone tells whether the client is known to be gone.
func gone(x *Exchange) bool {
	select {
	case <-x.Done: // never ready when nil
		return true
	default:
		return false
	}
}

// overdue tells whether the time of the exchange is over.
func overdue(x *Exchange) bool { return !x.Deadline.IsZero() && !time.Now().Before(x.Deadline) }
