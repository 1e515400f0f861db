package certs

import (
	"crypto/tls"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
)

// ClientAuth says whether clients of a listener show a certificate.
type ClientAuth int

// What is asked of clients.
const (
	// ClientAuthOff asks for nothing.
	ClientAuthOff ClientAuth = iota
	// ClientAuthRequest asks; a certificate that is shown must be good, none is good too.
	ClientAuthRequest
	// ClientAuthRequire asks, and refuses who shows none.
	ClientAuthRequire
)

// String returns "off", "request" or "require".
func (a ClientAuth) String() string {
	switch a {
	case ClientAuthOff:
		return "off"
	case ClientAuthRequest:
		return "request"
	case ClientAuthRequire:
		return "require"
	}
	return fmt.Sprintf("ClientAuth(%d)", int(a))
}

// ServerOptions are TLS of a listener.
type ServerOptions struct {
	// Pairs are what it shows; at least one. The first is for names that none has.
	Pairs []Pair
	// MinVersion is "1.2" or "1.3"; empty = "1.2".
	MinVersion string
	// ALPN are the protocols that it speaks, the preferred first (RFC 7301); empty =
	// it takes no part in the choice.
	ALPN []string
	// ClientAuth asks clients for certificates.
	ClientAuth ClientAuth
	// ClientCA is a file of the authorities that these must come from; needed
	// unless ClientAuth is off, and must be empty then.
	ClientCA string
	// StrictSNI refuses clients that ask for a name that no pair has, or for none
	// (alert unrecognized_name, RFC 6066).
	StrictSNI bool
}

// Server is TLS of one listener. Make it with Set.Server.
type Server struct {
	set     *Set
	by      string
	options ServerOptions
	pairs   []*held
	ca      *held // nil when clients are not asked
	config  *tls.Config
	refusal *tls.Config

	state atomic.Pointer[serverState]
	mu    sync.Mutex // one renewal of state at a time
	close sync.Once
}

// serverState is what handshakes use. It does not change.
type serverState struct {
	generation uint64
	index      *index
	ca         *material
	// mutual is for handshakes that ask for a certificate; nil when they do not.
	mutual *tls.Config
}

// Server reads the files of a listener, which by names for people ("listener
// :8443"). The errors are ErrOptions, and those of the files. A new Server is to be
// made before the one that it replaces is closed: what they share is kept then.
func (s *Set) Server(by string, o ServerOptions) (*Server, error) {
	version, err := minVersion(o.MinVersion)
	switch {
	case err != nil:
		return nil, err
	case len(o.Pairs) == 0:
		return nil, fmt.Errorf("%w: %s: TLS needs a certificate and its key", ErrOptions, by)
	case o.ClientAuth < ClientAuthOff || o.ClientAuth > ClientAuthRequire:
		return nil, fmt.Errorf("%w: %s: client certificates: %v is none of off, request and require", ErrOptions, by, o.ClientAuth)
	case o.ClientAuth == ClientAuthOff && o.ClientCA != "":
		return nil, fmt.Errorf("%w: %s: %s has no meaning while clients are not asked for a certificate", ErrOptions, by, o.ClientCA)
	case o.ClientAuth != ClientAuthOff && o.ClientCA == "":
		return nil, fmt.Errorf("%w: %s: client certificates need a file of the authorities that they come from", ErrOptions, by)
	}
	o.Pairs, o.ALPN = slices.Clone(o.Pairs), slices.Clone(o.ALPN)
	server := &Server{set: s, by: by, options: o}
	if err := server.acquire(); err != nil {
		server.Close()
		return nil, fmt.Errorf("%s: %w", by, err)
	}
	server.config = &tls.Config{
		Time: s.options.Now, MinVersion: version, NextProtos: o.ALPN,
		GetConfigForClient: server.configFor, GetCertificate: server.certificateFor,
	}
	// No session of another name is resumed, and without a certificate crypto/tls
	// sends the alert that is meant for it; an error of ours would be internal_error.
	server.refusal = &tls.Config{Time: s.options.Now, MinVersion: version, NextProtos: o.ALPN, SessionTicketsDisabled: true,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, nil }}
	return server, nil
}

func (s *Server) acquire() error {
	for _, pair := range s.options.Pairs {
		if err := pair.complete(); err != nil {
			return err
		}
		h, err := s.set.acquire(pair, s.by)
		if err != nil {
			return err
		}
		s.pairs = append(s.pairs, h)
	}
	if s.options.ClientCA == "" {
		return nil
	}
	ca, err := s.set.acquire(Pair{Cert: s.options.ClientCA}, s.by)
	s.ca = ca
	return err
}

// Close says that the listener is gone. Its configuration goes on with what it has.
func (s *Server) Close() {
	s.close.Do(func() {
		all := slices.Clone(s.pairs)
		if s.ca != nil {
			all = append(all, s.ca)
		}
		s.set.release(s.by, all)
	})
}

// Config returns what the listener's handshakes use, always the same. It follows
// the files, and has the keys of session tickets, which crypto/tls changes each
// day: so it may be cloned when the listener starts, but not for each connection.
// While clients are asked for certificates, a change of its other fields has no effect.
func (s *Server) Config() *tls.Config { return s.config }

// configFor is asked at each handshake, resumed or not.
func (s *Server) configFor(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	state := s.now()
	if s.options.StrictSNI && len(state.index.find(hello.ServerName)) == 0 {
		return s.refusal, nil
	}
	return state.mutual, nil // nil: go on with the one that was asked
}

func (s *Server) certificateFor(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	return s.now().index.choose(hello, s.set.options.Now()), nil
}

// now returns the state, renewed if anything changed.
func (s *Server) now() *serverState {
	if state := s.state.Load(); state != nil && state.generation == s.set.generation.Load() {
		return state
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	next := &serverState{generation: s.set.generation.Load()} // before the rest: what changes meanwhile is seen next time
	var all []*material
	for _, pair := range s.pairs {
		all = append(all, pair.now.Load())
	}
	next.index = newIndex(all)
	if s.ca != nil {
		next.ca = s.ca.now.Load()
		if old := s.state.Load(); old != nil && old.ca == next.ca {
			next.mutual = old.mutual
		} else {
			next.mutual = s.mutual(next.ca)
		}
	}
	s.state.Store(next)
	return next
}

// mutual is a configuration that asks for a certificate. It has no keys of session
// tickets, so crypto/tls takes those of Config. It resumes no session whose
// client came from an authority that is not in ca any more.
func (s *Server) mutual(ca *material) *tls.Config {
	auth := tls.VerifyClientCertIfGiven
	if s.options.ClientAuth == ClientAuthRequire {
		auth = tls.RequireAndVerifyClientCert
	}
	return &tls.Config{
		Time: s.config.Time, MinVersion: s.config.MinVersion, NextProtos: s.options.ALPN,
		GetCertificate: s.certificateFor, ClientAuth: auth, ClientCAs: ca.pool,
	}
}

// minVersion reads a version of TLS.
func minVersion(text string) (uint16, error) {
	switch text {
	case "", "1.2":
		return tls.VersionTLS12, nil
	case "1.3":
		return tls.VersionTLS13, nil
	}
	return 0, fmt.Errorf("%w: min_version %q: want \"1.2\" or \"1.3\"", ErrOptions, text)
}
