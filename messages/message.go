package messages

import "time"

// Message is implemented by every message and by nothing else: the vocabulary
// is closed. Private ticks and results stay unexported in their actor package.
type Message interface{ message() }

// Event is a message that the notifier turns into an event for the outside.
type Event interface {
	Message
	event()
}

// Layer is a source of the desired state. Higher ones win.
type Layer string

// The layers, the lowest first. The empty one is LayerFile.
const (
	LayerLabels Layer = "labels"
	LayerFile   Layer = "file"
)

// Desired is all that one layer desires; the lists are sorted by name. Sent by:
// whoever reads that layer. Received by: control, which makes it so together
// with what the other layers desire last.
type Desired struct {
	Layer     Layer
	Upstreams List[UpstreamSpec]
	Routes    List[RouteSpec]
	// Shadowed is what a higher layer hides; control fills it in.
	Shadowed List[Shadowed]
}

// Shadowed is an object of a lower layer that is not in force, because a higher
// one has the same.
type Shadowed struct {
	// Kind is "upstream" or "route".
	Kind, Name string
	// Layer is where it is hidden, By where what hides it is.
	Layer, By Layer
	// Detail says how to undo it, for people.
	Detail string
}

// EnsureUpstream asks for an upstream to be as Spec says. Sent by: control.
// Received by: the upstreams manager, which starts the upstream or passes the
// message on to it; a parked one is woken. Sending it again changes nothing.
type EnsureUpstream struct{ Spec UpstreamSpec }

// RemoveUpstream asks for an upstream to end. Sent by: control. Received by:
// the upstreams manager; an unknown name is ignored.
type RemoveUpstream struct{ Name string }

// Discover says what to look for. Sent by: an upstream when it starts and when
// its addresses changed. Received by: its discoverer, which looks at once and
// puts Gen into what it sends from then on.
type Discover struct {
	Spec UpstreamSpec
	Gen  uint64
}

// PeersFound carries the full set of peers. Sent by: a discoverer, at its first
// success and whenever the set may have changed. Received by: its upstream,
// which replaces its set.
type PeersFound struct {
	Upstream string
	Gen      uint64
	Peers    List[PeerSpec]
	// Partial is set when not everything was found: the rest failed, and a
	// DiscoveryFailed follows, or it is still being looked for.
	Partial bool
}

// DiscoveryFailed says that discovery did not find out all there is. Sent by: a
// discoverer. Received by: its upstream, which keeps the last good set. Names
// that were found nonetheless come in a PeersFound before it.
type DiscoveryFailed struct {
	Upstream string
	Gen      uint64
	Detail   string
	// What tells which parts failed: it is the same as long as the same do. Empty =
	// they are not told apart.
	What string
}

// WatchPeers carries the full set of peers to probe, and how. Sent by: an
// upstream, or the manager for a parked one. Received by: its health actor,
// which starts and stops probers until they match.
type WatchPeers struct {
	Upstream string
	Gen      uint64
	Check    CheckSpec
	Peers    List[ProbeTarget]
}

// ProbeTarget is a peer to probe and what is known of it so far.
type ProbeTarget struct {
	Addr    string
	Verdict Verdict
	// Remembered is set while the verdict is one that an earlier process left
	// behind: the first result decides, as if there were none.
	Remembered bool
}

// ProbeNow asks for a probe at once. Sent by: an upstream when requests find no
// peer (empty Addr: all that are not healthy) or when a request failed (that
// Addr). Received by: health, which passes it to the probers. A probe already
// in flight answers it.
type ProbeNow struct {
	Upstream string
	Addr     string
}

// VerdictReached says what was decided of a peer. Sent by: a prober, for the
// first result and for each change. Received by: its upstream through health.
type VerdictReached struct {
	Upstream string
	Gen      uint64
	Addr     string
	Verdict  Verdict
	Code     Code
	Detail   string
	At       time.Time
}

// Starving says that requests wait and no peer can be given. Sent by: an
// upstream's Ref, at most once until it is answered by a new snapshot.
// Received by: the manager, which passes it to the upstream, which probes and
// passes it to its discoverer, which looks at once.
type Starving struct{ Upstream string }

// Suspected says that a request to a peer failed. Sent by: the proxy,
// coalesced per peer. Received by: the manager, which passes it to the upstream,
// which has the peer probed at once.
type Suspected struct {
	Upstream string
	Addr     string
	Code     Code
}

func (Desired) message()         {}
func (EnsureUpstream) message()  {}
func (RemoveUpstream) message()  {}
func (Discover) message()        {}
func (PeersFound) message()      {}
func (DiscoveryFailed) message() {}
func (WatchPeers) message()      {}
func (ProbeNow) message()        {}
func (VerdictReached) message()  {}
func (Starving) message()        {}
func (Suspected) message()       {}
