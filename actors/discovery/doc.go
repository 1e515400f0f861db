// Package discovery has the discoverer: one actor per upstream that finds the
// full set of its peers and goes on finding it. What it asks is a Source, a
// plain library beneath this package (static).
//
// Owns: when to look (at once, when the source says so, after a failure with
// back-off, at once when requests starve), and one look in flight at most.
//
// In: Discover (what to look for; from its upstream), Starving.
// Out: PeersFound when the set is known first or differs, DiscoveryFailed for
// each look that did not find everything. Full sets, never deltas.
//
// Order: results come in the order of the looks; a look for an earlier spec is
// cancelled and its result dropped.
//
// Failure: a failed look is a message, never a panic. Nothing is ever sent that
// would drop a peer whose name failed to resolve: sources keep what they knew.
package discovery
