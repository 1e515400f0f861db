// Package notifier has the notifier: the one actor that turns what happened
// inside (messages.Event) into events for the outside.
//
// Owns: the JSON of events (wire.go), their subjects (subjects.go), ids and
// headers, the log line of each event (log.go), the feed of recent events with
// its subscribers inside the process (feed.go), and the counters, which live in
// the Feed because they and the order of ids outlive the actor's incarnations.
//
// In: messages.Event values: Flipped, UpstreamChanged, DiscoveryChanged,
// ActorCrashed, ActorRestarted.
// Out: for each a log line, a Record in the Feed, and a live message through
// Deps.Publish. docs/events describes them to their consumers.
//
// Order: events leave in the order in which they came in, the same for every
// subscriber. Each is encoded once; everybody gets the same bytes.
//
// Failure: nothing makes the notifier wait. An event that cannot be published
// is counted and stays in the Feed, and an outage is logged once, not per event.
// A subscriber of the Feed that does not keep up loses its oldest records, and
// can see how many.
package notifier
