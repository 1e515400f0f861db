// Package static finds the peers that the configuration names.
//
// Owns: the last good answer for each name.
// In: an upstream's addresses. Literal addresses and "localhost" are peers as
// they are ("localhost" is dialled by name, on both of its addresses, and
// needs no name server); other names are asked of the system's resolver, each
// of their addresses is a peer.
// Out: the full set, in the order configured, and when to look again: never
// for literals, every 30 s when there is a name.
// Order: names are asked in parallel; the answer's order does not depend on it.
// Failure: a name that fails keeps the addresses it had, and no other name is
// touched; the error names every name that failed.
package static
