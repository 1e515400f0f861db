package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/weirproxy/weir/internal/meter"
)

// Bus is the running server and weir's connection to it. Make it with Start.
type Bus struct {
	log      *slog.Logger
	store    *store
	server   *server.Server
	conn     *nats.Conn
	provider *serverConn
	addr     net.Addr
	closed   chan struct{} // by the client, when the connection is gone for good

	closing sync.Once
	done    chan struct{} // closed when everything has stopped
	err     error         // of stopping; read after done
}

// Start starts the server, connects to it, and returns when clients can
// connect. The errors are those of errors.go: ErrConfig, ErrToken, ErrLocked,
// ErrForeignStore, ErrStore, ErrAddr, ErrAddrTaken, ErrAddrForbidden.
func Start(cfg Config) (*Bus, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	store, err := openStore(cfg.Dir)
	if err != nil {
		return nil, err
	}
	b, err := startOn(cfg, store)
	if err != nil {
		return nil, errors.Join(err, store.close())
	}
	return b, nil
}

// startOn starts the server on a locked store.
func startOn(cfg Config, store *store) (*Bus, error) {
	at, err := findPlace(cfg.Addr)
	if err != nil {
		return nil, err
	}
	if cfg.Open && !at.loopback {
		return nil, fmt.Errorf("%w: at %s everybody in the network could do everything; listen on loopback or do not open it", ErrConfig, cfg.Addr)
	}
	a := newAccess(cfg, at.loopback)
	s, err := startServer(cfg, store.dir, at, a)
	if err != nil {
		return nil, err
	}
	b := &Bus{log: cfg.Logger, store: store, server: s, provider: &serverConn{}, addr: s.Addr(),
		closed: make(chan struct{}), done: make(chan struct{})}
	b.provider.current.Store(s)
	if b.conn, err = nats.Connect("", b.connOptions(cfg, a)...); err != nil {
		s.Shutdown()
		s.WaitForShutdown()
		return nil, fmt.Errorf("connect to the embedded NATS server: %w", err)
	}
	return b, nil
}

func (b *Bus) connOptions(cfg Config, a access) []nats.Option {
	return []nats.Option{
		nats.InProcessServer(b.provider),
		nats.UserInfo(userInternal, a.internal),
		nats.Name(cfg.Member),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(250 * time.Millisecond),
		nats.ReconnectJitter(100*time.Millisecond, 500*time.Millisecond),
		nats.ReconnectBufSize(-1), // else Publish succeeds without a connection, and old events come in a burst
		nats.IgnoreAuthErrorAbort(),
		nats.PingInterval(5 * time.Second),
		nats.MaxPingsOutstanding(2),
		nats.FlusherTimeout(time.Second), // the longest that Publish waits for a server that does not read
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				b.log.Warn("nats disconnected", "error", err)
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) { b.log.Info("nats connected again") }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { b.log.Warn("nats error", "error", err) }),
		nats.ClosedHandler(func(*nats.Conn) { close(b.closed) }),
	}
}

// Publish sends a message to whoever is subscribed now. It returns
// ErrNotConnected at once when there is no connection; nil means that the
// message is on its way, not that anybody got it. body is not kept.
func (b *Bus) Publish(subject string, header map[string]string, body []byte) error {
	msg := &nats.Msg{Subject: subject, Data: body}
	if len(header) > 0 {
		msg.Header = make(nats.Header, len(header))
		for name, value := range header {
			if strings.ContainsAny(name, "\r\n: ") || strings.ContainsAny(value, "\r\n") {
				return fmt.Errorf("publish to %q: header %q: line breaks, or a name with blanks or colons", subject, name)
			}
			msg.Header[name] = []string{value} // names keep their case: ce-* are lower-case
		}
	}
	switch err := b.conn.PublishMsg(msg); {
	case errors.Is(err, nats.ErrReconnectBufExceeded), errors.Is(err, nats.ErrConnectionClosed), errors.Is(err, nats.ErrConnectionDraining):
		return fmt.Errorf("publish to %q: %w (%w)", subject, ErrNotConnected, err)
	case err != nil:
		return fmt.Errorf("publish to %q: %w", subject, err)
	}
	return nil
}

// Connected tells whether weir's own connection stands.
func (b *Bus) Connected() bool { return b.conn.IsConnected() }

// Addr returns the host:port at which the server listens.
func (b *Bus) Addr() string { return b.addr.String() }

// ClientURL returns what clients on this machine connect to: nats://host:port.
func (b *Bus) ClientURL() string {
	addr, ok := b.addr.(*net.TCPAddr)
	if !ok {
		return "nats://" + b.Addr()
	}
	local := *addr
	if local.IP.IsUnspecified() {
		local.IP = net.IPv4(127, 0, 0, 1)
	}
	return "nats://" + local.String()
}

// Collect emits the metrics of the bus. It implements meter.Source.
func (b *Bus) Collect(emit func(meter.Sample)) {
	connected := 0.0
	if b.Connected() {
		connected = 1
	}
	emit(meter.Sample{Name: "weir_nats_connected", Help: "1 while weir is connected to NATS, else 0.", Kind: meter.Gauge, Value: connected})
}

// Close sends what is under way, stops the server, waits for it and frees the
// store, until ctx is done at most: then it returns ErrNotStopped, and the rest
// happens behind it. Closing again waits too.
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
	if err := b.conn.Drain(); err != nil {
		b.conn.Close() // there is nothing to drain without a connection
	}
	select {
	case <-b.closed:
	case <-ctx.Done():
		b.conn.Close()
		<-b.closed
	}
	b.provider.current.Store(nil)
	b.server.Shutdown()
	b.server.WaitForShutdown()
	b.err = b.store.close()
}
