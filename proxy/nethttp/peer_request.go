package nethttp

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/weirproxy/weir/proxy"
)

// errBadTarget is returned when path and query cannot be written in a request line.
var errBadTarget = errors.New("not a path that can be sent")

// request makes the request that net/http sends. Nothing in it belongs to x but
// the body: its strings are copies, because net/http may hold it longer.
func (a *attempt) request(x *proxy.Exchange, secure bool) (*http.Request, error) {
	in := &x.Request
	keep := newKeeper(x)
	target, err := targetURL(keep.keep(in.Path), keep.keep(in.Query), in.HasQuery)
	if err != nil {
		return nil, err
	}
	if secure {
		target.Scheme = "https" // HTTP/2 says so (RFC 9113, 8.3.1)
	}
	if target.Host = keep.keep(in.Authority); target.Host == "" {
		target.Host = hostOf(x.To.Addr)
	}
	req := &http.Request{
		Method: keep.keep(in.Method), URL: target, Host: target.Host,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.header(in, keep),
	}
	a.setBody(x, req, keep)
	return req.WithContext(a.ctx), nil
}

// header makes the request's header. Net/http would send a User-Agent of its own
// when there is none.
func (a *attempt) header(in *proxy.Request, keep *keeper) http.Header {
	h := make(http.Header, in.Header.Len()+3)
	values := make([]string, 0, in.Header.Len())
	for i := range in.Header.Len() {
		f := in.Header.At(i)
		name := http.CanonicalHeaderKey(keep.keep(f.Name))
		if ownedByRequest(name) {
			continue
		}
		values = append(values, keep.keep(f.Value))
		if had := h[name]; len(had) > 0 {
			h[name] = append(had, values[len(values)-1])
			continue
		}
		h[name] = values[len(values)-1 : len(values) : len(values)]
	}
	if _, ok := h["User-Agent"]; !ok {
		h["User-Agent"] = nil
	}
	if in.Upgrade != "" {
		h["Connection"], h["Upgrade"] = []string{"Upgrade"}, []string{keep.keep(in.Upgrade)}
	}
	return h
}

// setBody gives req the body of x, if it has one.
func (a *attempt) setBody(x *proxy.Exchange, req *http.Request, keep *keeper) {
	in := &x.Request
	if in.Body == nil || in.ContentLength == 0 {
		return
	}
	a.body.src = in.Body
	if s, ok := x.Client.(interrupter); ok {
		a.body.interrupt = func() { s.InterruptBody(a.brokenBy()) }
	}
	req.Body, req.ContentLength = &a.body, max(in.ContentLength, -1)
	if in.Expect {
		req.Header["Expect"] = []string{"100-continue"}
		a.body.gate = newGate()
	}
	if in.Trailers == nil || in.ContentLength > 0 && len(in.TrailerNames) == 0 {
		return
	}
	req.ContentLength = -1 // only a chunked body has trailers
	trailer := make(http.Header, len(in.TrailerNames))
	for _, name := range in.TrailerNames {
		trailer[http.CanonicalHeaderKey(keep.keep(name))] = nil
	}
	req.Trailer = trailer
	fields := in.Trailers
	// Net/http writes the map after it read io.EOF, names that were not
	// announced too.
	a.body.atEnd = func() {
		f := fields()
		for i := range f.Len() {
			t := f.At(i)
			trailer.Add(strings.Clone(t.Name), strings.Clone(t.Value))
		}
	}
}

// hostOf is the Host of a request that names none.
func hostOf(addr string) string {
	if strings.HasPrefix(addr, "unix:") {
		return "localhost"
	}
	return strings.Clone(addr)
}

// targetURL makes the URL that net/http writes as it stands.
func targetURL(path, query string, hasQuery bool) (*url.URL, error) {
	if path != "*" && !strings.HasPrefix(path, "/") || hasBlankOrControl(path) || hasBlankOrControl(query) || strings.Contains(path, "?") {
		return nil, fmt.Errorf("send path %q and query %q: %w", path, query, errBadTarget)
	}
	u := &url.URL{Scheme: "http", RawQuery: query, ForceQuery: hasQuery && query == ""}
	if !strings.HasPrefix(path, "//") {
		u.Opaque = path
		return u, nil
	}
	// An opaque part that begins so would be written as an absolute URL.
	plain, err := url.PathUnescape(path)
	if err != nil {
		return nil, fmt.Errorf("send path %q: %w", path, err)
	}
	u.Path, u.RawPath = plain, path
	return u, nil
}

func hasBlankOrControl(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == 0x7f {
			return true
		}
	}
	return false
}

// keeper copies strings into one piece of memory.
type keeper struct{ b strings.Builder }

// newKeeper has room for the strings of x's request, so that it allocates once.
func newKeeper(x *proxy.Exchange) *keeper {
	in := &x.Request
	size := len(in.Method) + len(in.Path) + len(in.Query) + len(in.Authority) + len(in.Upgrade)
	for i := range in.Header.Len() {
		f := in.Header.At(i)
		size += len(f.Name) + len(f.Value)
	}
	for _, name := range in.TrailerNames {
		size += len(name)
	}
	k := &keeper{}
	k.b.Grow(size)
	return k
}

func (k *keeper) keep(s string) string {
	at := k.b.Len()
	k.b.WriteString(s)
	return k.b.String()[at:]
}
