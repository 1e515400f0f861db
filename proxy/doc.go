// Package proxy is the core of the data path. Codecs on both sides of it speak
// wire protocols; the core knows none, and does once, for all of them, what a
// reverse proxy does with a request.
//
// Owns: the table of routes, the in-flight counts of routes, retry budgets,
// and the counters of requests. Peers and their slots belong to balance.
//
// In: an Exchange per request (Core.Serve), filled in by a client codec; the
// desired state as a whole (Core.Apply) or what differs of it (PrepareDelta);
// word of peers that left (Retire, Cut). Out: one answer per Exchange through
// its ClientStream, requests through PeerCodecs, Suspected messages, samples
// (Core.Collect), log lines.
//
// Order: the steps of a request are, one function each: identify the client,
// read the target, match a route, admit, redirect, set forwarded headers, make
// the hash key, edit, ask for a peer, send (again, if allowed), relay. Apply
// makes a new immutable table, which shares with the one before all that is the
// same, and swaps one pointer; a request sees one table from its beginning to its
// end. The codec of an upstream that left serves the requests that hold it.
//
// Failure: every failure of a request is a messages.Code; one table (answerTo)
// says what the client gets. The slot of a peer and of a route is given back
// exactly once on every path, also when a codec panics: a panic is answered
// with 500 and logged, and ends its request only. A bad Apply changes nothing.
//
// The in-memory codec pair in codec_test.go, and the bench around it in
// bench_test.go, are the test kit.
package proxy
