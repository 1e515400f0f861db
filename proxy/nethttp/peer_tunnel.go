package nethttp

import (
	"io"
	"sync"
)

// peerTunnel is the raw stream to a peer after a 101.
type peerTunnel struct {
	io.ReadWriter // what net/http had read already comes first
	stream        io.Closer
	conn          *peerConn
	once          sync.Once
	err           error
}

func newPeerTunnel(stream io.ReadWriteCloser, conn *peerConn) *peerTunnel {
	return &peerTunnel{ReadWriter: stream, stream: stream, conn: conn}
}

// CloseWrite ends the stream to the peer only.
func (t *peerTunnel) CloseWrite() error { return t.conn.CloseWrite() }

// Close closes the connection. Further calls return the result of the first.
func (t *peerTunnel) Close() error {
	t.once.Do(func() { t.err = t.stream.Close() })
	return t.err
}
