// Package docker finds the peers of upstreams among the containers of a Docker
// engine, and the upstreams and routes that labels ask for.
//
// Owns: one Engine per Docker host. It holds the connection, one picture of the
// containers, and the containers that are leaving; all upstreams share them.
// Only client.go knows the client module.
//
// In: selectors (Subscribe); the engine's event stream, which says when to
// look; the list of containers, which is the truth; an inspection of each
// container that is selected and changed.
// Out: a Set per subscription and, with Config.Auto, a Labelled: full sets, at
// first and whenever they differ. The latest wins: who is slow misses what was
// in between, never the end. Labels are what a stranger wrote: what is wrong
// with them is a Note about that container, and touches no other.
//
// Order: the stream is opened before the list is read, so that nothing falls in
// between; what was learnt by the request that began last is believed. One thing outranks
// the list: a kill event with the container's stop signal, or SIGKILL, takes it
// out of all sets at once, until it died, started again, or outlived its stop
// timeout by 10 s.
//
// Failure: an engine that is absent, or a stream that ends, is tried again with
// back-off, and the list is read anew each time. Meanwhile the last good picture
// stays, marked stale, also for who subscribes only then. An inspection that fails
// or hangs delays its container alone.
package docker
