// Package dockertest is a kit of a Docker engine that says what a test scripts: the
// engine's API as far as weir uses it, as real HTTP on a unix socket. It is
// imported by tests only.
//
// Owns: the socket, the containers that are said to be there, the events told so
// far, and the record of the requests.
// In: Put and Take, which change containers without a word; Start, Kill, End and
// Tell, which tell events too; Answer, which makes one kind of request fail,
// hang or return garbage; Say, Drop, Stop and Resume for the rest of what befalls
// an engine.
// Out: Host, Asked, Paths.
// Order: a request is recorded before it is answered. What is set takes effect
// with the next request, and with those that hang. Events come in the order in
// which they were told; a stream opened with since is told those after it first.
// Failure: what a test asks in vain fails the test. The server ends with its
// test: Cleanup closes the socket and waits for every answer.
//
// It does not filter events, and knows no engine but one: version 1.41 of the API.
package dockertest
