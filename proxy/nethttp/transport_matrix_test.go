package nethttp_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/messages"
)

// transports says what comes of each client (a row) at each peer (a column) with
// each body (a mark of the five, in the order of bodyKinds):
//
//	1  it works, and the peer is spoken to by HTTP/1.1
//	2  it works, and the peer is spoken to by HTTP/2
//	w  weir refuses it: HTTP/2 has no Upgrade
//	p  the peer refuses it: gRPC is over HTTP/2 only
const transports = `
           h1     h1-tls  h2c    h2-tls  unix   unix-h2c
h1         11111  11111   22222  22222   11111  22222
h1-tls     11111  11111   22222  22222   11111  22222
h2c        11111  11111   22222  22222   11111  22222
h2-tls     11111  11111   22222  22222   11111  22222
ws         11111  11111   wwwww  wwwww   11111  wwwww
ws-tls     11111  11111   wwwww  wwwww   11111  wwwww
grpc       ppppp  ppppp   22222  22222   ppppp  22222
grpc-tls   ppppp  ppppp   22222  22222   ppppp  22222
`

// clientKind is a kind of client: a manner of HTTP and what is spoken above it.
type clientKind struct {
	manner
	play func(*cell, *testing.T, *stage) map[string]string
}

func clientKinds() []clientKind {
	return []clientKind{
		{manner{"h1", false, false}, (*cell).overHTTP},
		{manner{"h1-tls", true, false}, (*cell).overHTTP},
		{manner{"h2c", false, true}, (*cell).overHTTP},
		{manner{"h2-tls", true, true}, (*cell).overHTTP},
		{manner{"ws", false, false}, (*cell).overWebSocket},
		{manner{"ws-tls", true, false}, (*cell).overWebSocket},
		{manner{"grpc", false, true}, (*cell).overGRPC},
		{manner{"grpc-tls", true, true}, (*cell).overGRPC},
	}
}

// speaks is what the client speaks above HTTP: "ws", "grpc", or nothing.
func (k clientKind) speaks() string {
	for _, above := range []string{"ws", "grpc"} {
		if strings.HasPrefix(k.name, above) {
			return above
		}
	}
	return ""
}

// cell is one of the matrix.
type cell struct {
	client clientKind
	peer   peerKind
	body   string
	mark   byte
}

func (c *cell) name() string { return c.client.name + "/" + c.peer.name + "/" + c.body }

// stage is what a cell is played on.
type stage struct {
	ctx   context.Context
	id    string // which the peer knows the cell by
	house *house
	far   *farPeer
	visit *visit
	ca    *listenerCA
	// speak is the client of a house: an *http.Transport, a *grpc.ClientConn, nil.
	speak any
}

// readTransports returns the marks by the names of cells.
func readTransports(t testing.TB) map[string]byte {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(transports), "\n")
	peers, marks := strings.Fields(lines[0]), map[string]byte{}
	for _, line := range lines[1:] {
		row := strings.Fields(line)
		if len(row) != len(peers)+1 {
			t.Fatalf("%q has %d fields, want %d", line, len(row), len(peers)+1)
		}
		for i, field := range row[1:] {
			if len(field) != len(bodyKinds()) {
				t.Fatalf("%s/%s: %q has %d marks, want %d", row[0], peers[i], field, len(field), len(bodyKinds()))
			}
			for j, body := range bodyKinds() {
				name := row[0] + "/" + peers[i] + "/" + body
				if _, twice := marks[name]; twice || !strings.Contains("12wp", field[j:j+1]) {
					t.Errorf("%s is in the table twice, or its mark %q is none", name, field[j:j+1])
				}
				marks[name] = field[j]
			}
		}
	}
	return marks
}

// allCells are all combinations of the three lists, marked or not.
func allCells(marks map[string]byte) []*cell {
	var all []*cell
	for _, client := range clientKinds() {
		for _, peer := range peerKinds() {
			for _, body := range bodyKinds() {
				c := &cell{client: client, peer: peer, body: body}
				c.mark = marks[c.name()]
				all = append(all, c)
			}
		}
	}
	return all
}

// TestEveryTransportIsInTheTable holds that table and lists have the same cells.
func TestEveryTransportIsInTheTable(t *testing.T) {
	marks := readTransports(t)
	all := allCells(marks)
	for _, c := range all {
		if c.mark == 0 {
			t.Errorf("%s is not in the table", c.name())
		}
	}
	if want := len(clientKinds()) * len(peerKinds()) * len(bodyKinds()); len(marks) != want || len(all) != want {
		t.Errorf("%d cells in the table and %d in the lists, want %d", len(marks), len(all), want)
	}
}

// TestTransports plays the matrix. The cells of one client and one peer share their
// connections and are played at the same time.
func TestTransports(t *testing.T) {
	ca, peers := newListenerCA(t), startFarPeers(t)
	houses := map[string]*stage{}
	for _, c := range allCells(readTransports(t)) {
		key := c.client.name + "/" + c.peer.name
		if houses[key] == nil {
			houses[key] = c.open(t, ca, peers)
		}
		shared := *houses[key]
		t.Run(c.name(), func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 6*patience)
			defer cancel()
			s := shared
			s.ctx, s.id = ctx, c.name()
			s.visit = s.far.expect(s.id)
			defer s.visit.noMore()
			if diff := cmp.Diff(c.want(), c.play(t, &s)); diff != "" {
				t.Errorf("(-want +got):\n%s\nlog:\n%s", diff, s.house.log)
			}
		})
	}
}

// open starts weir between the kind of client and the kind of peer.
func (c *cell) open(t *testing.T, ca *listenerCA, peers map[string]*farPeer) *stage {
	far := peers[c.peer.name]
	p := plan{peers: far.ca.trusting()}
	c.client.apply(&p, ca)
	p.transport.ALPN = messages.H1
	if c.peer.h2 {
		p.transport.ALPN = messages.H2
	}
	if c.peer.tls {
		p.transport.TLS.ServerName = peerName
	}
	addr := far.addr
	if c.client.speaks() == "grpc" {
		addr = far.grpcAddr
	}
	s := &stage{house: open(t, p, addr), far: far, ca: ca}
	switch c.client.speaks() {
	case "":
		s.speak = c.client.client(t, ca)
	case "grpc":
		s.speak = dialGRPC(t, c.client.manner, ca, s.house.addr)
	}
	return s
}

// play returns what the client and the peer of the cell saw.
func (c *cell) play(t *testing.T, s *stage) map[string]string {
	got := c.client.play(c, t, s)
	for what, value := range s.visit.seen() {
		got["peer: "+what] = value
	}
	return got
}

// want is what they must see. Of a body it is the hash, so that a failure can be read.
func (c *cell) want() map[string]string {
	want := c.wantOfPeer()
	switch c.client.speaks() {
	case "ws":
		c.wantOfWebSocket(want)
	case "grpc":
		c.wantOfGRPC(want)
	default:
		c.wantOfHTTP(want)
	}
	return want
}

// wantOfPeer is what the peer must see of any request that reaches it.
func (c *cell) wantOfPeer() map[string]string {
	if c.mark == 'w' {
		return map[string]string{}
	}
	want := map[string]string{"peer: protocol": "HTTP/1.1", "peer: X-Forwarded-Proto": c.client.scheme(), "peer: TLS": ""}
	if c.mark == '2' {
		want["peer: protocol"] = "HTTP/2.0"
	}
	if c.peer.tls {
		want["peer: TLS"] = peerName
	}
	return want
}
