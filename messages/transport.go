package messages

import (
	"net/netip"
	"time"
)

// Transport is how a peer is spoken to. Of every duration, 0 means none.
type Transport struct {
	// ConnectionTimeout bounds one TCP connect; default 3s.
	ConnectionTimeout time.Duration
	// TotalConnectionTimeout bounds everything until a request can be sent: the
	// lookup, all connects, the PROXY header, the TLS handshake; default 10s.
	TotalConnectionTimeout time.Duration
	// ResponseTimeout bounds the wait for the response head after the request was sent; default 30s.
	ResponseTimeout time.Duration
	// ReadTimeout bounds each read of a response body; default 60s.
	ReadTimeout time.Duration
	// WriteTimeout bounds each write to the peer; default 60s.
	WriteTimeout time.Duration
	// IdleTimeout is how long an unused connection is kept; default 60s.
	IdleTimeout time.Duration
	// TunnelTimeout is the longest silence on upgraded and event streams, where
	// ReadTimeout does not apply; default 1h.
	TunnelTimeout time.Duration

	// TLS is used when its ServerName is set.
	TLS PeerTLS
	// ALPN says which HTTP is spoken; default H1. H2 without TLS is h2c with prior
	// knowledge (RFC 9113, 3.3).
	ALPN ALPN
	// MaxH2Streams is how many requests share one HTTP/2 connection at a time; the
	// peer may allow fewer. Default 100.
	MaxH2Streams int
	// H2PingInterval is the silence on an HTTP/2 connection after which it is
	// pinged, and as long again without an answer breaks it; default 0. Servers of gRPC may
	// refuse pings that come too often.
	H2PingInterval time.Duration
	// MaxIdle is how many unused connections are kept for each peer; default 512,
	// 0 = none: each request has a connection of its own.
	MaxIdle int
	// MaxIdleTotal is how many unused connections are kept in all; 0 = no limit
	// but MaxIdle. The one that was unused longest is closed.
	MaxIdleTotal int
	// TCP are options of the socket.
	TCP TCPOptions
	// ProxyProtocol is the header that begins each connection, which then serves
	// one client only; default none.
	ProxyProtocol ProxyProtocol
	// Bind is the local address of connections; the zero Addr leaves it to the system.
	Bind netip.Addr
}

// PeerTLS is TLS towards a peer.
type PeerTLS struct {
	// ServerName is sent (SNI) and verified; "$host" is the host that the request
	// goes out with (after host_header); empty = no TLS.
	ServerName string
	// VerifyCert verifies the peer's certificate and its name; default true.
	VerifyCert bool
	// CA is a file of the certificates that are trusted instead of the system's; empty = the system's.
	CA string
	// ClientCert and ClientKey are files of what is shown to peers that ask; empty = nothing.
	ClientCert, ClientKey string
	// MinVersion is "1.2" (the default) or "1.3".
	MinVersion string
}

// HostServerName stands, as ServerName, for the host of the request.
const HostServerName = "$host"

// ALPN says which HTTP is spoken with peers.
type ALPN string

// The versions of HTTP towards peers. The empty one is H1.
const (
	H1   ALPN = "H1"
	H2   ALPN = "H2"
	H2H1 ALPN = "H2H1" // HTTP/2 where the peer offers it in the TLS handshake, else HTTP/1.1
)

// TCPOptions are options of TCP sockets. Zero leaves each to the system.
type TCPOptions struct {
	// Idle, Interval and ProbeCount say when a silent connection is probed, how
	// often, and after how many silent probes it is broken (TCP_KEEPIDLE,
	// TCP_KEEPINTVL, TCP_KEEPCNT; RFC 9293, 3.8.4).
	Idle, Interval time.Duration
	ProbeCount     int
	// UserTimeout is how long sent data may stay unacknowledged (TCP_USER_TIMEOUT; RFC 5482).
	UserTimeout time.Duration
	// RecvBuf and SendBuf are sizes in bytes (SO_RCVBUF, SO_SNDBUF). The kernel doubles them, and caps them.
	RecvBuf, SendBuf int
	// FastOpen sends the first data with the SYN where a cookie is known (RFC 7413).
	FastOpen bool
}

// ProxyProtocol is a version of the PROXY protocol of HAProxy; empty = none.
type ProxyProtocol string

// The versions of the PROXY protocol.
const (
	ProxyV1 ProxyProtocol = "v1"
	ProxyV2 ProxyProtocol = "v2"
)
