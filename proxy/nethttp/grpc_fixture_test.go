package nethttp_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/weirproxy/weir/messages"
)

// wordServer is a gRPC service of every kind of call. What it does is in the words
// that it gets.
type wordServer struct {
	gone chan error // gets the error of each call whose client left
}

// word makes a message: that of the health service, so that no code need be generated.
func word(s string) *healthpb.HealthCheckRequest { return &healthpb.HealthCheckRequest{Service: s} }

// wordService describes the service by hand.
func wordService() *grpc.ServiceDesc {
	return &grpc.ServiceDesc{
		ServiceName: "weir.test.Words",
		HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "One", Handler: func(srv any, ctx context.Context, dec func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) {
			in := &healthpb.HealthCheckRequest{}
			if err := dec(in); err != nil {
				return nil, err
			}
			one := func(ctx context.Context, _ any) (any, error) { return srv.(*wordServer).one(ctx, in.Service) }
			if intercept == nil {
				return one(ctx, in)
			}
			return intercept(ctx, in, &grpc.UnaryServerInfo{Server: srv, FullMethod: "/weir.test.Words/One"}, one)
		}}},
		Streams: []grpc.StreamDesc{
			{StreamName: "Collect", ClientStreams: true, Handler: func(srv any, s grpc.ServerStream) error { return srv.(*wordServer).collect(s) }},
			{StreamName: "Split", ServerStreams: true, Handler: func(srv any, s grpc.ServerStream) error { return srv.(*wordServer).split(s) }},
			{StreamName: "Talk", ClientStreams: true, ServerStreams: true, Handler: func(srv any, s grpc.ServerStream) error { return srv.(*wordServer).talk(s) }},
		},
	}
}

// one echoes, or fails, or waits, as it is told.
func (w *wordServer) one(ctx context.Context, in string) (any, error) {
	switch {
	case in == "fail":
		st, err := status.New(codes.FailedPrecondition, "not: 100% \u00fc\nfit").WithDetails(word("a detail"))
		if err != nil {
			return nil, err
		}
		return nil, st.Err()
	case in == "wait":
		<-ctx.Done()
		w.gone <- ctx.Err()
		return nil, ctx.Err()
	case in == "say":
		md, _ := metadata.FromIncomingContext(ctx)
		if err := grpc.SetHeader(ctx, metadata.Pairs("x-head", strings.Join(md["x-asked"], ","), "x-raw-bin", "\x00\xff")); err != nil {
			return nil, err
		}
		return word(fmt.Sprint([]byte(strings.Join(md["x-raw-bin"], ",")))), grpc.SetTrailer(ctx, metadata.Pairs("x-tail", "later"))
	}
	return word(in), nil
}

// collect joins the words that come.
func (w *wordServer) collect(s grpc.ServerStream) error {
	if err := s.SendHeader(metadata.MD{}); err != nil { // so that the client knows that it began
		return err
	}
	var all []string
	for {
		in := &healthpb.HealthCheckRequest{}
		err := s.RecvMsg(in)
		if errors.Is(err, io.EOF) {
			return s.SendMsg(word(strings.Join(all, " ")))
		}
		if err != nil {
			w.gone <- err
			return err
		}
		all = append(all, in.Service)
	}
}

// split sends the words of what comes, one by one; "wait" waits for the client to leave.
func (w *wordServer) split(s grpc.ServerStream) error {
	in := &healthpb.HealthCheckRequest{}
	if err := s.RecvMsg(in); err != nil {
		return err
	}
	for _, one := range strings.Fields(in.Service) {
		if one == "wait" {
			<-s.Context().Done()
			w.gone <- s.Context().Err()
			return s.Context().Err()
		}
		if err := s.SendMsg(word(one)); err != nil {
			return err
		}
	}
	return nil
}

// talk answers each word at once; "leave" ends the call.
func (w *wordServer) talk(s grpc.ServerStream) error {
	for {
		in := &healthpb.HealthCheckRequest{}
		if err := s.RecvMsg(in); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			w.gone <- err
			return err
		}
		if in.Service == "leave" {
			return status.Error(codes.Aborted, "left")
		}
		if err := s.SendMsg(word("re: " + in.Service)); err != nil {
			return err
		}
	}
}

// grpcHouse is a gRPC client, a proxy, and a gRPC server.
type grpcHouse struct {
	*house
	words  *wordServer
	health *health.Server
	server *grpc.Server
	conn   *grpc.ClientConn
}

// openGRPC starts all three; between weir and the peer there is TLS if secure.
func openGRPC(t testing.TB, p plan, secure bool) *grpcHouse {
	t.Helper()
	h := &grpcHouse{words: &wordServer{gone: make(chan error, 200)}, health: health.NewServer()}
	options := []grpc.ServerOption{grpc.MaxRecvMsgSize(64 << 20)}
	p.transport.ALPN, p.server.H2C = messages.H2, true
	if secure {
		ca := newPeerCA(t)
		cert := ca.issue(t, peerName, ca.cert.NotAfter)
		options = append(options, grpc.Creds(credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{cert}})))
		p.transport.TLS.ServerName, p.peers = peerName, ca.trusting()
	}
	h.server = grpc.NewServer(options...)
	healthpb.RegisterHealthServer(h.server, h.health)
	h.server.RegisterService(wordService(), h.words)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- h.server.Serve(l) }()
	t.Cleanup(func() {
		h.server.Stop()
		if err := <-served; err != nil {
			t.Errorf("the gRPC server: %v", err)
		}
	})
	h.house = open(t, p, l.Addr().String())
	h.conn, err = grpc.NewClient("passthrough:///"+h.addr, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64<<20)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.conn.Close() })
	return h
}

// left waits until the peer knows that a client left, and returns how.
func (h *grpcHouse) left(t testing.TB) error {
	t.Helper()
	select {
	case err := <-h.words.gone:
		return err
	case <-time.After(patience):
		t.Fatal("the peer was not told that the client left")
		return nil
	}
}

// one calls the unary method.
func (h *grpcHouse) one(ctx context.Context, say string, options ...grpc.CallOption) (string, error) {
	out := &healthpb.HealthCheckRequest{}
	err := h.conn.Invoke(ctx, "/weir.test.Words/One", word(say), out, options...)
	return out.Service, err
}

// stream begins a call of a method that streams.
func (h *grpcHouse) stream(ctx context.Context, t testing.TB, method string) grpc.ClientStream {
	t.Helper()
	s, err := h.conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, "/weir.test.Words/"+method)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// heard waits for the next word of a stream.
func heard(s grpc.ClientStream) (string, error) {
	out := &healthpb.HealthCheckRequest{}
	err := s.RecvMsg(out)
	return out.Service, err
}
