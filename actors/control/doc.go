// Package control has the actor that makes the desired state so: which
// upstreams and which routes there are, out of the layers: the file, and beneath it the labels of containers.
//
// Owns: the desired state that is in force.
// In: Desired. Out: EnsureUpstream and RemoveUpstream to the upstreams manager;
// what is wanted, through Want and Unwant; the routes to the data path, through
// Deps.Prepare; the outcome, through Deps.Applied.
// Order: upstreams are ensured before routes lead to them, and removed after
// no route does.
// Failure: a state that the data path refuses is not applied at all; the last
// one stays in force. A restarted control applies the last state again, which
// changes nothing where nothing changed.
//
// The core, plan, is plain Go. A change costs in proportion to itself: beyond a
// walk over the names nothing is allocated for what stays the same.
package control
