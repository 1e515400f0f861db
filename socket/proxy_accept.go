package socket

import (
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pires/go-proxyproto"
)

// defaultHeaderTime bounds the wait for a PROXY header unless ProxyRules says otherwise.
const defaultHeaderTime = 5 * time.Second

// ProxyRules say who begins with a header of the PROXY protocol.
type ProxyRules struct {
	// Trusted are the addresses whose connections must begin with one. Others must
	// not, so that nobody chooses his own address, and keep the address they have.
	// None = all must, for unix sockets, where whoever may open the socket is trusted.
	Trusted []netip.Prefix
	// Timeout bounds the wait for the header; 0 or more than 5 s = 5 s.
	Timeout time.Duration
	// Refused, unless nil, is told of each connection that broke the rules, or whose
	// header is garbled; not of one that ended without a word, as those that just
	// look whether a port is open do.
	Refused func(remote net.Addr, err error)
}

// AcceptProxy returns a listener whose connections begin as rules say, with
// version 1 or 2; their addresses are those in the header.
//
// The header is read when a connection is first used, and one that is refused
// reads as ended. RemoteAddr and LocalAddr read it too, and are not to be called
// where nobody may wait.
func AcceptProxy(l net.Listener, rules ProxyRules) net.Listener {
	if rules.Timeout <= 0 || rules.Timeout > defaultHeaderTime {
		rules.Timeout = defaultHeaderTime
	}
	return &proxyListener{Listener: l, rules: rules}
}

type proxyListener struct {
	net.Listener
	rules ProxyRules
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
	raw := &spokenConn{Conn: c}
	conn := proxyproto.NewConn(raw, proxyproto.WithPolicy(policy), proxyproto.SetReadHeaderTimeout(l.rules.Timeout))
	return &proxyConn{Conn: conn, raw: raw, refused: l.rules.Refused}, nil
}

func (l *proxyListener) trusts(addr net.Addr) bool {
	if len(l.rules.Trusted) == 0 {
		return true
	}
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return false
	}
	ip := tcp.AddrPort().Addr().Unmap().WithZone("")
	for _, p := range l.rules.Trusted {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

// proxyConn is a connection that may begin with a PROXY header.
type proxyConn struct {
	*proxyproto.Conn
	raw     *spokenConn
	refused func(net.Addr, error)
	once    sync.Once
	fault   error
}

// Read reads what follows the header.
func (c *proxyConn) Read(p []byte) (int, error) {
	c.once.Do(func() {
		if _, c.fault = c.Conn.Read(nil); c.fault != nil && c.raw.spoke && c.refused != nil {
			c.refused(c.raw.RemoteAddr(), c.fault)
		}
	})
	if c.fault != nil {
		return 0, io.EOF // there is nobody to answer in a way that is understood
	}
	return c.Conn.Read(p)
}

// CloseWrite ends the stream to the client and leaves the one from it open.
func (c *proxyConn) CloseWrite() error {
	if half, ok := c.raw.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.raw.Close()
}

// spokenConn knows whether the client ever said anything.
type spokenConn struct {
	net.Conn
	spoke bool // only the reader's goroutine looks
}

// Read reads from the connection.
func (c *spokenConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.spoke = c.spoke || n > 0
	return n, err
}
