package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"

	"github.com/nats-io/nats.go"
)

// Bus is weir's connection to NATS, and the server when it is embedded. Make it
// with Start.
type Bus struct {
	cfg      Config
	log      *slog.Logger
	problems *problems
	link     *link
	keeper   *keeper
	deposits *deposits
	embedded *embedded // nil: external
	url      string    // of an external NATS, without user

	mu       sync.Mutex
	services []*service     // guarded by mu
	behind   sync.WaitGroup // watches that are being stopped

	closing sync.Once
	done    chan struct{} // closed when everything has stopped
	err     error         // of stopping; read after done
}

// embedded is the server that runs inside this process.
type embedded struct {
	storage *storage
	gate    *gate
	addr    net.Addr
}

// ownInboxes begins the inboxes of weir's connection to its embedded server.
const ownInboxes = "_WEIR"

// Start connects to NATS; embedded, it starts the server first and returns when
// clients can connect. An external server that is not there, or refuses the
// credentials, is no error, nor is a full disk: Problems tells, and it comes
// by itself. The errors are those of errors.go: ErrConfig, ErrToken, and
// embedded ErrLocked, ErrForeignStore, ErrStore, ErrAddr, ErrAddrTaken, ErrAddrForbidden.
func Start(cfg Config) (*Bus, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	b := &Bus{cfg: cfg, log: cfg.Logger, problems: &problems{log: cfg.Logger}, done: make(chan struct{})}
	if cfg.external() {
		return b, b.startExternal()
	}
	store, err := openStore(cfg.Dir)
	switch {
	case outOfSpace(err):
		store = nil // it is opened when there is room
	case err != nil:
		return nil, err
	}
	if err := b.startEmbedded(store); err != nil {
		return nil, err
	}
	return b, nil
}

// startExternal begins to connect.
func (b *Bus) startExternal() error {
	all, err := servers(b.cfg.URL)
	if err != nil {
		return err
	}
	b.url = bareURL(all)
	opts, err := clientOptions(b.cfg.Auth, b.cfg.TLS)
	if err != nil {
		return err
	}
	return b.connect(urlList(all), b.url, opts)
}

// startEmbedded starts the server. On error nothing of it is left, nor the lock.
func (b *Bus) startEmbedded(store *store) error {
	b.embedded = &embedded{storage: &storage{cfg: b.cfg, log: b.log, store: store, provider: &serverConn{}, broken: make(chan string, 1)}}
	err := b.serveEmbedded()
	if err == nil {
		return nil
	}
	b.embedded.storage.stop()
	return errors.Join(err, b.embedded.storage.close())
}

func (b *Bus) serveEmbedded() error {
	e := b.embedded
	at, err := findPlace(b.cfg.Addr)
	if err != nil {
		return err
	}
	if b.cfg.Open && !at.loopback {
		return fmt.Errorf("%w: at %s everybody in the network could do everything; listen on loopback or do not open it", ErrConfig, b.cfg.Addr)
	}
	rights := newAccess(b.cfg, at.loopback)
	e.storage.at, e.storage.rights = at, rights
	if err := e.storage.launch(); err != nil {
		return err
	}
	e.addr = e.storage.server.Addr()
	if err := e.storage.keep(); err != nil && !outOfSpace(err) {
		return err
	}
	err = b.connect("", "in this process", []nats.Option{nats.InProcessServer(e.storage.provider),
		nats.UserInfo(userInternal, rights.internal), nats.CustomInboxPrefix(ownInboxes)})
	if err != nil {
		return err
	}
	if e.gate, err = newGate(b.cfg, b.link); err != nil {
		b.disconnect(context.Background())
		return fmt.Errorf("serve readers: %w", err)
	}
	return nil
}

// connect begins to connect and to keep the stream.
func (b *Bus) connect(list, name string, opts []nats.Option) error {
	b.deposits = &deposits{stream: StreamName(b.cfg.Prefix), pending: map[uint64]deposit{}}
	// The keeper needs the link and the link's callbacks the keeper.
	begun := make(chan struct{})
	lost := func() {
		<-begun
		if b.keeper == nil {
			return
		}
		b.deposits.expire(0, "the connection broke")
		b.keeper.suspect()
	}
	begin := sync.OnceFunc(func() { close(begun) })
	defer begin()
	l, err := dial(list, name, b.problems, lost, append(commonOptions(b.cfg.Member), opts...))
	if err != nil {
		return fmt.Errorf("connect to NATS %s: %w", name, err)
	}
	b.link = l
	b.deposits.send, b.deposits.replyTo = l.PublishMsg, l.NewInbox()+"."
	var store *storage
	if b.embedded != nil {
		store = b.embedded.storage
	}
	b.keeper, err = newKeeper(b.cfg, l, store, b.deposits, b.problems)
	if err == nil {
		b.deposits.gone = b.keeper.suspect
		b.deposits.answers, err = l.Subscribe(b.deposits.replyTo+"*", b.deposits.answered)
	}
	if err != nil {
		begin()
		b.disconnect(context.Background())
		return fmt.Errorf("connect to NATS %s: %w", name, err)
	}
	return nil
}

// Connected tells whether weir's own connection stands.
func (b *Bus) Connected() bool { return b.link.IsConnected() }

// Problems returns what does not work now, a sentence each; nil when all does.
func (b *Bus) Problems() []string { return b.problems.list() }

// Addr returns the host:port at which the embedded server listens; "" when NATS is external.
func (b *Bus) Addr() string {
	if b.embedded == nil {
		return ""
	}
	return b.embedded.addr.String()
}

// ClientURL returns what clients connect to: nats://host:port. Of an embedded
// server it is for clients on this machine; of an external one it is the list
// that was configured, without user, password or token.
func (b *Bus) ClientURL() string {
	if b.embedded == nil {
		return b.url
	}
	addr, ok := b.embedded.addr.(*net.TCPAddr)
	if !ok {
		return "nats://" + b.Addr()
	}
	local := *addr
	if local.IP.IsUnspecified() {
		local.IP = net.IPv4(127, 0, 0, 1)
	}
	return "nats://" + local.String()
}
