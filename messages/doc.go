// Package messages is the vocabulary of weir: the immutable values that actors
// exchange, and the words (verdicts, codes, specs) that every other package
// shares with them. It imports the standard library only and holds no behaviour
// beyond naming, comparing and printing.
//
// Owns: the closed set of messages (Message), the specs of upstreams and routes
// as they are wanted (UpstreamSpec, RouteSpec), the verdicts, and the one list
// of codes that answers, events, metrics and logs use for what went wrong.
//
// In and out: nothing. Every type is a value; slices live in List, which cannot
// be changed after it was made, so a message is safe to keep and to share.
//
// Order: a sender's messages to one receiver arrive in the order sent; nothing
// is promised between senders. Sources send full sets, never deltas. What a
// child sends carries the generation (Gen) that its parent gave it, so that the
// words of an earlier incarnation can be told apart and dropped.
//
// Failure: an expected failure is a message (DiscoveryFailed), never a panic.
//
// Grammar: events are in the past tense (Flipped), commands imperative
// (EnsureUpstream), and each comment says who sends it, who receives it and
// what the receiver must do.
package messages
