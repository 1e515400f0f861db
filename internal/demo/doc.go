// Package demo has what `weir demo` shows weir with: sample peers that can be
// made ill, gentle traffic, and a live line.
//
// Owns: the sample peers' listeners, the traffic's goroutine, the screen.
// In: orders at a peer's control address, flips and totals from weir.
// Out: requests, lines of text.
// Order: an order is in force when its answer arrives.
// Failure: a port that is taken means the next free one.
package demo
