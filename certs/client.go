package certs

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
)

// DefaultSessions is how many sessions a Client keeps to resume.
const DefaultSessions = 1024

// ClientOptions are TLS towards the peers of an upstream.
type ClientOptions struct {
	// SkipVerify accepts any certificate; default false.
	SkipVerify bool
	// CA is a file of the authorities that are trusted instead of the system's;
	// empty = the system's, which Go reads once. Must be empty with SkipVerify.
	CA string
	// Pair is shown to peers that ask, even to those that say they want one of
	// another authority: they say best what they refuse. The zero Pair = nothing.
	Pair Pair
	// MinVersion is "1.2" or "1.3"; empty = "1.2".
	MinVersion string
	// ALPN are the protocols that are offered, the preferred first (RFC 7301); empty = none.
	ALPN []string
	// Sessions is how many sessions are kept to resume; 0 = DefaultSessions,
	// negative = none.
	Sessions int
}

// Client is TLS towards the peers of one upstream. Make it with Set.Client.
type Client struct {
	set      *Set
	by       string
	options  ClientOptions
	version  uint16
	pair, ca *held // nil when there is none

	state atomic.Pointer[clientState]
	mu    sync.Mutex // one renewal of state at a time
	close sync.Once
}

// clientState is what dials use. It does not change, but for the sessions.
type clientState struct {
	generation uint64
	pair, ca   *material
	config     *tls.Config
	sessions   tls.ClientSessionCache // nil when none are kept
}

// Client reads the files of an upstream, which by names for people ("upstream
// api"). The errors are ErrOptions, and those of the files. A new Client is to be
// made before the one that it replaces is closed: what they share is kept then.
func (s *Set) Client(by string, o ClientOptions) (*Client, error) {
	version, err := minVersion(o.MinVersion)
	switch {
	case err != nil:
		return nil, err
	case o.SkipVerify && o.CA != "":
		return nil, fmt.Errorf("%w: %s: %s has no meaning while certificates are not verified", ErrOptions, by, o.CA)
	case o.Pair != (Pair{}) && o.Pair.complete() != nil:
		return nil, fmt.Errorf("%s: %w", by, o.Pair.complete())
	}
	if o.Sessions == 0 {
		o.Sessions = DefaultSessions
	}
	o.ALPN = slices.Clone(o.ALPN)
	c := &Client{set: s, by: by, options: o, version: version}
	if err := c.acquire(); err != nil {
		c.Close()
		return nil, fmt.Errorf("%s: %w", by, err)
	}
	return c, nil
}

func (c *Client) acquire() (err error) {
	if c.options.CA != "" {
		if c.ca, err = c.set.acquire(Pair{Cert: c.options.CA}, c.by); err != nil {
			return err
		}
	}
	if c.options.Pair != (Pair{}) {
		c.pair, err = c.set.acquire(c.options.Pair, c.by)
	}
	return err
}

// Close says that the upstream is gone. Config goes on with what it has.
func (c *Client) Close() {
	c.close.Do(func() {
		all := slices.DeleteFunc([]*held{c.pair, c.ca}, func(h *held) bool { return h == nil })
		c.set.release(c.by, all)
	})
}

// Config returns what one connection uses: it is to be asked for each dial.
//
// serverName is sent (SNI) and verified: a name, or an IP address, with or without
// brackets, which is verified only. Empty fails the handshake unless SkipVerify.
// peer is the address; sessions are kept for each name of each peer.
//
// A configuration for each dial, and not one with a VerifyConnection of ours,
// because crypto/tls then verifies by itself, at resumption too: it resumes no
// session whose authority is not in the pool. Besides, sessions end with any
// change of the authorities or of the pair, so that no peer knows this weir by a
// certificate that was replaced; and each Client has its own, so that none of one
// with SkipVerify gets into another.
func (c *Client) Config(serverName, peer string) *tls.Config {
	state := c.now()
	config := state.config.Clone()
	config.ServerName = serverName
	if state.sessions != nil {
		config.ClientSessionCache = peerSessions{state.sessions, peer}
	}
	return config
}

// now returns the state, renewed if anything changed.
func (c *Client) now() *clientState {
	if state := c.state.Load(); state != nil && state.generation == c.set.generation.Load() {
		return state
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	next := &clientState{generation: c.set.generation.Load()} // before the rest: what changes meanwhile is seen next time
	if c.pair != nil {
		next.pair = c.pair.now.Load()
	}
	if c.ca != nil {
		next.ca = c.ca.now.Load()
	}
	if old := c.state.Load(); old != nil && old.pair == next.pair && old.ca == next.ca {
		next.config, next.sessions = old.config, old.sessions // another's change
	} else {
		next.config = c.config(next)
		if c.options.Sessions > 0 {
			next.sessions = tls.NewLRUClientSessionCache(c.options.Sessions)
		}
	}
	c.state.Store(next)
	return next
}

// config is what the configurations of dials have in common.
func (c *Client) config(state *clientState) *tls.Config {
	var roots *x509.CertPool // nil: the system's
	if state.ca != nil {
		roots = state.ca.pool
	}
	config := &tls.Config{
		Time: c.set.options.Now, MinVersion: c.version, NextProtos: c.options.ALPN, RootCAs: roots,
		InsecureSkipVerify: c.options.SkipVerify, //nolint:gosec // the operator asks for it
	}
	if state.pair != nil {
		pair := state.pair.pair
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return pair, nil }
	}
	return config
}

// peerSessions are the sessions of one peer, among those of its upstream: what
// one peer gave out, another cannot resume.
type peerSessions struct {
	all  tls.ClientSessionCache
	peer string
}

// Get returns a session to resume, as crypto/tls asks for it.
func (s peerSessions) Get(name string) (*tls.ClientSessionState, bool) { return s.all.Get(s.key(name)) }

// Put keeps a session; nil removes it.
func (s peerSessions) Put(name string, session *tls.ClientSessionState) {
	s.all.Put(s.key(name), session)
}

func (s peerSessions) key(name string) string { return s.peer + " " + name }
