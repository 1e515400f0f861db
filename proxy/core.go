package proxy

import (
	"crypto/rand"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/messages"
)

// Deps are the collaborators of a Core.
type Deps struct {
	// Registry has the Refs that requests ask for peers. Required.
	Registry *balance.Registry
	// NewPeerCodec makes the codec of one upstream; called by Apply. former is the
	// codec whose place it takes, whose requests may go on (nil = none). Required.
	NewPeerCodec func(t messages.Transport, former PeerCodec) PeerCodec
	// NewFinder makes the Finder of a transparent upstream; called by Apply. An
	// error refuses the upstream. Nil = no transparent upstream is served.
	NewFinder func(messages.Discovery) (Finder, error)
	// Suspect is told of peers that failed, at most four times a second for one
	// peer. It is called from request goroutines and must not block. Nil = nobody is told.
	Suspect func(messages.Suspected)
	// Logger takes the errors that weir answers with, and the access log; nil = none.
	Logger *slog.Logger
	// AccessLog writes one line per request; default false.
	AccessLog bool
}

// Totals count requests since the Core was made.
type Totals struct {
	// Requests is how many came to an end.
	Requests uint64
	// Failed is how many of them weir answered with a 5xx of its own, or broke
	// off because the peer's response broke.
	Failed uint64
	// Retried is how many attempts followed a first one.
	Retried uint64
}

// Core routes requests to peers. Make it with New; its methods may be called
// from any goroutine.
type Core struct {
	registry  *balance.Registry
	newCodec  func(t messages.Transport, former PeerCodec) PeerCodec
	newFinder func(messages.Discovery) (Finder, error)
	// via is what requests of transparent upstreams carry on, so that one which
	// comes back is known: no other process has it.
	via       string
	suspect   func(messages.Suspected)
	logger    *slog.Logger
	accessLog bool

	applying sync.Mutex
	rounds   uint64 // counts changes; guarded by applying
	table    atomic.Pointer[table]
	former   formerCodecs
	buffers  *buffers
	unrouted *routeStats   // counts what matched no route
	nowhere  *Listener     // stands in for a missing Exchange.Listener
	closed   chan struct{} // the Done of asks that do not wait

	requests, failed, retried atomic.Uint64
}

// New returns a Core without routes: every request gets no_route until the
// first Apply.
func New(d Deps) *Core {
	c := &Core{
		registry:  d.Registry,
		newCodec:  d.NewPeerCodec,
		newFinder: d.NewFinder,
		via:       "1.1 weir-" + rand.Text(),
		suspect:   d.Suspect,
		logger:    d.Logger,
		accessLog: d.AccessLog && d.Logger != nil,
		buffers:   newBuffers(),
		unrouted:  newRouteStats("", ""),
		nowhere:   &Listener{},
		closed:    make(chan struct{}),
	}
	close(c.closed)
	if c.suspect == nil {
		c.suspect = func(messages.Suspected) {}
	}
	if c.logger == nil {
		c.logger = slog.New(slog.DiscardHandler)
	}
	c.table.Store(&table{hasher: newHasher()})
	return c
}

// Apply makes d what requests are routed by. Requests that are under way keep
// the table they began with. What did not change is kept as it is; of what
// changed, counters, budgets and in-flight counts are kept by name, and
// connections where no more than times changed (see PeerCodec.SetLimits). An
// error (all faults joined) leaves everything as it was.
func (c *Core) Apply(d messages.Desired) error {
	commit, err := c.Prepare(d)
	if err == nil {
		commit()
	}
	return err
}

// Prepare is the first half of Apply: it builds what d asks for, or refuses it
// with an error (all faults joined), and changes nothing yet. commit puts it in
// force. Between the two no other Prepare, Apply or Close may come: they have one caller.
//
// It compares each object of d with the one in force and then costs what
// differs. PrepareDelta spares the comparison.
func (c *Core) Prepare(d messages.Desired) (commit func(), err error) {
	c.applying.Lock()
	defer c.applying.Unlock()
	b := newChange(c, c.table.Load())
	return c.prepare(b, b.compare(d))
}

// PrepareDelta is Prepare for who knows what differs.
func (c *Core) PrepareDelta(d Delta) (commit func(), err error) {
	c.applying.Lock()
	defer c.applying.Unlock()
	d.Routes = slices.Clone(d.Routes) // is sorted
	return c.prepare(newChange(c, c.table.Load()), d)
}

func (c *Core) prepare(b *change, d Delta) (commit func(), err error) {
	if err := b.build(d); err != nil {
		return nil, err
	}
	return func() {
		c.applying.Lock()
		defer c.applying.Unlock()
		b.commit()
	}, nil
}

// Close forgets every route and closes the codecs. Close the listeners first:
// a request that comes later gets no_route.
func (c *Core) Close() {
	c.applying.Lock()
	defer c.applying.Unlock()
	old := c.table.Load()
	c.table.Store(&table{hasher: old.hasher})
	for _, use := range old.upstreams.all() {
		if codec := use.upstream.codec; codec != nil {
			codec.Close()
		}
		if finder := use.upstream.finder; finder != nil {
			finder.Close()
		}
	}
}

// Totals returns the counts so far.
func (c *Core) Totals() Totals {
	return Totals{Requests: c.requests.Load(), Failed: c.failed.Load(), Retried: c.retried.Load()}
}

// Serve answers one request through x.Client and returns when that is done.
// x must be fresh or Reset. Afterwards x.Aborted tells whether the client's
// connection must be broken. Serve does not panic, whatever a codec does.
func (c *Core) Serve(x *Exchange) {
	x.core.begin(c, x)
	defer c.finish(x)
	if code := c.forward(x); code != fine {
		c.refuse(x, code)
	}
}

// fine is the absence of a code.
const fine messages.Code = ""

// forward takes x through the steps; the code says why it got no answer yet.
func (c *Core) forward(x *Exchange) messages.Code {
	s := &x.core
	c.identify(x)
	if x.Refusal != nil {
		return x.Refusal.Code
	}
	if code := s.readTarget(x); code != fine {
		return code
	}
	table := c.table.Load()
	r := table.match(s.trip.host, s.trip.path)
	if r == nil {
		return messages.CodeNoRoute
	}
	s.trip.route, x.Upstream = r, table.upstreamOf(r)
	if code := r.admit(x); code != fine {
		return code
	}
	if answers, code := r.redirect.leaves(x); answers || code != fine {
		if code != fine {
			return code
		}
		return c.redirect(x, &r.redirect)
	}
	if x.Upstream.finder != nil && c.passedHere(&x.Request.Header) { // before a route edits it
		return messages.CodeLoop
	}
	setForwarded(x)
	x.Upstream.setKey(x)
	if code := r.edit(x); code != fine {
		return code
	}
	return c.exchange(x)
}
