package nethttp_test

import (
	"context"
	"net/http"
	"net/textproto"
	"strings"
	"testing"

	"github.com/weirproxy/weir/messages"
)

func TestFieldsOverH2(t *testing.T) {
	got := make(chan *http.Request, 1)
	peer, codec := overH2(t, messages.Transport{}, nil, func(w http.ResponseWriter, r *http.Request) {
		w.Header()[textproto.CanonicalMIMEHeaderKey("set-cookie")] = []string{"a=1", "b=2"}
		got <- r.Clone(context.Background())
	})
	x := newRequest(peer.addr, "", "PURGE")
	x.Request.Authority, x.Request.Path, x.Request.Query, x.Request.HasQuery = "example.com:81", "/a%2Fb", "c=d", true
	for _, f := range [][2]string{{"X-A", "1"}, {"X-A", "2"}, {"TE", "trailers"}, {"Idempotency-Key", "k"}} {
		x.Request.Header.Add(f[0], f[1])
	}
	answered(t, codec, x)
	r := <-got
	if r.Method != "PURGE" || r.Host != "example.com:81" || r.RequestURI != "/a%2Fb?c=d" {
		t.Errorf("got %s %s %s", r.Method, r.Host, r.RequestURI)
	}
	if len(r.Header) != 3 || len(r.Header["X-A"]) != 2 || r.Header.Get("Te") != "trailers" || r.Header.Get("Idempotency-Key") != "k" {
		t.Errorf("got %v", r.Header)
	}
	cookies := 0
	for i := range x.Response.Header.Len() {
		if x.Response.Header.At(i).Name == "Set-Cookie" {
			cookies++
		}
	}
	if cookies != 2 {
		t.Errorf("%d cookies came, want 2", cookies)
	}
}

// TestAPeerThatAnswersInHTTP2 has an upstream without alpn H2 meet a peer that
// speaks nothing else.
func TestAPeerThatAnswersInHTTP2(t *testing.T) {
	peer := scripted(t)
	x := newExchange(peer.addr(), "GET", nil, 0)
	go func() {
		p := peer.accept()
		p.head()
		p.raw("\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x05\x00\x00\x40\x00\r\n")
	}()
	err := newCodec(t, messages.Transport{}).Send(x)
	check(t, err, messages.CodeBadResponse, false)
	if err == nil || !strings.Contains(err.Error(), "alpn: H2") {
		t.Errorf("got %v", err)
	}
}
