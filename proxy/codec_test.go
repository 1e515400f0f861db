package proxy

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/weirproxy/weir/messages"
)

// reply is what a fake peer does with one attempt.
type reply struct {
	failure  *Failure
	reads    int // bytes of the request's body that are read first; -1 = all
	status   int
	header   []messages.HeaderField
	body     string
	length   int64 // 0 = that of body; -1 = not known
	bodyErr  error // instead of io.EOF
	trailers []messages.HeaderField
	tunnel   io.ReadWriteCloser
	do       func(x *Exchange) error // instead of all others
}

// sight is what a fake peer saw of one attempt.
type sight struct {
	peer, method, authority, path, query, body string
	header                                     []messages.HeaderField
	upgrade                                    string
}

func (s sight) get(name string) string {
	for _, f := range s.header {
		if equalFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// fakePeers is a PeerCodec in memory. Replies are used up in order; then it answers 200.
type fakePeers struct {
	mu      sync.Mutex
	replies []reply
	seen    []sight
	opened  int
	closed  int // bodies and tunnels
	ended   bool
	limits  []messages.Transport
	retired []string
	cut     []string
}

func (f *fakePeers) Send(x *Exchange) error {
	f.mu.Lock()
	r := reply{status: 200, body: "ok"}
	if len(f.replies) > 0 {
		r, f.replies = f.replies[0], f.replies[1:]
	}
	f.mu.Unlock()
	saw := sight{peer: x.To.Addr, method: x.Request.Method, authority: x.Request.Authority,
		path: x.Request.Path, query: x.Request.Query, upgrade: x.Request.Upgrade}
	for i := range x.Request.Header.Len() {
		h := x.Request.Header.At(i)
		saw.header = append(saw.header, messages.HeaderField{Name: strings.Clone(h.Name), Value: strings.Clone(h.Value)})
	}
	var readErr error
	if x.Request.Body != nil && r.reads != 0 {
		var body []byte
		if r.reads < 0 {
			body, readErr = io.ReadAll(x.Request.Body)
		} else {
			body, readErr = io.ReadAll(io.LimitReader(x.Request.Body, int64(r.reads)))
		}
		saw.body = string(body)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen = append(f.seen, saw)
	switch {
	case r.do != nil:
		return r.do(x)
	case readErr != nil:
		return &Failure{Code: messages.CodeClientGone, Err: readErr}
	case r.failure != nil:
		return r.failure
	}
	f.answer(x, &r)
	return nil
}

func (f *fakePeers) answer(x *Exchange, r *reply) {
	x.Response.Status, x.Response.ContentLength = r.status, r.length
	if r.length == 0 {
		x.Response.ContentLength = int64(len(r.body))
	}
	for _, h := range r.header {
		x.Response.Header.Add(h.Name, h.Value)
	}
	if r.trailers != nil {
		x.Response.Trailers = func() Fields { return Fields{list: slices.Clone(r.trailers)} }
	}
	f.opened++
	if r.tunnel != nil {
		x.Response.Tunnel = r.tunnel
		return
	}
	x.Response.Body = &fakeBody{f: f, r: strings.NewReader(r.body), err: r.bodyErr}
}

func (f *fakePeers) Close() { f.ended = true }

func (f *fakePeers) SetLimits(t messages.Transport) { f.limits = append(f.limits, t) }

func (f *fakePeers) Retire(addr string) { f.retired = append(f.retired, addr) }

func (f *fakePeers) Cut(addr string) { f.cut = append(f.cut, addr) }

func (f *fakePeers) peers() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var addrs []string
	for _, s := range f.seen {
		addrs = append(addrs, s.peer)
	}
	return addrs
}

type fakeBody struct {
	f      *fakePeers
	r      *strings.Reader
	err    error
	closed bool
}

func (b *fakeBody) Read(p []byte) (int, error) {
	if b.closed {
		return 0, errors.New("read after close")
	}
	n, err := b.r.Read(p)
	if err == io.EOF && b.err != nil {
		err = b.err
	}
	return n, err
}

func (b *fakeBody) Close() error {
	b.f.mu.Lock()
	defer b.f.mu.Unlock()
	if b.closed {
		panic("body closed twice")
	}
	b.closed = true
	b.f.closed++
	return nil
}

// fakeClient is a ClientStream in memory.
type fakeClient struct {
	heads    int
	status   int
	header   []messages.HeaderField
	length   int64
	body     bytes.Buffer
	flushes  []int // length of the body at each flush
	trailers []messages.HeaderField
	headErr  error
	writeErr error
	tunnel   io.ReadWriteCloser

	slow, slowFlush time.Duration // of each Write, of each Flush
}

func (c *fakeClient) Informational(int, *Fields) error { return nil }

func (c *fakeClient) Head(r *Response) error {
	c.heads++
	if c.headErr != nil {
		return c.headErr
	}
	c.take(r)
	return nil
}

func (c *fakeClient) take(r *Response) {
	c.status, c.length = r.Status, r.ContentLength
	c.header = cloneFields(&r.Header)
}

func (c *fakeClient) Write(p []byte) (int, error) {
	if c.writeErr != nil {
		return 0, c.writeErr
	}
	if c.slow > 0 {
		<-time.After(c.slow)
	}
	return c.body.Write(p)
}

func (c *fakeClient) Flush() error {
	if c.slowFlush > 0 {
		<-time.After(c.slowFlush)
	}
	c.flushes = append(c.flushes, c.body.Len())
	return nil
}

func (c *fakeClient) Trailers(f *Fields) error {
	c.trailers = cloneFields(f)
	return nil
}

func (c *fakeClient) Tunnel(r *Response) (io.ReadWriteCloser, error) {
	c.heads++
	if c.tunnel == nil {
		return nil, errors.New("no tunnel")
	}
	c.take(r)
	return c.tunnel, nil
}

func (c *fakeClient) get(name string) string {
	for _, f := range c.header {
		if equalFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

func cloneFields(f *Fields) []messages.HeaderField {
	var out []messages.HeaderField
	for i := range f.Len() {
		h := f.At(i)
		out = append(out, messages.HeaderField{Name: strings.Clone(h.Name), Value: strings.Clone(h.Value)})
	}
	return out
}
