package nethttp_test

import (
	"strings"
	"testing"

	"github.com/weirproxy/weir/internal/peertest"
	"github.com/weirproxy/weir/messages"
)

// TestWhatAStrangerSaysOfItsOriginDoesNotReachThePeer has a client that is no
// trusted proxy speak of where it comes from, in every place it can.
func TestWhatAStrangerSaysOfItsOriginDoesNotReachThePeer(t *testing.T) {
	peer := scripted(t)
	h := open(t, plan{}, peer.addr())
	client := dial(t, h.addr)
	client.send("POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\nTrailer: X-Forwarded-For, Authorization, X-Sum\n" +
		"X-Forwarded-For: 6.6.6.6\nX_Forwarded_For: 6.6.6.6\nForwarded: for=6.6.6.6\nX-Real-IP: 6.6.6.6\nX-Forwarded-Proto: evil\nX-Request-Id: evil\n" +
		"Connection: X-Forwarded-For, X-Forwarded-Host, X-Request-Id, Host, Content-Length, X-Own\nX-Own: evil\nProxy-Authorization: evil\nKeep-Alive: evil\n\n" +
		"0\nX-Forwarded-For: 6.6.6.6\nX-Request-Id: evil\nHost: evil\nAuthorization: evil\nCookie: evil\nContent-Length: 666\nTransfer-Encoding: evil\nConnection: evil\nX-Sum: good\n\n")
	p := peer.accept()
	head := p.head()
	p.exactly("0\r\n")
	trailers := p.head()
	p.send("HTTP/1.1 204 No Content\n\n")
	client.response("POST")
	for _, text := range []string{head, trailers} {
		if strings.Contains(text, "6.6.6.6") || strings.Contains(text, "evil") {
			t.Errorf("the peer got %q", text)
		}
	}
	if !strings.Contains(head, "\nTrailer: X-Sum\n") || trailers != "X-Sum: good\n" {
		t.Errorf("the peer got %q and %q", head, trailers)
	}
	for _, want := range []string{"\nX-Forwarded-For: 127.0.0.1\n", "\nX-Forwarded-Host: a\n", "\nX-Forwarded-Proto: http\n", "\nX-Request-Id: ", "\nHost: a\n"} {
		if !strings.Contains(head, want) {
			t.Errorf("no %q in %q", want, head)
		}
	}
}

// TestRouteAndPeerSeeTheSamePath sends paths that are written in odd ways. What
// the route for /private/ guards must not reach the peer by another route.
func TestRouteAndPeerSeeTheSamePath(t *testing.T) {
	for target, want := range map[string]string{
		"/public/../private/x":         "",
		"/public/%2e%2e/private/x":     "",
		"/public/.%2E/private":         "",
		"/%70rivate/x":                 "",
		"//private/x":                  "",
		"/./private/x":                 "",
		"/private":                     "",
		"http://a/private/x":           "",
		"/public/x":                    "/public/x",
		"/public/a%2Fb":                "/public/a%2Fb",
		"/public//a/./b":               "/public//a/b",
		"/publicprivate/":              "/publicprivate/",
		"/public?/../private/":         "/public?/../private/",
		"/PRIVATE/x":                   "/PRIVATE/x",
		"/public/%2570rivate":          "/public/%2570rivate",
		"http://a/public?u=http://b/c": "/public?u=http://b/c",
	} {
		t.Run(target, func(t *testing.T) {
			peer := peertest.Start(t)
			h := open(t, plan{}, peer.Addr())
			private := messages.RouteSpec{Name: "p", Path: messages.PathRule{Kind: messages.PathPrefix, Value: "/private/"}, Redirect: messages.Redirect{To: "/login"}}
			if err := h.core.Apply(messages.Desired{Upstreams: messages.ListOf(h.up), Routes: messages.ListOf(h.route, private)}); err != nil {
				t.Fatal(err)
			}
			client := dial(t, h.addr)
			client.send("GET %s HTTP/1.1\nHost: a\n\n", target)
			resp, _ := client.response("GET")
			seen := peer.Requests()
			if want == "" {
				if len(seen) != 0 || resp.StatusCode != 302 {
					t.Errorf("got %d, and the peer saw %v", resp.StatusCode, seen)
				}
				return
			}
			if len(seen) != 1 || seen[0].Target != want {
				t.Errorf("the peer saw %v, want %s", seen, want)
			}
		})
	}
}

// TestTheTargetsHostIsWhatCounts sends an absolute target and another Host.
func TestTheTargetsHostIsWhatCounts(t *testing.T) {
	peer := scripted(t)
	h := open(t, plan{route: messages.RouteSpec{Host: "good.org"}}, peer.addr())
	client := dial(t, h.addr)
	client.send("GET http://other.org/ HTTP/1.1\nHost: good.org\n\n")
	if resp, _ := client.response("GET"); resp.StatusCode != 404 {
		t.Errorf("got %d, want the target's host to decide", resp.StatusCode)
	}
	client.send("GET http://good.org/ HTTP/1.1\nHost: other.org\n\n")
	p := peer.accept()
	if head := p.head(); !strings.Contains(head, "\nHost: good.org\n") || strings.Contains(head, "other.org") {
		t.Errorf("peer got %q", head)
	}
	p.send("HTTP/1.1 204 No Content\n\n")
	client.response("GET")
}

// TestNoHeaderMakesAPostRepeatable sends a POST on a kept connection, with what
// net/http takes for leave to send it twice. The peer takes it and goes.
func TestNoHeaderMakesAPostRepeatable(t *testing.T) {
	for _, name := range []string{"Idempotency-Key", "X-Idempotency-Key"} {
		peer := scripted(t)
		h := open(t, plan{retry: messages.RetrySpec{Attempts: 2, BudgetPerSecond: 10}}, peer.addr())
		client := dial(t, h.addr)
		client.send("GET / HTTP/1.1\nHost: a\n\n")
		p := peer.accept()
		p.head()
		p.send("HTTP/1.1 204 No Content\n\n")
		client.response("GET")
		client.send("POST / HTTP/1.1\nHost: a\n%s: k\nContent-Length: 0\n\n", name)
		if head := p.head(); !strings.Contains(strings.ToLower(head), "\n"+strings.ToLower(name)+": k\n") {
			t.Errorf("peer got %q", head)
		}
		_ = p.Close()
		go func() { // a second one would come on another connection
			if c, err := peer.l.Accept(); err == nil {
				t.Errorf("%s: the POST came twice", name)
				_ = c.Close()
			}
		}()
		if resp, _ := client.response("POST"); resp.StatusCode != 502 || resp.Header.Get("X-Weir-Error") != "reset" {
			t.Errorf("%s: got %d", name, resp.StatusCode)
		}
		_ = peer.l.Close()
	}
}
