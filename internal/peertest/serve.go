package peertest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// accept takes connections until l is closed.
func (p *Peer) accept(l net.Listener) {
	defer p.running.Done()
	for {
		c, err := l.Accept()
		if err != nil {
			return // closed, by Set or Close
		}
		p.mu.Lock()
		if p.closed || p.listener != l {
			p.mu.Unlock()
			reset(c)
			return
		}
		p.accepted++
		number := p.accepted
		p.conns[c] = struct{}{}
		p.running.Add(1)
		p.noteLocked()
		p.mu.Unlock()
		go p.serve(c, number)
	}
}

// serve serves one connection.
func (p *Peer) serve(c net.Conn, number int) {
	defer p.running.Done()
	defer p.forget(c)
	br := bufio.NewReader(c)
	for {
		req, err := http.ReadRequest(br)
		if err != nil {
			return // the connection ended, or no HTTP came
		}
		m, answer := p.now()
		if m.kind == hang || m.kind == resetBeforeHead {
			p.record(req, nil, number)
			if m.kind == hang {
				_, _ = io.Copy(io.Discard, br) // ends with the connection
			} else {
				reset(c)
			}
			return
		}
		if req.Header.Get("Expect") != "" {
			if _, err := io.WriteString(c, "HTTP/1.1 100 Continue\r\n\r\n"); err != nil {
				return
			}
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return // the request was broken off
		}
		seen := p.record(req, body, number)
		if !p.reply(c, m, req, answer(seen)) {
			return
		}
		if m.kind == closeIdle && c.SetReadDeadline(time.Now().Add(m.every)) != nil {
			return
		}
	}
}

func (p *Peer) forget(c net.Conn) {
	_ = c.Close() // may be closed already
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
	p.noteLocked()
}

func (p *Peer) now() (Manner, func(Request) Response) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.manner, p.answer
}

func (p *Peer) record(req *http.Request, body []byte, conn int) Request {
	r := Request{
		Conn: conn, Method: req.Method, Target: req.RequestURI, Host: req.Host, Header: req.Header,
		Chunked: len(req.TransferEncoding) > 0, ContentLength: req.ContentLength, Body: body, Trailer: req.Trailer, At: time.Now(),
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests = append(p.requests, r)
	p.noteLocked()
	return r
}

// reply answers one request and tells whether the connection goes on.
func (p *Peer) reply(c net.Conn, m Manner, req *http.Request, r Response) bool {
	switch m.kind {
	case garbage:
		_, _ = io.WriteString(c, m.raw) // the other side may be gone
		return false
	case sick:
		r = Response{Status: http.StatusServiceUnavailable, Body: []byte("sick\n")}
	}
	if r.Status == 0 {
		r.Status = http.StatusOK
	}
	head, body := render(r, req.Method)
	switch m.kind {
	case resetMidBody:
		_, _ = c.Write(append(head, body[:len(body)/2]...)) // the reset follows anyway
		reset(c)
		return false
	case drip:
		return p.drip(c, m.every, head, body)
	}
	_, err := c.Write(append(head, body...))
	return err == nil && m.kind != closeAfter && !req.Close
}

// drip sends body byte by byte.
func (p *Peer) drip(c net.Conn, every time.Duration, head, body []byte) bool {
	if _, err := c.Write(head); err != nil {
		return false
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for i := range body {
		if _, err := c.Write(body[i : i+1]); err != nil {
			return false
		}
		select {
		case <-tick.C:
		case <-p.stop:
			return false
		}
	}
	return true
}

// render returns head and body as they go over the wire.
func render(r Response, method string) (head, body []byte) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\n", r.Status, http.StatusText(r.Status))
	h := r.Header.Clone()
	if h == nil {
		h = http.Header{}
	}
	bodyless := r.Status == http.StatusNoContent || r.Status == http.StatusNotModified
	if !bodyless && h.Get("Content-Length") == "" {
		h.Set("Content-Length", strconv.Itoa(len(r.Body)))
	}
	_ = h.Write(&b) // a Buffer takes everything
	b.WriteString("\r\n")
	if bodyless || method == http.MethodHead {
		return b.Bytes(), nil
	}
	return b.Bytes(), r.Body
}
