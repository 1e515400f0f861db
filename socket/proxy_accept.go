package socket

import (
	"net"
	"net/netip"
	"time"

	"github.com/pires/go-proxyproto"
)

// proxyHeaderTime bounds the wait for a PROXY header.
const proxyHeaderTime = 5 * time.Second

// AcceptProxy returns a listener whose connections begin with a header of the
// PROXY protocol, version 1 or 2, when they come from trusted: their addresses are
// those in the header. It must come, within 5 s. Others must not send one, so that
// nobody chooses his own address, and keep the address they have. No trusted = all
// are, for unix sockets, where whoever may open the socket is.
//
// The header is read when a connection is first used, and what is wrong with it is
// the error of that Read. RemoteAddr and LocalAddr read it too, and are not to be
// called where nobody may wait.
func AcceptProxy(l net.Listener, trusted []netip.Prefix) net.Listener {
	return &proxyListener{Listener: l, trusted: trusted}
}

type proxyListener struct {
	net.Listener
	trusted []netip.Prefix
}

// Accept returns the next connection, without waiting for its header.
func (l *proxyListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	policy := proxyproto.REJECT
	if l.trusts(c.RemoteAddr()) {
		policy = proxyproto.REQUIRE
	}
	return &proxyConn{Conn: proxyproto.NewConn(c, proxyproto.WithPolicy(policy), proxyproto.SetReadHeaderTimeout(proxyHeaderTime)), raw: c}, nil
}

func (l *proxyListener) trusts(addr net.Addr) bool {
	if len(l.trusted) == 0 {
		return true
	}
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return false
	}
	ip := tcp.AddrPort().Addr().Unmap().WithZone("")
	for _, p := range l.trusted {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

// proxyConn is a connection that may begin with a PROXY header.
type proxyConn struct {
	*proxyproto.Conn
	raw net.Conn
}

// CloseWrite ends the stream to the client and leaves the one from it open.
func (c *proxyConn) CloseWrite() error {
	if half, ok := c.raw.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.raw.Close()
}
