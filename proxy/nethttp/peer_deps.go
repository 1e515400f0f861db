package nethttp

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/netip"

	"github.com/weirproxy/weir/messages"
)

// PeerDeps are what a peer codec needs from outside. Each is called from many goroutines.
type PeerDeps struct {
	// TLS returns the configuration for a new connection that asks for serverName.
	// The codec sets NextProtos, and ServerName if it is empty, on a clone. An
	// error fails the connection (messages.CodeTLS). Nil = a peer that is to be
	// spoken to by TLS cannot be reached.
	TLS func(serverName string) (*tls.Config, error)
	// Dial connects to addr, a network of "tcp" with host:port, or "unix" with a
	// path; options of the socket and the local address are its own. Nil = a net.Dialer.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// WriteProxyHeader writes the header of the PROXY protocol: from is the client,
	// to what it connected to (zero = not known). Nil = a Transport with
	// ProxyProtocol reaches no peer.
	WriteProxyHeader func(w io.Writer, v messages.ProxyProtocol, from, to netip.AddrPort) error
	// Former is the codec whose place it takes; what that counts and the new one
	// counts are one: its connections may be in use for long. Nil = none.
	Former *PeerCodec
}
