// Package admin shows how weir is: an HTTP API, metrics for Prometheus, and a
// page for people. It changes nothing.
//
// Owns: the HTTP server of the admin address and who may ask it (guard), the
// JSON of its answers (view files), the rendering of meter samples and of peers
// as metrics (scrape, peer_series), the event stream (stream), the page (page/).
//
// In: requests; what Deps lends: the registry of peers, the feed of events,
// functions that tell the state. Out: answers. docs/api.md describes them.
//
// Order: an answer shows the snapshot of each upstream that is in force, one
// after the other; verdicts and counters of peers are read as it is made, so they
// may be newer than the snapshot. Events come in the order of the feed.
//
// Failure: a client that is slow, gone or not allowed costs its own connection
// and nothing else. A metric that a source emits wrongly is left out and
// counted. Nothing here can make requests through the proxy wait.
package admin
