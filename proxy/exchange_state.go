package proxy

import (
	"io"
	"net/netip"
	"time"
	"unsafe"

	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/messages"
)

// maxScratch is how much scratch memory an Exchange keeps from one request to the next.
const maxScratch = 16 << 10

// exchangeState is what the core remembers of an exchange. What holds memory
// that is worth keeping stands beside trip, which Reset forgets whole.
type exchangeState struct {
	ask      balance.Ask
	body     requestBody
	trailers Fields
	// cleaned is requestTrailers; given is Request.Trailers as the client codec set it.
	cleaned, given func() Fields
	// scratch is what built strings are cut from. It only grows until Reset; a
	// string cut from an array that was outgrown stays valid.
	scratch []byte
	trip    trip
}

// trip is the part of the state that begins at zero for each request.
type trip struct {
	start time.Time
	// latency is the time the last attempt took to the response head.
	latency time.Duration
	route   *route
	// host is the name the client asked for: lower case, without port, dot at
	// the end, brackets. path is what routes match on; see readTarget.
	host, path string
	// clientIP and requestID are as told by a trusted proxy, or our own finding.
	clientIP, requestID string
	trusted             bool
	// held is the peer whose slot this exchange has, next the one it has
	// besides while a response is about to be discarded.
	held, next *balance.Peer
	// found are the addresses of a transparent upstream's request, which has no peer.
	found []string
	// peerFailed is what the release of held will say.
	peerFailed bool
	attempts   int
	declined   int           // of attempts, those that count as none; see Failure.Declined
	repeatFor  messages.Code // why there is a further attempt
	source     io.Reader     // Request.Body as the client codec set it
	// code says what went wrong, detail is its cause.
	code   messages.Code
	detail error
	status int   // as sent to the client; 0 = nothing was
	sent   int64 // bytes of body
	// tunnelFrom is when a tunnel began, else zero.
	tunnelFrom time.Time
	// ownAnswer: the status is weir's word. headStarted: the client may have
	// seen a part of a head. bodyOpen: Response.Body or Tunnel must be closed.
	ownAnswer, headStarted, bodyOpen, aborted, admitted bool
}

// Reset forgets the exchange and keeps its memory, so that it can serve again.
// Every field is zero afterwards.
func (x *Exchange) Reset() {
	x.Request.reset()
	x.Response.reset()
	x.core.reset()
	x.Listener, x.RemoteText, x.Refusal, x.Client, x.Done = nil, "", nil, nil, nil
	x.Remote, x.Local = netip.AddrPort{}, netip.AddrPort{}
	x.Upstream, x.Peer, x.Deadline, x.To, x.Repeats = nil, nil, time.Time{}, Destination{}, 0
}

// Aborted tells, after Core.Serve, that the answer is missing or incomplete, so
// that the client's connection (or stream) must be broken for it to notice.
func (x *Exchange) Aborted() bool { return x.core.trip.aborted }

func (r *Request) reset() {
	header := r.Header
	header.Reset()
	*r = Request{Header: header}
}

func (r *Response) reset() {
	header := r.Header
	header.Reset()
	*r = Response{Header: header}
}

func (s *exchangeState) reset() {
	s.ask.Reset()
	s.ask.Done = nil
	s.body.reset()
	s.trailers, s.given = Fields{}, nil
	if cap(s.scratch) > maxScratch {
		s.scratch = nil
	}
	s.scratch = s.scratch[:0]
	s.trip = trip{}
}

// begin readies the state for Serve.
func (s *exchangeState) begin(c *Core, x *Exchange) {
	s.trip.start = time.Now()
	s.trip.source = x.Request.Body
	if x.Listener == nil {
		x.Listener = c.nowhere
	}
}

// mark begins a string in the scratch; cut ends it.
func (s *exchangeState) mark() int { return len(s.scratch) }

// cut returns what was appended to the scratch since mark, without a copy. It
// is valid until Reset.
func (s *exchangeState) cut(mark int) string {
	if mark == len(s.scratch) {
		return ""
	}
	return unsafe.String(&s.scratch[mark], len(s.scratch)-mark)
}

func (s *exchangeState) put(text ...string) {
	for _, t := range text {
		s.scratch = append(s.scratch, t...)
	}
}
