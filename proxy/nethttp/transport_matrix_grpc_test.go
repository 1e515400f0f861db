package nethttp_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// dialGRPC returns a client of grpc-go in that manner. It ends with the test.
func dialGRPC(t testing.TB, m manner, ca *listenerCA, addr string) *grpc.ClientConn {
	t.Helper()
	creds := insecure.NewCredentials()
	if m.tls {
		creds = credentials.NewTLS(ca.trust("a"))
	}
	conn, err := grpc.NewClient("passthrough:///"+addr, grpc.WithTransportCredentials(creds), grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64<<20)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// textOf is the content of the one string of a message.
func textOf(body string) string { return loads()[body+" there"].text }

// overGRPC plays a cell with a client of grpc-go. A body is a message; one of unknown
// length is a stream of them, whose trailers come from the peer alone: gRPC knows none
// of clients. Events are answers that come before the next word is said.
func (c *cell) overGRPC(t *testing.T, s *stage) map[string]string {
	ctx := metadata.AppendToOutgoingContext(s.ctx, cellField, s.id)
	conn, got := s.speak.(*grpc.ClientConn), map[string]string{}
	var err error
	switch c.body {
	case noBody, smallBody, bigBody:
		out := &healthpb.HealthCheckRequest{}
		if err = conn.Invoke(ctx, "/weir.test.Words/One", word(textOf(c.body)), out); err == nil {
			got["got"] = hashOf([]byte(out.Service))
		}
	default:
		method := map[string]string{unsizedBody: "Collect", eventsBody: "Talk"}[c.body]
		var stream grpc.ClientStream
		stream, err = conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, "/weir.test.Words/"+method)
		if err != nil {
			break
		}
		if c.body == eventsBody {
			got["got"], err = talkInTurn(stream)
		} else {
			got["got"], err = collectAll(stream)
		}
		if err == nil {
			got["trailer x-tail"] = strings.Join(stream.Trailer().Get("x-tail"), ",")
		}
	}
	answer := status.Convert(err)
	if got["status"] = answer.Code().String(); err != nil {
		got = map[string]string{"status": answer.Code().String(), "message": answer.Message()}
	}
	return got
}

// collectAll sends a body in many messages, and returns the hash of what comes back.
func collectAll(s grpc.ClientStream) (string, error) {
	for _, piece := range piecesOf(textOf(unsizedBody)) {
		if err := s.SendMsg(word(piece)); err != nil {
			break // the next answer says why
		}
	}
	_ = s.CloseSend()
	got, err := heard(s)
	if err != nil {
		return "", err
	}
	if _, err := heard(s); !errors.Is(err, io.EOF) {
		return "", err
	}
	return hashOf([]byte(got)), nil
}

// piecesOf cuts a text into messages.
func piecesOf(text string) []string {
	const size = 10_000
	var pieces []string
	for ; len(text) > size; text = text[size:] {
		pieces = append(pieces, text[:size])
	}
	return append(pieces, text)
}

// talkInTurn waits for each answer before it sends the next word.
func talkInTurn(s grpc.ClientStream) (string, error) {
	var got []string
	for i := range events {
		_ = s.SendMsg(word(event(i))) // the answer says why not
		answer, err := heard(s)
		if err != nil {
			return "", err
		}
		got = append(got, strings.TrimPrefix(answer, "re: "))
	}
	_ = s.CloseSend()
	if _, err := heard(s); !errors.Is(err, io.EOF) {
		return "", err
	}
	return strings.Join(got, ","), nil
}

// wantOfGRPC says what overGRPC must find.
func (c *cell) wantOfGRPC(want map[string]string) {
	if c.mark == 'p' {
		// grpc-go's name for a status that the table of gRPC does not know.
		want["status"] = codes.Unknown.String()
		want["message"] = `unexpected HTTP status code received from server: 505 (HTTP Version Not Supported); transport: received unexpected content-type "text/plain; charset=utf-8"`
		return
	}
	want["status"] = codes.OK.String()
	switch c.body {
	case unsizedBody:
		want["got"], want["trailer x-tail"] = hashOf([]byte(strings.Join(piecesOf(textOf(c.body)), " "))), "later"
	case eventsBody:
		want["got"], want["trailer x-tail"] = allEvents(), "later"
	default:
		want["got"] = hashOf([]byte(textOf(c.body)))
		want["peer: got"] = want["got"]
	}
}

// TestAGRPCServerThatIsSpokenToByHTTP1 is what comes of an upstream of gRPC servers
// without alpn H2: not one call gets through, and weir says so.
func TestAGRPCServerThatIsSpokenToByHTTP1(t *testing.T) {
	ca, peers := newListenerCA(t), startFarPeers(t)
	for _, k := range peerKinds() {
		if !k.h2 {
			continue
		}
		t.Run(k.name, func(t *testing.T) {
			wrong := &cell{client: clientKind{manner: manner{"grpc", false, true}}, peer: peerKind{name: k.name, tls: k.tls}}
			s := wrong.open(t, ca, peers)
			err := s.speak.(*grpc.ClientConn).Invoke(hurry(t), "/weir.test.Words/One", word("a"), word(""))
			if status.Code(err) != codes.Unavailable || !strings.Contains(status.Convert(err).Message(), "the server gave no usable answer") {
				t.Errorf("got %v", err)
			}
			req, err := http.NewRequestWithContext(hurry(t), "POST", "http://"+s.house.addr+"/weir.test.Words/One", strings.NewReader("\x00\x00\x00\x00\x00"))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/grpc")
			resp, err := wrong.client.manner.client(t, ca).RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = resp.Body.Close() }()
			// It answers by SETTINGS and closes; what is seen first is a matter of luck.
			if code := resp.Header.Get("X-Weir-Error"); resp.Header.Get("Grpc-Status") != "14" || code != "bad_response" && code != "reset" {
				t.Errorf("got %v", resp.Header)
			}
		})
	}
}
