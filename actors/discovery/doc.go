// Package discovery has the discoverer: one actor per upstream that finds the
// full set of its peers and goes on finding it. What it asks is a Source, a
// plain library beneath this package: FromDNS makes one of a dns.Resolver, for
// upstreams of kind static and dns, FromDocker one of a docker.Engine;
// Transparent finds nothing. ByKind asks the one of an upstream's kind.
//
// Owns: when to look (at once, when the source says so or has news, after a
// failure with back-off, at once when requests starve, but once a second at
// most), and one look in flight at most.
//
// In: Discover (what to look for; from its upstream), Starving.
// Out: PeersFound when the set is known first, differs or is complete again, and
// DiscoveryFailed for each look that did not find everything. Full sets, never
// deltas. What is known before the rest of a look is done comes as a partial set.
// What came of each look goes to Deps.Record.
//
// Order: results come in the order of the looks; a look for an earlier spec is
// cancelled and its result dropped.
//
// Failure: a failed look is a message, never a panic. Nothing is ever sent that
// would drop a peer whose name failed to resolve: sources keep what they knew.
// Every source passes the tests in conformance_test.go.
package discovery
