// Package peertest is a kit of real HTTP/1.1 peers that misbehave on request. It
// is imported by tests only.
//
// Owns: a listener on 127.0.0.1, the connections it accepted, and the record of
// the requests seen. It parses requests with net/http and writes responses as raw
// bytes, so that they can be wrong.
// In: Set, which says how the peer behaves towards requests from now on; Answer,
// which says what it answers when it is well. Out: Requests, Conns.
// Order: a request is recorded before it is answered, when all of it was read
// (Hang and ResetBeforeHead: when its head was). Set takes effect with the next
// request; Refuse and its end take effect before Set returns.
// Failure: what a test asks in vain fails the test. The peer ends with its test:
// Cleanup closes everything and waits for every goroutine.
package peertest
