package nethttp

import (
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// peerTunnel is the raw stream to a peer after a 101. It closes itself when for
// too long nothing was read or written.
type peerTunnel struct {
	stream io.ReadWriteCloser // what net/http had read already comes first
	conn   *peerConn
	limit  time.Duration // 0 = none
	began  time.Time
	last   atomic.Int64 // when a byte last passed, since began

	once  sync.Once
	err   error
	timer *time.Timer
}

func newPeerTunnel(stream io.ReadWriteCloser, conn *peerConn, limit time.Duration) *peerTunnel {
	t := &peerTunnel{stream: stream, conn: conn, limit: limit, began: time.Now()}
	if limit > 0 {
		t.timer = time.AfterFunc(time.Hour, t.tick) // set before tick can run
		t.timer.Reset(limit)
	}
	return t
}

// tick closes a silent tunnel, or looks again when the silence would be too long.
func (t *peerTunnel) tick() {
	silent := time.Since(t.began) - time.Duration(t.last.Load())
	if silent >= t.limit {
		_ = t.Close() // both sides see it at their next read
		return
	}
	t.timer.Reset(t.limit - silent)
}

// Read reads from the peer.
func (t *peerTunnel) Read(p []byte) (int, error) {
	n, err := t.stream.Read(p)
	t.passed(n)
	return n, err
}

// Write writes to the peer.
func (t *peerTunnel) Write(p []byte) (int, error) {
	n, err := t.stream.Write(p)
	t.passed(n)
	return n, err
}

func (t *peerTunnel) passed(n int) {
	if n > 0 && t.limit > 0 {
		t.last.Store(int64(time.Since(t.began)))
	}
}

// CloseWrite ends the stream to the peer only.
func (t *peerTunnel) CloseWrite() error { return t.conn.CloseWrite() }

// Close closes the connection. Further calls return the result of the first.
func (t *peerTunnel) Close() error {
	t.once.Do(func() {
		t.err = t.stream.Close()
		if t.timer != nil {
			t.timer.Stop()
		}
	})
	return t.err
}
