package nethttp_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"

	"github.com/weirproxy/weir/messages"
)

// BenchmarkProxy sends GETs with a 64 byte answer through weir's net/http
// codecs, and through a bare httputil.ReverseProxy as the control.
func BenchmarkProxy(b *testing.B) {
	body := make([]byte, 64)
	peer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) }))
	defer peer.Close()
	target, err := url.Parse(peer.URL)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("weir", func(b *testing.B) {
		get(b, "http://"+open(b, plan{transport: messages.Transport{}}, target.Host).addr)
	})
	b.Run("weir with every timeout", func(b *testing.B) {
		const long = 60e9
		get(b, "http://"+open(b, plan{transport: messages.Transport{ConnectionTimeout: long, ResponseTimeout: long, ReadTimeout: long, WriteTimeout: long, IdleTimeout: long}}, target.Host).addr)
	})
	b.Run("weir to a peer of HTTP/2", func(b *testing.B) {
		peer := serve(b, serving{h2: true}, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) })
		get(b, "http://"+open(b, plan{transport: messages.Transport{ALPN: messages.H2}}, peer.addr).addr)
	})
	b.Run("bare ReverseProxy", func(b *testing.B) {
		transport := &http.Transport{MaxIdleConnsPerHost: 512, DisableCompression: true}
		defer transport.CloseIdleConnections()
		bare := httptest.NewServer(&httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target); r.SetXForwarded() }})
		defer bare.Close()
		get(b, bare.URL)
	})
}

func get(b *testing.B, url string) {
	transport := &http.Transport{MaxIdleConnsPerHost: 512}
	defer transport.CloseIdleConnections()
	b.ReportAllocs()
	b.SetParallelism(8)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			req, _ := http.NewRequest(http.MethodGet, url, nil)
			resp, err := transport.RoundTrip(req)
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			if resp.StatusCode != 200 {
				b.Errorf("got %d", resp.StatusCode)
				return
			}
		}
	})
	b.StopTimer()
}
