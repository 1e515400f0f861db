package nethttp

import (
	"bufio"
	"bytes"
	"net/http"
	"sync"

	"github.com/weirproxy/weir/proxy"
)

// clientTunnel is the raw stream to a client after a 101.
type clientTunnel struct {
	conn  *clientConn
	early *bufio.Reader // what was read before the tunnel; nil when used up
	set   *tunnelSet
	once  sync.Once
	err   error
}

// Read returns first what was read before the tunnel began.
func (t *clientTunnel) Read(p []byte) (int, error) {
	if t.early != nil {
		if n := t.early.Buffered(); n > 0 {
			return t.early.Read(p[:min(n, len(p))])
		}
		t.early = nil
	}
	return t.conn.Read(p)
}

// Write sends p.
func (t *clientTunnel) Write(p []byte) (int, error) { return t.conn.Write(p) }

// CloseWrite ends the stream to the client only.
func (t *clientTunnel) CloseWrite() error { return t.conn.CloseWrite() }

// Close closes the connection. Further calls return the result of the first.
func (t *clientTunnel) Close() error {
	t.once.Do(func() {
		t.set.remove(t)
		t.err = t.conn.Close()
	})
	return t.err
}

// tunnelSet holds the open tunnels of a server, which net/http does not know.
type tunnelSet struct {
	mu     sync.Mutex
	open   map[*clientTunnel]struct{}
	closed bool
}

// add adds t, or closes it when all were closed already.
func (s *tunnelSet) add(t *clientTunnel) {
	s.mu.Lock()
	closed := s.closed
	if !closed {
		if s.open == nil {
			s.open = make(map[*clientTunnel]struct{})
		}
		s.open[t] = struct{}{}
	}
	s.mu.Unlock()
	if closed {
		_ = t.Close() // the core sees it at its next read
	}
}

func (s *tunnelSet) remove(t *clientTunnel) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, t)
}

// closeAll closes every tunnel, and those that come later.
func (s *tunnelSet) closeAll() {
	s.mu.Lock()
	s.closed = true
	open := make([]*clientTunnel, 0, len(s.open))
	for t := range s.open {
		open = append(open, t)
	}
	s.mu.Unlock()
	for _, t := range open {
		_ = t.Close() // the core sees it at its next read
	}
}

// switchingHead returns the head of a 101 that changes to the protocol the
// response names, else to the one that was asked for.
func switchingHead(r *proxy.Response, asked string) []byte {
	h := make(http.Header, r.Header.Len()+2)
	copyFields(h, &r.Header, ownedByResponse)
	if _, ok := h["Upgrade"]; !ok {
		h["Upgrade"] = []string{asked}
	}
	h["Connection"] = []string{"Upgrade"}
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 101 Switching Protocols\r\n")
	_ = h.Write(&b) // a Buffer takes everything
	b.WriteString("\r\n")
	return b.Bytes()
}
