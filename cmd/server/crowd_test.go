package main

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// overHTTP2 is the last kind of clients in a crowd. Go's client of HTTP/2 must be
// able to send a body again even where it has not sent it yet: when GOAWAY comes
// between its choice of a connection and its first frame.
const overHTTP2 = 2

// crowd sends requests that no client repeats by itself once they were sent, until
// stop: over connections that stay, over one for each request, and over HTTP/2.
type crowd struct {
	t        *testing.T
	answered [3]atomic.Int64
	cancel   context.CancelFunc
	clients  sync.WaitGroup
}

// newCrowd sends a crowd to url, over TLS if secure is not nil.
func newCrowd(t *testing.T, url string, secure *tls.Config) *crowd {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	c := &crowd{t: t, cancel: cancel}
	var http2 http.Protocols
	http2.SetUnencryptedHTTP2(secure == nil)
	http2.SetHTTP2(secure != nil)
	for kind, tr := range []*http.Transport{{}, {DisableKeepAlives: true}, {Protocols: &http2}} {
		if tr.TLSClientConfig = secure.Clone(); secure != nil && kind != overHTTP2 {
			tr.TLSClientConfig.NextProtos = []string{"http/1.1"}
		}
		client := &http.Client{Transport: tr, Timeout: 20 * time.Second}
		for range 4 {
			c.clients.Go(func() {
				defer tr.CloseIdleConnections()
				for ctx.Err() == nil && c.ask(client, kind, url) {
					c.answered[kind].Add(1)
				}
			})
		}
	}
	t.Cleanup(c.stop)
	return c
}

func (c *crowd) ask(client *http.Client, kind int, url string) bool {
	body := io.Reader(strings.NewReader("?"))
	if kind != overHTTP2 {
		body = io.NopCloser(body) // which cannot be sent again
	}
	resp, err := client.Post(url, "text/plain", body)
	if err != nil {
		c.t.Errorf("kind %d after %d: %v", kind, c.total(), err)
		return false
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		c.t.Errorf("kind %d after %d: status %d, %q, %v", kind, c.total(), resp.StatusCode, answer, err)
		return false
	}
	return true
}

func (c *crowd) total() (n int64) {
	for kind := range c.answered {
		n += c.answered[kind].Load()
	}
	return n
}

// await waits until each kind of client got n more answers.
func (c *crowd) await(n int64) {
	c.t.Helper()
	for kind := range c.answered {
		from := c.answered[kind].Load()
		eventually(c.t, "clients of all kinds are answered", func() bool { return c.answered[kind].Load() >= from+n })
	}
}

func (c *crowd) stop() {
	c.cancel()
	c.clients.Wait()
}
