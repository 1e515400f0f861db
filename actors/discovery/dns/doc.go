// Package dns finds peers by name: addresses of names, and services by their
// SRV records. It is a plain library without actors.
//
// Owns: one Resolver per process. It holds what is known of each name (the last
// good records, until when they hold, what failed since), the lookups in
// flight, which upstreams that name the same host share, and what it learnt of
// the name servers. A name that no upstream asked about for ten minutes is forgotten.
//
// In: the entries of an upstream (literal addresses and "localhost" pass
// through); /etc/hosts, which goes first, and /etc/resolv.conf, both read again
// when they changed; answers of name servers, which are believed only when they
// answer the question that was asked.
// Out: the full set of peers, always in the same order, and when to look again.
//
// Order: all names are asked at once, both families of a name too. What is
// known early is told early (Request.Tell), so that a name server that is silent
// about one name does not withhold another. Fresh sockets and random ids for
// each question; at most 64 questions in flight, at most half of them for names
// that failed last, and at most 16 names of one upstream.
//
// Failure: stale on error. Records stay until a name server says that they are
// gone and keeps saying so (see recordSet), for as long as Config.MaxStale at
// most; what failed is told by name, apart from what does not exist. A cancelled
// context ends lookups at once, and no goroutine is left when Find returned
// unless another Find waits for the same name.
package dns
