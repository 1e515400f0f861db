// Package nethttp holds the first codecs of the data path, made on net/http:
// HTTP/1.1 and HTTP/2, plain or over TLS, towards clients (Server) and towards
// peers (NewPeerCodec).
//
// Owns: the client's connections and their limits; the pools of connections to
// peers; what a failed attempt is called (messages.Code) and whether any of it
// was sent (proxy.Failure.Unsent).
//
// In: sockets; proxy.Exchange.Request on the way to a peer. Out: calls of the
// core (Serve), one per request; proxy.Exchange.Response.
//
// Order: one exchange is served by one goroutine. The peer codec reads the
// request's body from another one until the response's Body is closed; when Send
// fails or Body is closed, that reading has ended, not just been told to.
//
// Failure: a peer's misbehaviour is a *proxy.Failure, from Send and from reads
// of the response body. A panic below Serve is logged and costs one connection.
//
// Net/http is laxer with HTTP/1 requests than weir wants to be. So it reads a
// client's connection through an inbound, which knows where each request begins
// and ends, lets only good heads and chunks through (headScanner, chunkScanner:
// they know nothing of net/http), and has the core answer for the others. Over TLS
// the same holds, since net/http sees only what is inside; which protocol that is
// has been decided by the handshake. The frames of HTTP/2 are passed on as they
// are, but watched (frameWatch): net/http bounds what a client's streams hold, not
// how often it resets them, nor frames that ask for nothing.
//
// Of net/http's way to peers only the connections are used (http.ClientConn); the
// pools, the dials and TLS are here. Requests of one poolKey share connections: the
// one freed last is used next, and while there is none, one dial is under way for as
// many waiting requests as its connection will take. An HTTP/2 connection gets its
// first request when the peer's SETTINGS came: then it is known that HTTP/2 is
// spoken, and how many streams are allowed. It is pinged after H2PingInterval of
// silence, requests under way or not. Servers may forbid that: those of grpc-go, for
// intervals below five minutes unless told otherwise, end the connection at the
// fourth ping in a row, so streams that are silent for long need a longer one.
//
// A request to change the protocol (Upgrade) goes out over HTTP/1.1 where the alpn
// is H2H1, and is refused (messages.CodeBadRequest) where it is H2: dropped, as
// RFC 9110, 7.8 would allow, it would leave a WebSocket client with an answer that
// says nothing of the cause.
//
// What net/http cannot do, and so neither can these codecs:
//   - The order and case of fields is lost; fields come sorted by canonical name.
//   - Responses are read as laxly as net/http reads them: of Content-Length and
//     Transfer-Encoding the latter counts, equal lengths are merged, folded fields
//     and lines that end with LF alone are taken. What goes to the client is
//     written anew. Bytes after a response end the peer's connection, but a request
//     that takes the connection in the same instant may get them for its response.
//   - An HTTP/2 connection to a peer is closed without a GOAWAY, and a peer's
//     answer of 300 or more ends the sending of the request's body over HTTP/2.
//   - An HTTP/2 request that net/http finds malformed is reset, without an answer;
//     one whose head is too large is answered by net/http, without X-Weir-Error.
//   - A client of HTTP/1 that ends its side of the connection while a request is under
//     way is taken for gone, though it may still read; so is one that sent the next
//     request first.
//   - A 304 loses Content-Type and Content-Length. A response without Date gets
//     one, as RFC 9110, 6.6.1 asks of who forwards it.
//   - Over HTTP/2 only request trailers that were announced arrive (in a Trailer
//     field); those of responses need not be. Expect: 100-continue is answered when
//     the body is first read, and the peer is not asked.
//   - An empty User-Agent field is not passed on, of several only the first; nor
//     is the body of a GET, HEAD or DELETE that is empty though its length was unknown.
//   - A path that begins with "//" and has bytes that RFC 3986 does not allow
//     in paths reaches the peer with these bytes percent-encoded.
//   - What a peer sends on an idle connection is printed by net/http to the standard logger.
package nethttp
