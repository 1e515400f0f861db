package bus

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
)

// link is weir's connection to NATS. It connects again for ever.
type link struct {
	*nats.Conn
	name     string // of the server, for people: no user, no password
	problems *problems
	closed   chan struct{} // closed when it is gone for good
	returns  atomic.Uint64 // how often it came back
	lost     func()        // called when it broke

	mu   sync.Mutex
	back chan struct{} // closed and replaced when it came back
}

// dialTimeout bounds one attempt to connect to one server.
const dialTimeout = 3 * time.Second

// commonOptions are those of every connection of weir. Without a buffer a
// message that cannot be sent is an error at once; with one, old events would
// come in a burst after an outage.
func commonOptions(name string) []nats.Option {
	return []nats.Option{
		nats.Name(name),
		nats.RetryOnFailedConnect(true),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(250 * time.Millisecond),
		nats.ReconnectJitter(100*time.Millisecond, 500*time.Millisecond),
		nats.ReconnectBufSize(-1),
		nats.IgnoreAuthErrorAbort(), // credentials may be put right on the server's side
		nats.IgnoreDiscoveredServers(),
		nats.Timeout(dialTimeout),
		nats.PingInterval(5 * time.Second),
		nats.MaxPingsOutstanding(2),
		nats.FlusherTimeout(time.Second), // the longest that Publish waits for a server that does not read
	}
}

// dial begins to connect. It fails only for what no waiting would cure.
func dial(list, name string, p *problems, lost func(), opts []nats.Option) (*link, error) {
	by := &dialer{}
	l := &link{name: name, problems: p, closed: make(chan struct{}), back: make(chan struct{}), lost: lost}
	opts = append(opts,
		nats.ConnectHandler(func(*nats.Conn) { l.came() }),
		nats.ReconnectHandler(func(*nats.Conn) {
			l.returns.Add(1)
			l.came()
		}),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) { l.cannot(by.cause(err)) }),
		nats.SetCustomDialer(by),
		nats.DisconnectErrHandler(func(c *nats.Conn, err error) {
			if !c.IsClosed() && err != nil {
				l.cannot(err)
			}
			l.lost()
		}),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			if connectionError(err) {
				l.cannot(err)
				return
			}
			p.log.Warn("nats error", "error", err, "subject", subjectOf(sub))
		}),
		nats.ClosedHandler(func(*nats.Conn) { close(l.closed) }),
	)
	conn, err := nats.Connect(list, opts...)
	if err != nil {
		return nil, err
	}
	l.Conn = conn
	return l, nil
}

// dialer remembers why it could not dial. The first attempt of the client tells
// no more than that there is no server.
type dialer struct {
	mu   sync.Mutex
	last error
}

// Dial implements nats.CustomDialer.
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{Timeout: dialTimeout}).Dial(network, address)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last = err
	return conn, err
}

// cause is err, or what it hides.
func (d *dialer) cause(err error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if errors.Is(err, nats.ErrNoServers) && d.last != nil {
		return d.last
	}
	return err
}

func subjectOf(sub *nats.Subscription) string {
	if sub == nil {
		return ""
	}
	return sub.Subject
}

func (l *link) came() {
	l.problems.solved(topicConnection, "connected to NATS "+l.name)
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.back)
	l.back = make(chan struct{})
}

// again returns a channel that is closed when the connection comes, or comes back.
func (l *link) again() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.back
}

// explain reports why there is no connection, if that is known here: of a
// server that hangs up on the client, or refuses it, the client tells nobody as
// long as it was never connected.
func (l *link) explain() {
	if err := l.LastError(); err != nil && l.IsReconnecting() {
		l.cannot(err)
	}
}

// cannot reports why there is no connection.
func (l *link) cannot(err error) {
	l.problems.report(topicConnection, connectionProblem(l.name, err))
}

// connectionError tells the errors of a connection as a whole, which are
// reported as a problem, from those of one subscription or message.
func connectionError(err error) bool {
	return errors.Is(err, nats.ErrAuthorization) || errors.Is(err, nats.ErrAuthExpired) || errors.Is(err, nats.ErrAuthRevoked) ||
		errors.Is(err, nats.ErrAccountAuthExpired) || errors.Is(err, nats.ErrStaleConnection)
}

// connectionProblem says in words why there is no connection.
func connectionProblem(name string, err error) string {
	const wait = "; events wait"
	var dns *net.DNSError
	switch {
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked), errors.Is(err, nats.ErrAccountAuthExpired):
		return "NATS " + name + " refuses weir's credentials: " + plain(err) + wait
	case errors.Is(err, syscall.ECONNREFUSED):
		return "NATS " + name + " is not reachable: connection refused" + wait
	case errors.As(err, &dns):
		return "NATS " + name + " is not reachable: " + dns.Name + ": " + dns.Err + wait
	case errors.Is(err, nats.ErrSecureConnRequired), errors.Is(err, nats.ErrSecureConnWanted):
		return "NATS " + name + " and weir do not agree on TLS: " + plain(err) + wait
	case errors.Is(err, nats.ErrStaleConnection):
		return "NATS " + name + " does not answer" + wait
	}
	return "NATS " + name + " is not reachable: " + plain(err) + wait
}

// plain is the text of an error without the name of the library, and without
// what changes from one attempt to the next or is secret.
func plain(err error) string {
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		return op.Err.Error()
	}
	var bad *url.Error
	if errors.As(err, &bad) && bad.Err != nil {
		return bad.Err.Error()
	}
	return strings.TrimPrefix(err.Error(), "nats: ")
}

// connError sorts the errors of sending.
func connError(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, nats.ErrReconnectBufExceeded), errors.Is(err, nats.ErrConnectionClosed), errors.Is(err, nats.ErrConnectionDraining),
		errors.Is(err, nats.ErrDisconnected), errors.Is(err, nats.ErrConnectionReconnecting):
		return fmt.Errorf("%s: %w (%w)", what, ErrNotConnected, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}
