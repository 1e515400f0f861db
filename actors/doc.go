// Package actors is the supervision tree: it draws it, builds it (tree.go), and
// has what all actors share, the back-off of restarts and the crash log.
//
//	system                     never escalates: an escalation would end the process
//	├─ notifier                events for the outside
//	├─ control                 desired state in, upstreams and routes out
//	└─ upstreams               the manager
//	    ├─ <name>              one upstream: peers and verdicts -> snapshots
//	    │   ├─ discoverer      full sets of peers
//	    │   └─ health          who is probed, and when
//	    │       └─ <peer>      prober: one probe in flight at most
//	    └─ <name>.caretaker    a health actor, while the upstream is parked
//	        └─ <peer>
//
// Owns: the actor system, the wiring of the actors to each other, supervision.
// Whoever crashes is restarted with a pause that doubles up to a limit (Backoff
// in tree.go, one per parent). Only upstreams are given up after crashing too
// often, and then parked by the manager; all others are restarted for ever.
//
// In: Apply (desired state), Suspect, Starving through the registry.
// Out: snapshots in the registry, routes, events; Retire and Cut to the data path,
// for peers that left.
//
// Order: messages between two actors keep their order; a restart keeps an
// actor's mailbox and loses the message that crashed it and all its children,
// which start again after it. What must outlive an incarnation is kept outside:
// peers in balance.Registry, wanted specs and last probe results in the props.
//
// Failure: a crash is a log line with its stack and an event. A request never
// notices: it picks from the last snapshot. Stop says who did not stop in time.
package actors
