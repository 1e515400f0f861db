package nethttp_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weirproxy/weir/messages"
	"github.com/weirproxy/weir/proxy"
	"github.com/weirproxy/weir/proxy/nethttp"
)

// overH2 starts a peer without TLS and a codec for it.
func overH2(t testing.TB, tr messages.Transport, own *http.HTTP2Config, handler http.HandlerFunc) (*httpPeer, *nethttp.PeerCodec) {
	t.Helper()
	peer := serve(t, serving{h2: true, http2: own}, handler)
	tr.ALPN = messages.H2
	return peer, peerCodec(t, tr, nethttp.PeerDeps{})
}

func TestManyStreamsShareFewConnections(t *testing.T) {
	const requests = 250
	for _, tt := range []struct {
		name       string
		ours       int
		theirs     int
		connection int64 // how many are needed
	}{
		{"as weir is configured", 100, 1000, 3},
		{"as the peer allows", 100, 50, 5},
		{"one at a time", 1, 100, requests},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var under sync.WaitGroup
			under.Add(requests)
			peer, codec := overH2(t, messages.Transport{MaxH2Streams: tt.ours}, &http.HTTP2Config{MaxConcurrentStreams: tt.theirs}, func(_ http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/" {
					under.Done()
					under.Wait() // nobody is answered before all are here
				}
			})
			var all sync.WaitGroup
			for range requests {
				all.Go(func() { answered(t, codec, newRequest(peer.addr, "", "POST")) })
			}
			all.Wait()
			if n := peer.accepted.Load(); n < tt.connection || n > tt.connection+tt.connection/2+1 {
				t.Errorf("%d connections, want about %d", n, tt.connection)
			}
			stats := codec.Stats()
			if stats.Streams != 0 || stats.Open != peer.accepted.Load() || stats.Opened != uint64(stats.Open) {
				t.Errorf("got %+v", stats)
			}
			before := peer.accepted.Load()
			x := newRequest(peer.addr, "", "GET")
			x.Request.Path = "/later"
			answered(t, codec, x)
			if peer.accepted.Load() != before {
				t.Error("a further request got a connection of its own")
			}
		})
	}
}

func TestLargeBodiesBothWaysOverH2(t *testing.T) {
	peer, codec := overH2(t, messages.Transport{}, nil, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	data := make([]byte, 20<<20)
	_, _ = rand.Read(data)
	for name, length := range map[string]int64{"of known length": int64(len(data)), "of unknown length": -1} {
		t.Run(name, func(t *testing.T) {
			x := newRequest(peer.addr, "", "POST")
			x.Request.Body, x.Request.ContentLength = bytes.NewReader(data), length
			if err := codec.Send(x); err != nil {
				t.Fatal(err)
			}
			sum := sha256.New()
			n, err := io.Copy(sum, x.Response.Body)
			_ = x.Response.Body.Close()
			if want := sha256.Sum256(data); err != nil || n != int64(len(data)) || !bytes.Equal(sum.Sum(nil), want[:]) {
				t.Errorf("got %d bytes back, %v", n, err)
			}
		})
	}
}

func TestTrailersBothWaysOverH2(t *testing.T) {
	peer, codec := overH2(t, messages.Transport{}, nil, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Trailer", "X-Said")
		_, _ = w.Write(body)
		w.Header().Set("X-Said", r.Trailer.Get("X-Sent"))
		w.Header().Set(http.TrailerPrefix+"X-More", "too")
	})
	x := newRequest(peer.addr, "", "POST")
	x.Request.Body, x.Request.ContentLength = strings.NewReader("abc"), -1
	x.Request.TrailerNames = []string{"X-Sent"}
	x.Request.Trailers = func() (f proxy.Fields) {
		f.Add("X-Sent", "later")
		return f
	}
	if _, body := answered(t, codec, x); body != "abc" {
		t.Errorf("got %q", body)
	}
	f := x.Response.Trailers()
	if f.Get("X-Said") != "later" || f.Get("X-More") != "too" {
		t.Errorf("got %v", f)
	}
}

// slowClient takes its time for each hint.
type slowClient struct {
	proxy.ClientStream
	told  chan int
	reply chan struct{}
}

func (c *slowClient) Informational(status int, f *proxy.Fields) error {
	c.told <- status*10 + len(f.Get("Link"))
	<-c.reply
	return nil
}

func TestASlowClientsHintsDoNotHoldOthersUp(t *testing.T) {
	peer, codec := overH2(t, messages.Transport{}, nil, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			return
		}
		for i := range 3 {
			w.Header().Set("Link", strings.Repeat("x", i+1))
			w.WriteHeader(http.StatusEarlyHints)
		}
		w.WriteHeader(http.StatusOK)
	})
	client := &slowClient{told: make(chan int), reply: make(chan struct{})}
	x := newRequest(peer.addr, "", "GET")
	x.Client = client
	sent := make(chan error, 1)
	go func() { sent <- codec.Send(x) }()
	for i := range 3 {
		if got := <-client.told; got != 1031+i {
			t.Errorf("told %d", got)
		}
		other := newRequest(peer.addr, "", "GET")
		other.Request.Path = "/other"
		answered(t, codec, other) // on the same connection
		client.reply <- struct{}{}
	}
	if err := <-sent; err != nil || x.Response.Status != 200 {
		t.Fatalf("got %d, %v", x.Response.Status, err)
	}
	_ = x.Response.Body.Close()
	if peer.accepted.Load() != 1 {
		t.Errorf("%d connections", peer.accepted.Load())
	}
}

func TestStreamingBothWaysAtOnceOverH2(t *testing.T) {
	peer, codec := overH2(t, messages.Transport{}, nil, func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		_ = rc.Flush()
		buf := make([]byte, 100)
		for {
			n, err := r.Body.Read(buf)
			_, _ = fmt.Fprintf(w, "<%s>", buf[:n])
			_ = rc.Flush()
			if err != nil {
				return
			}
		}
	})
	r, w := io.Pipe()
	x := newRequest(peer.addr, "", "POST")
	x.Request.Body, x.Request.ContentLength = r, -1
	if err := codec.Send(x); err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		word := fmt.Sprint("word ", i)
		if _, err := io.WriteString(w, word); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(word)+2)
		if _, err := io.ReadFull(x.Response.Body, got); err != nil || string(got) != "<"+word+">" {
			t.Fatalf("got %q, %v", got, err)
		}
	}
	_ = w.Close()
	if rest, err := io.ReadAll(x.Response.Body); err != nil || string(rest) != "<>" {
		t.Errorf("got %q, %v", rest, err)
	}
	_ = x.Response.Body.Close()
}

func TestCanceledStreamsLeaveTheConnection(t *testing.T) {
	began, ended := make(chan struct{}, 10), make(chan struct{}, 10)
	peer, codec := overH2(t, messages.Transport{}, nil, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			return
		}
		if r.Header.Get("Begin") != "" {
			_ = http.NewResponseController(w).Flush()
		}
		began <- struct{}{}
		<-r.Context().Done()
		ended <- struct{}{}
	})
	for _, tt := range []string{"before the head", "within the body", "by its deadline"} {
		t.Run(tt, func(t *testing.T) {
			x := newRequest(peer.addr, "", "GET")
			done := make(chan struct{})
			x.Done = done
			switch tt {
			case "within the body":
				x.Request.Header.Add("Begin", "1")
			case "by its deadline":
				x.Deadline = time.Now().Add(short)
			}
			go func() {
				<-began
				if tt == "before the head" {
					close(done)
				}
			}()
			err := codec.Send(x)
			switch tt {
			case "before the head":
				check(t, err, messages.CodeClientGone, false)
			case "within the body":
				if err != nil {
					t.Fatal(err)
				}
				close(done)
				_, err = x.Response.Body.Read(make([]byte, 1))
				check(t, err, messages.CodeClientGone, false)
				_ = x.Response.Body.Close()
			case "by its deadline":
				check(t, err, messages.CodeTimeout, false)
			}
			<-ended // the peer was told
		})
	}
	x := newRequest(peer.addr, "", "GET")
	x.Request.Path = "/other"
	if answered(t, codec, x); peer.accepted.Load() != 1 {
		t.Errorf("%d connections, want that of before", peer.accepted.Load())
	}
}

func TestContinueOverH2(t *testing.T) {
	peer, codec := overH2(t, messages.Transport{}, nil, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Want") == "" {
			w.WriteHeader(http.StatusExpectationFailed)
			return
		}
		_, _ = io.Copy(w, r.Body)
	})
	for want, expect := range map[string]string{"": "", "1": "abc"} {
		body := strings.NewReader("abc")
		x := newRequest(peer.addr, "", "POST")
		x.Request.Body, x.Request.ContentLength, x.Request.Expect = body, 3, true
		if want != "" {
			x.Request.Header.Add("Want", want)
		}
		if _, got := answered(t, codec, x); got != expect {
			t.Errorf("got %q, want %q", got, expect)
		}
		if read := body.Len() == 0; read != (want != "") {
			t.Errorf("the body was read: %v", read)
		}
	}
}
