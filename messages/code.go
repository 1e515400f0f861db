package messages

// Code names what went wrong, in one word. The same list is used for the
// X-Weir-Error header, for events (reason), for metrics (reason label) and for
// logs; text for people goes beside it, in a detail.
type Code string

// Codes of a connection or an exchange with a peer. Probes use them too.
const (
	// CodeOK: nothing went wrong (a flip to healthy carries it as its reason).
	CodeOK Code = "ok"
	// CodeConnectRefused: the peer's address answered, nobody listens there.
	CodeConnectRefused Code = "connect_refused"
	// CodeConnectTimeout: the connection was not made in time.
	CodeConnectTimeout Code = "connect_timeout"
	// CodeConnectFailed: the connection could not be made for another reason.
	CodeConnectFailed Code = "connect_failed"
	// CodeReset: the connection broke before the response was complete.
	CodeReset Code = "reset"
	// CodeHeadTimeout: no response head within response_timeout.
	CodeHeadTimeout Code = "head_timeout"
	// CodeReadTimeout: the peer stopped sending in the middle of a response.
	CodeReadTimeout Code = "read_timeout"
	// CodeWriteTimeout: the peer stopped taking the request.
	CodeWriteTimeout Code = "write_timeout"
	// CodeBadResponse: what the peer sent is not the protocol.
	CodeBadResponse Code = "bad_response"
	// CodeStatus: the response has a status that was not expected.
	CodeStatus Code = "status"
	// CodeBody: the response body has not what was expected of it.
	CodeBody Code = "body"
	// CodeTLS: the TLS handshake failed.
	CodeTLS Code = "tls"
)

// Codes of a request that no peer has to do with.
const (
	// CodeNoRoute: no route matches the request (404).
	CodeNoRoute Code = "no_route"
	// CodeNoUpstream: the route's upstream does not exist (503).
	CodeNoUpstream Code = "no_upstream"
	// CodeNoPeer: no peer of the upstream is available (503).
	CodeNoPeer Code = "no_peer"
	// CodeQueueFull: too many requests wait for a peer already (429).
	CodeQueueFull Code = "queue_full"
	// CodeQueueTimeout: waited queue_timeout for a peer (503).
	CodeQueueTimeout Code = "queue_timeout"
	// CodeRouteLimit: the route has max_requests in flight already (429).
	CodeRouteLimit Code = "route_limit"
	// CodeTimeout: the route's timeout ran out (504).
	CodeTimeout Code = "timeout"
	// CodeBadRequest: the request is not one that weir forwards (400).
	CodeBadRequest Code = "bad_request"
	// CodeBodyTooLarge: the body exceeds the route's max_body (413).
	CodeBodyTooLarge Code = "body_too_large"
	// CodeClientGone: the client went away before the response was complete.
	CodeClientGone Code = "client_gone"
	// CodeClientSlow: the client did not send its request in time (408).
	CodeClientSlow Code = "client_slow"
	// CodeConnLimit: the listener has max_connections open already (503).
	CodeConnLimit Code = "conn_limit"
	// CodeHostNotAllowed: a transparent upstream does not allow the host (403).
	CodeHostNotAllowed Code = "host_not_allowed"
	// CodeHostNotFound: the host of a transparent upstream does not exist (502).
	CodeHostNotFound Code = "host_not_found"
	// CodeLookupFailed: the host of a transparent upstream cannot be looked up now (502).
	CodeLookupFailed Code = "lookup_failed"
	// CodeAddressForbidden: the host of a transparent upstream has no address that
	// requests may go to (403).
	CodeAddressForbidden Code = "address_forbidden"
	// CodeLoop: the request came through this weir already, or would (508).
	CodeLoop Code = "loop"
	// CodeInternal: weir itself failed (500); the log has more.
	CodeInternal Code = "internal"
)

// Codes of changes.
const (
	// CodeDiscoveryFailed: a discoverer could not find the peers.
	CodeDiscoveryFailed Code = "discovery_failed"
	// CodeCrashed: an actor panicked.
	CodeCrashed Code = "crashed"
)
