// Package notifier has the notifier: the one actor that turns what happened
// inside (messages.Event) into events for the outside; and the outbox, by which
// they come into the stream.
//
// Owns: the JSON of events (wire.go), their subjects (subjects.go), ids and
// headers, the log line of each event (log.go), the feed of recent events with
// its subscribers inside the process (feed.go), and the counters, which live in
// the Feed because they and the order of ids outlive the actor's incarnations.
// Of the Outbox: what waits and what may be dropped (backlog.go), when to try
// (link.go), sending (delivery.go), what is told of an outage (outage.go), the
// end (flush.go). It belongs to no incarnation either; one goroutine runs it.
//
// In: messages.Event values: Flipped, UpstreamChanged, DiscoveryChanged,
// ActorCrashed, ActorRestarted, ConfigChanged, CertChanged. Acknowledgements of the stream.
// Out: for each event a log line, a Record in the Feed, and a message that the
// stream stores (OutboxDeps.Store), or live only without an outbox
// (Deps.Publish). docs/events describes them to their consumers.
//
// Order: events leave in the order in which they came in, the same for every
// subscriber. The stream has those of one subject in order, each once: never two
// of a subject are in flight, and what failed goes before what is younger.
//
// Failure: nothing makes the notifier wait. What cannot be stored is live at
// once and waits in the outbox, in bounds; accepted = stored + dropped + pending
// at any time. An event that cannot be sent stays in the Feed. An outage is
// logged once, not per event. A subscriber of the Feed that does not keep up
// loses its oldest records, and can see how many.
package notifier
