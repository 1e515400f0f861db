// Package destination decides where a transparent upstream sends a request, and
// whether it may. Who sends the request chooses its Host and owns the DNS behind
// it, so nothing here trusts either: this is the border between clients and the
// network that weir stands in.
//
// Owns: the form of a Host (ParseAuthority), the patterns of transparent.allow
// (Pattern, Rules), the list of addresses that are nobody's to ask for
// (Forbidden), and a Finder per upstream with its cache of names and its lookups.
//
// In: a request's authority; addresses of a name, from Config.Lookup; which
// addresses are weir's own, from Config.Own. Out: a Found, whose addresses have
// been checked. They are to be dialled as they are: whoever looks the name up
// again opens the door to DNS rebinding. Nothing is dialled here.
//
// Order: form, then rules, then lookup, then the check of each address. A host
// that the rules do not allow is never looked up. Lookups of one name at a time
// are one; all methods may be called from any goroutine. Each lookup has a
// goroutine that ends with it, and Close waits for all of them.
//
// Failure: each way to say no is a sentinel (see Code for what the client is
// told). Text of errors has addresses in it: it is for logs, not for clients. A
// name that was found before is used for up to 5 min beyond its TTL while it
// cannot be looked up (RFC 8767). When in doubt, the answer is no.
//
// What cannot be seen from here: a NAT64 prefix of the network's own (RFC 6052
// has any prefix for it), and what a public address stands for in the network
// that weir is in. Both are for the firewall.
package destination
