package bus

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
)

// ReaderConfig says whose events are read.
type ReaderConfig struct {
	// URL, Auth and TLS are as in Config. Required: URL.
	URL  string
	Auth Auth
	TLS  TLS
	// Prefix is that of the weir whose events are wanted; default "weir".
	Prefix string
}

// Reader reads the events of a weir from any NATS, with the rights of a reader.
type Reader struct {
	conn   *nats.Conn
	source *source
	where  string
}

// OpenReader connects, and finds the stream. The errors: ErrConfig,
// ErrNotConnected (nobody there), ErrNotAllowed, ErrNoStream, ErrTooOld. They
// name the server, and never a password.
func OpenReader(ctx context.Context, cfg ReaderConfig) (*Reader, error) {
	orDefault(&cfg.Prefix, DefaultPrefix)
	if err := checkPrefix(cfg.Prefix); err != nil {
		return nil, err
	}
	if cfg.URL == "" {
		return nil, fmt.Errorf("%w: the url is missing", ErrConfig)
	}
	if faults := checkClient(cfg.URL, cfg.Auth, cfg.TLS); len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	all, err := servers(cfg.URL)
	if err != nil {
		return nil, err
	}
	opts, err := clientOptions(cfg.Auth, cfg.TLS)
	if err != nil {
		return nil, err
	}
	r := &Reader{where: bareURL(all)}
	by := &dialer{}
	quiet := nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}) // answers tell, and LastError
	r.conn, err = nats.Connect(urlList(all), append(append(commonOptions("weir events"), nats.RetryOnFailedConnect(false), nats.SetCustomDialer(by), quiet), opts...)...)
	if err != nil {
		return nil, unreachable(r.where, by.cause(err))
	}
	r.source = &source{conn: r.conn, prefix: cfg.Prefix, stream: StreamName(cfg.Prefix)}
	err = r.source.check()
	if err == nil {
		_, err = r.source.info(ctx, "")
	}
	if err != nil {
		r.Close()
		return nil, fmt.Errorf("NATS %s: %w", r.where, err)
	}
	return r, nil
}

// unreachable sorts why a connection could not be made.
func unreachable(where string, err error) error {
	if errors.Is(err, nats.ErrAuthorization) {
		return fmt.Errorf("NATS %s: %w: it refuses these credentials, or wants some", where, ErrNotAllowed)
	}
	return fmt.Errorf("NATS %s: %w: %s", where, ErrNotConnected, plain(err))
}

// Where is the URL that is read from, without user, password or token.
func (r *Reader) Where() string { return r.where }

// Replay begins to read; see Bus.Replay.
func (r *Reader) Replay(ctx context.Context, want ReplayRequest) (*Replay, error) {
	replay, err := openReplay(ctx, r.source, want)
	if err != nil {
		return nil, fmt.Errorf("NATS %s: %w", r.where, err)
	}
	return replay, nil
}

// Close ends the connection, and all replays with it.
func (r *Reader) Close() { r.conn.Close() }
