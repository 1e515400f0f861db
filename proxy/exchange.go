package proxy

import (
	"io"
	"net/netip"
	"time"

	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/messages"
)

// Exchange is one request and its response on their way through the core. The
// codec on the client side owns it: it fills in the request, calls Core.Serve
// once, and may use the Exchange again after Reset. Strings and Fields in it
// are valid until Reset; who keeps one longer copies it.
type Exchange struct {
	// Listener is where the client came in. Set by the client codec.
	Listener *Listener
	// Remote is the client's address on the connection. RemoteText is its IP as
	// text; the codec makes it once per connection.
	Remote     netip.AddrPort
	RemoteText string
	// Local is the address that the client connected to; zero = not known. Set by
	// the client codec, for the PROXY protocol towards peers.
	Local netip.AddrPort
	// Request is what the client asks. Set by the client codec, edited by the
	// core before it reaches the peer codec.
	Request Request
	// Refusal is set by the client codec when what came is no request that can be
	// forwarded: the core answers so, and counts and logs it. Nil = there is one.
	Refusal *Refusal
	// Client takes the answer. Set by the client codec.
	Client ClientStream
	// Done is closed when the client is gone; nil = cannot be told.
	Done <-chan struct{}

	// Upstream, Peer and Deadline are set by the core for the peer codec.
	// Deadline is the time by which the whole exchange must be over (zero =
	// none); for upgraded and event streams it binds the head only.
	Upstream *Upstream
	Peer     *balance.Peer
	Deadline time.Time
	// To is where the request goes. Set by the core for each attempt.
	To Destination
	// Repeats is how often the request went out again without that being an attempt,
	// because a connection was at its end. A peer codec that repeats it on another
	// connection to the same peer adds one, and does so only below MaxRepeats.
	Repeats int
	// Response is what the peer answers. Set by PeerCodec.Send.
	Response Response

	core exchangeState
}

// Destination is where an attempt goes.
type Destination struct {
	// Addr is host:port, the host an IP literal or "localhost", or unix:/path.
	Addr string
	// ServerName is what TLS asks for and verifies; empty = no TLS. It is in lower
	// case, without a port, and an IP literal has no brackets.
	ServerName string
}

// Refusal is how a request is answered that a client codec could not read.
type Refusal struct {
	// Status is that of the answer, 4xx or 5xx; Code goes into X-Weir-Error.
	Status int
	Code   messages.Code
	// Message tells the client what is wrong. It has no quotes or control bytes
	// and nothing that the client sent.
	Message string
}

// Request is the head of a request and its body.
type Request struct {
	// Method as sent. Scheme is "http" or "https", as the client connected.
	Method, Scheme string
	// Authority is the host, and port if any, that the client named.
	Authority string
	// Path is the path as sent, still escaped, beginning with "/" ("*" for
	// OPTIONS *). Query is what follows the "?", raw; HasQuery tells "?"
	// without anything behind it from none.
	Path, Query string
	HasQuery    bool
	// Proto is the protocol the client speaks: "HTTP/1.0", "HTTP/1.1" or "HTTP/2.0".
	Proto string
	// Header are the fields in the order sent. Host is not among them.
	Header Fields
	// Upgrade is the protocol that the client wants to change to ("websocket"), or empty.
	// The codec takes it from the header; Connection and Upgrade are hop-by-hop.
	Upgrade string
	// Body is nil when there is none. ContentLength is -1 when it is not known.
	// An error of Body may be a *Failure that says what the client did
	// (client_slow, bad_request); a deadline's error means client_slow, any other
	// client_gone. The core puts a Body of its own in front of the codec's while
	// Serve runs.
	Body          io.Reader
	ContentLength int64
	// Trailers returns the fields after the body; call it after Body gave
	// io.EOF. TrailerNames are those announced before. Both may be nil.
	Trailers     func() Fields
	TrailerNames []string
	// Expect tells that the client waits for a 100 before it sends the body.
	// The client codec sends it by itself when Body is first read.
	Expect bool
}

// Response is the head of a response and its body.
type Response struct {
	Status int
	Header Fields
	// Body is never nil after a successful Send with another status than 101.
	// The core closes it exactly once, also when it did not read to the end.
	Body          io.ReadCloser
	ContentLength int64 // -1 when not known
	// Trailers returns the fields after the body; call it after Body gave
	// io.EOF. TrailerNames are those announced before. Both may be nil.
	Trailers     func() Fields
	TrailerNames []string
	// Tunnel is the raw stream to the peer after a 101, else nil. The core closes
	// it, and ends it when it is silent for TunnelTimeout; codecs set it no limits.
	Tunnel io.ReadWriteCloser
}

// ClientStream is the client's side of one exchange: where the answer is
// written. The client codec implements it; only the core calls it, in the order
// Informational*, then Head, Write*, Flush*, Trailers — or Tunnel.
type ClientStream interface {
	// Informational sends a 1xx other than 101 at once.
	Informational(status int, header *Fields) error
	// Head sends status, header and framing of r. The body follows by Write.
	Head(r *Response) error
	// Write sends a part of the body.
	Write(p []byte) (int, error)
	// Flush sends what Write has buffered.
	Flush() error
	// Trailers ends the response with trailer fields.
	Trailers(f *Fields) error
	// Tunnel answers 101 with r's header (in which the core left Upgrade, and
	// Connection naming it) and hands out the raw stream to the
	// client, in which what was already read from it comes first.
	Tunnel(r *Response) (io.ReadWriteCloser, error)
}

// PeerCodec speaks to the peers of one upstream and keeps its connections. The
// core calls Send from many goroutines.
type PeerCodec interface {
	// Send sends x.Request to x.Peer and returns when the final response head is
	// in x.Response; 1xx (but 101) it passes to x.Client.Informational. The body
	// of the request is read meanwhile, and may be read until Response.Body is
	// closed. The error is a *Failure, always. After a failure the codec reads
	// the request's body no more and keeps nothing of x.
	Send(x *Exchange) error
	// SetLimits makes the times of t (every duration in it) those of what begins
	// from now on: dials and the idleness of connections. What an exchange itself
	// waits for is said by its Upstream.Transport. The rest of t is as before.
	SetLimits(t messages.Transport)
	// Retire closes the idle connections to a peer; those in use close when their
	// exchange ends. Connections that are made later are not meant.
	Retire(addr string)
	// Cut breaks every connection to a peer, dials under way among them, as if the
	// peer had reset it: Send, a read of a body and a Tunnel fail (messages.CodeReset).
	Cut(addr string)
	// Close closes idle connections; those in use when their exchange ends. A
	// request that began before may still call Send, and is served.
	Close()
}

// MaxRepeats bounds Exchange.Repeats.
const MaxRepeats = 5

// Failure says why an attempt at a peer gave no response. It is returned by
// PeerCodec.Send.
type Failure struct {
	Code messages.Code
	// Unsent is true when no byte of the request can have reached the peer, so
	// that any method may be sent again.
	Unsent bool
	// Declined is true when the peer said in the words of its protocol that it does
	// nothing more on a connection that it served before (GOAWAY): as one does that
	// closes old connections. It speaks not against the peer, and such attempts do
	// not count while there are MaxRepeats at most. Unsent is true, too.
	Declined bool
	// Err is the cause.
	Err error
}

// Error returns code and cause.
func (f *Failure) Error() string {
	if f.Err == nil {
		return string(f.Code)
	}
	return string(f.Code) + ": " + f.Err.Error()
}

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

// Listener is what the core must know of the address a client came in by.
type Listener struct {
	// Name is the listener's address as configured; a label of metrics.
	Name string
	// Trusted are the proxies whose forwarded headers and request ids count.
	Trusted []netip.Prefix
	// Forwarded also sends the Forwarded header of RFC 7239; default false.
	Forwarded bool
	// Port is the port clients reach, for X-Forwarded-Port.
	Port string
}
