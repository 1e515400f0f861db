package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// Bounds of the HTTP server. An event stream has its own write deadline.
const (
	headTimeout  = 5 * time.Second
	readTimeout  = 10 * time.Second
	writeTimeout = 30 * time.Second
	idleTimeout  = 60 * time.Second
	maxHead      = 16 << 10
)

// reloadPath is what changes something when it is asked.
const reloadPath = "/api/v1/reload"

// Server answers on the admin address. Make it with New.
type Server struct {
	cfg     Config
	deps    Deps
	place   place
	page    page
	metrics http.Handler
	denied  deniedCounts
	streams atomic.Int64

	handler http.Handler
	http    *http.Server
	// stopped is done when Shutdown begins; event streams end then.
	stopped context.Context
	stop    context.CancelFunc
}

// New returns a server that does nothing yet. It fails with ErrOpenAdmin,
// ErrAddr or ErrIncomplete.
func New(cfg Config, deps Deps) (*Server, error) {
	cfg, deps, err := withDefaults(cfg, deps)
	if err != nil {
		return nil, err
	}
	at, err := parsePlace(cfg.Addr)
	if err != nil {
		return nil, err
	}
	if !at.trusted() && cfg.OperatorToken == "" && !cfg.Open {
		return nil, fmt.Errorf("admin address %s: %w", cfg.Addr, ErrOpenAdmin)
	}
	s := &Server{cfg: cfg, deps: deps, place: at}
	if s.page, err = newPage(); err != nil {
		return nil, err
	}
	s.metrics = newMetricsHandler(s)
	s.handler = s.guard(s.routes())
	s.stopped, s.stop = context.WithCancel(context.Background())
	s.http = &http.Server{Handler: s.handler, ReadHeaderTimeout: headTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHead, ErrorLog: slog.NewLogLogger(deps.Logger.Handler(), slog.LevelDebug)}
	return s, nil
}

// Handler returns what answers requests.
func (s *Server) Handler() http.Handler { return s.handler }

// Serve answers on l until Shutdown, and closes l. It returns nil after
// Shutdown. It fails with ErrOpenAdmin when l can be reached from other
// machines although Config.Addr said loopback.
func (s *Server) Serve(l net.Listener) error {
	if s.place.trusted() && !s.cfg.Open && !localListener(l) {
		return errors.Join(fmt.Errorf("admin address %s listens at %s: %w", s.cfg.Addr, l.Addr(), ErrOpenAdmin), l.Close())
	}
	if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve admin at %s: %w", l.Addr(), err)
	}
	return nil
}

// Shutdown ends event streams, waits until requests are answered, and cuts them
// when ctx is done, whose error it returns then.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stop()
	if err := s.http.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("shut down admin: %w", err), s.http.Close())
	}
	return nil
}

// routes maps paths to what answers them.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", s.serveHealth)
	mux.HandleFunc("/readyz", s.serveReady)
	mux.Handle("/metrics", s.metrics)
	mux.HandleFunc("/api/v1/status", withoutQuery(s.serveStatus))
	mux.HandleFunc("/api/v1/upstreams", withoutQuery(s.serveUpstreams))
	mux.HandleFunc("/api/v1/upstreams/{name}", withoutQuery(s.serveUpstream))
	mux.HandleFunc("/api/v1/events", s.serveEvents)
	mux.HandleFunc("POST "+reloadPath, withoutQuery(s.serveReload))
	mux.HandleFunc("/{$}", s.page.serve)
	mux.HandleFunc("/", s.serveUnknown)
	return mux
}
