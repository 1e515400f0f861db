package nethttp_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
)

// peerKind is a kind of peer. It speaks one HTTP only.
type peerKind struct {
	name          string
	h2, tls, unix bool
}

func peerKinds() []peerKind {
	return []peerKind{
		{name: "h1"},
		{name: "h1-tls", tls: true},
		{name: "h2c", h2: true},
		{name: "h2-tls", h2: true, tls: true},
		{name: "unix", unix: true},
		{name: "unix-h2c", unix: true, h2: true},
	}
}

// farPeer is a peer of the matrix: a net/http server, and one of grpc-go where HTTP/2
// is spoken. It does for each cell what the header says, and notes what it saw.
type farPeer struct {
	t              testing.TB
	ca             *peerCA
	addr, grpcAddr string
	mu             sync.Mutex
	visits         map[string]*visit
}

// visit is the request of one cell.
type visit struct {
	next   chan string   // the events to send
	noMore func()        // closes next
	began  chan struct{} // closed when the body began to arrive
	begin  func()        // closes began
	mu     sync.Mutex
	saw    map[string]string
}

// Fields of a request that speak to the peer.
const (
	cellField = "X-Cell"
	bodyField = "X-Body"
)

func startFarPeers(t *testing.T) map[string]*farPeer {
	ca := newPeerCA(t)
	cert, dir := ca.issue(t, peerName, ca.cert.NotAfter), t.TempDir()
	peers := map[string]*farPeer{}
	for _, k := range peerKinds() {
		p := &farPeer{t: t, ca: ca, visits: map[string]*visit{}}
		s := serving{h1: !k.h2, h2: k.h2}
		if k.tls {
			s.tls = secured(cert)
		}
		if k.unix {
			s.network, s.addr = "unix", filepath.Join(dir, k.name)
		}
		if k.h2 {
			p.serveGRPC(t, s)
		}
		p.addr = serve(t, s, p.answer).addr // which changes the configuration of TLS
		if !k.h2 {
			p.grpcAddr = p.addr
		}
		peers[k.name] = p
	}
	return peers
}

// serveGRPC starts the server of grpc-go. It ends with the test.
func (p *farPeer) serveGRPC(t *testing.T, s serving) {
	options := []grpc.ServerOption{grpc.MaxRecvMsgSize(64 << 20), grpc.UnaryInterceptor(p.unary), grpc.StreamInterceptor(p.stream)}
	if s.tls != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(s.tls)))
	}
	network, addr := "tcp", "127.0.0.1:0"
	if s.network != "" {
		network, addr = s.network, s.addr+".grpc"
	}
	l, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	if p.grpcAddr = l.Addr().String(); network == "unix" {
		p.grpcAddr = "unix:" + addr
	}
	server := grpc.NewServer(options...)
	server.RegisterService(wordService(), &wordServer{gone: make(chan error, 200)})
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Errorf("the gRPC server: %v", err)
		}
	})
}

// expect is called before the request of a cell is sent.
func (p *farPeer) expect(id string) *visit {
	v := &visit{next: make(chan string), began: make(chan struct{})}
	v.noMore = sync.OnceFunc(func() { close(v.next) })
	v.begin = sync.OnceFunc(func() { close(v.began) })
	p.mu.Lock()
	defer p.mu.Unlock()
	p.visits[id] = v
	return v
}

// begin notes what is known of a request by its head. It returns nil for one that nobody expects.
func (p *farPeer) begin(id string, saw map[string]string) *visit {
	p.mu.Lock()
	v := p.visits[id]
	p.mu.Unlock()
	if v == nil {
		p.t.Errorf("the request of cell %q was not expected", id)
		return nil
	}
	v.mu.Lock()
	again := v.saw != nil
	v.mu.Unlock()
	if again {
		saw["requests"] = "more than one"
	}
	v.note(saw)
	return v
}

// note adds to what the peer saw.
func (v *visit) note(saw map[string]string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.saw == nil {
		v.saw = map[string]string{}
	}
	maps.Copy(v.saw, saw)
}

func (v *visit) seen() map[string]string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return maps.Clone(v.saw)
}

// answer is the handler of the net/http server.
func (p *farPeer) answer(w http.ResponseWriter, r *http.Request) {
	saw := map[string]string{"protocol": r.Proto, "X-Forwarded-Proto": strings.Join(r.Header["X-Forwarded-Proto"], ","), "TLS": ""}
	if r.TLS != nil {
		saw["TLS"] = r.TLS.ServerName
	}
	v := p.begin(r.Header.Get(cellField), saw)
	switch {
	case v == nil:
		w.WriteHeader(http.StatusTeapot)
	case r.Header.Get("Content-Type") == "application/grpc":
		_ = http.NewResponseController(w).EnableFullDuplex() // it refuses before the body ended,
		w.Header().Set("Connection", "close")                // and will not read the rest
		grpc.NewServer().ServeHTTP(w, r)
	case r.Header.Get("Upgrade") != "":
		v.talkFrames(p.t, w, r)
	case r.Header.Get(bodyField) == eventsBody:
		v.sendEvents(w, r)
	default:
		v.answerBody(w, r)
	}
}

// answerBody reads a body and answers with one of the same kind.
func (v *visit) answerBody(w http.ResponseWriter, r *http.Request) {
	first := make([]byte, 1)
	n, _ := r.Body.Read(first) // an error comes again
	v.begin()
	body := io.MultiReader(bytes.NewReader(first[:n]), r.Body)
	saw := map[string]string{"length": fmt.Sprint(r.ContentLength), "got": hashAll(body)}
	for name, values := range r.Trailer {
		saw["trailer "+name] = strings.Join(values, ",")
	}
	v.note(saw)
	kind := r.Header.Get(bodyField)
	back := content(kind, "back")
	if kind != unsizedBody {
		w.Header().Set("Content-Length", fmt.Sprint(len(back)))
		_, _ = w.Write(back)
		return
	}
	w.Header().Set("Trailer", "X-Sum")
	w.(http.Flusher).Flush()
	_, _ = w.Write(back)
	w.Header().Set("X-Sum", wantHash(kind, "back"))
	w.Header().Set(http.TrailerPrefix+"X-Late", "not announced")
}

// sendEvents sends the events when they are released.
func (v *visit) sendEvents(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.(http.Flusher).Flush()
	for {
		select {
		case event, more := <-v.next:
			if !more {
				return
			}
			_, _ = fmt.Fprintf(w, "data: %s\n\n", event)
			w.(http.Flusher).Flush()
		case <-r.Context().Done():
			return
		}
	}
}

// beginGRPC notes what is known of a call by its head.
func (p *farPeer) beginGRPC(ctx context.Context) *visit {
	md, _ := metadata.FromIncomingContext(ctx)
	// The server takes nothing but HTTP/2.
	saw := map[string]string{"protocol": "HTTP/2.0", "X-Forwarded-Proto": strings.Join(md.Get("x-forwarded-proto"), ","), "TLS": ""}
	if from, ok := peer.FromContext(ctx); ok {
		if secure, ok := from.AuthInfo.(credentials.TLSInfo); ok {
			saw["TLS"] = secure.State.ServerName
		}
	}
	return p.begin(strings.Join(md.Get(cellField), ","), saw)
}

func (p *farPeer) unary(ctx context.Context, in any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	if v := p.beginGRPC(ctx); v != nil {
		v.note(map[string]string{"got": hashOf([]byte(in.(*healthpb.HealthCheckRequest).Service))})
	}
	return handle(ctx, in)
}

func (p *farPeer) stream(srv any, s grpc.ServerStream, _ *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
	p.beginGRPC(s.Context())
	s.SetTrailer(metadata.Pairs("x-tail", "later"))
	return handle(srv, s)
}
