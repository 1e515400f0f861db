package messages

import "time"

// Flipped says that the verdict of a peer changed. Sent by: an upstream.
// Received by: the notifier.
type Flipped struct {
	Upstream string
	Peer     string
	From, To Verdict
	Code     Code
	Detail   string
	At       time.Time
	// Held is how long the verdict before was in force; 0 for the first.
	Held time.Duration
	// Available and Peers count the upstream's peers after the flip.
	Available, Peers int
	// Seq counts the flips of this peer in this process, from 1.
	Seq uint64
}

// UpstreamChange is what happened to an upstream.
type UpstreamChange string

// The changes of an upstream.
const (
	UpstreamAdded    UpstreamChange = "added"
	UpstreamUpdated  UpstreamChange = "changed"
	UpstreamRemoved  UpstreamChange = "removed"
	UpstreamHealthy  UpstreamChange = "healthy"
	UpstreamDegraded UpstreamChange = "degraded"
	UpstreamDown     UpstreamChange = "down"
	UpstreamParked   UpstreamChange = "parked"
	// UpstreamUnproven: replace_timeout is over and the new set is used, though
	// none of its peers was found healthy.
	UpstreamUnproven UpstreamChange = "unproven"
)

// UpstreamChanged says that an upstream was added, changed, removed or parked,
// or that its state changed. Sent by: an upstream or the manager. Received by:
// the notifier.
type UpstreamChanged struct {
	Upstream         string
	Change           UpstreamChange
	Detail           string
	Available, Peers int
	At               time.Time
}

// DiscoveryChange is what happened to the discovery of an upstream.
type DiscoveryChange string

// The changes of a discovery.
const (
	DiscoverySet       DiscoveryChange = "changed"
	DiscoveryFailure   DiscoveryChange = "failed"
	DiscoveryRecovered DiscoveryChange = "recovered"
)

// DiscoveryChanged says that a discovery found another set, began to fail or
// recovered. Sent by: an upstream. Received by: the notifier.
type DiscoveryChanged struct {
	Upstream string
	Change   DiscoveryChange
	Detail   string
	Peers    int
	At       time.Time
}

// ActorCrashed says that an actor panicked. Sent by: the crash log. Received
// by: the notifier. The stack goes to the log alone.
type ActorCrashed struct {
	// Actor is the actor's path: "system/upstreams/api/health".
	Actor  string
	Detail string
	At     time.Time
}

// ActorRestarted says that an actor runs again after a crash. Sent by: the
// supervisor. Received by: the notifier.
type ActorRestarted struct {
	Actor string
	// Failures is how often it crashed lately; Delay is how long it was held back.
	Failures int
	Delay    time.Duration
	At       time.Time
}

// ConfigChange is what happened to a piece of configuration.
type ConfigChange string

// The changes of configuration.
const (
	ConfigApplied  ConfigChange = "applied"
	ConfigRejected ConfigChange = "rejected"
)

// ConfigChanged says that a changed configuration was put in force, or refused
// whole. Sent by: whoever read it. Received by: the notifier.
type ConfigChanged struct {
	// Kind and Name say what: "file" and the file's name.
	Kind, Name string
	Change     ConfigChange
	// Detail sums up what changed, or the first fault, for people.
	Detail string
	// Faults is how many faults there were; 0 when applied.
	Faults int
	At     time.Time
}

// CertChange is what happened to a certificate.
type CertChange string

// The changes of a certificate.
const (
	// CertExpiring: it ends within 30, 14, 7 or 1 days, or has ended.
	CertExpiring CertChange = "expiring"
	// CertReloaded: its file has another one, which is in use for new connections.
	CertReloaded CertChange = "reloaded"
	// CertRefused: its file changed to what cannot be used; the one before stays in use.
	CertRefused CertChange = "refused"
)

// CertChanged says that a certificate ends soon, was replaced, or could not be.
// Sent by: whoever watches the files. Received by: the notifier.
type CertChanged struct {
	// File is the path of the certificate's file, as configured.
	File   string
	Change CertChange
	// NotAfter is when the certificate in use ends.
	NotAfter time.Time
	// DaysLeft is how many days are left of it, rounded up; 0 = it has ended.
	DaysLeft int
	// Detail has the names that it is for, or what is wrong, for people.
	Detail string
	At     time.Time
}

func (Flipped) message()          {}
func (UpstreamChanged) message()  {}
func (DiscoveryChanged) message() {}
func (ActorCrashed) message()     {}
func (ActorRestarted) message()   {}
func (ConfigChanged) message()    {}
func (CertChanged) message()      {}

func (Flipped) event()          {}
func (UpstreamChanged) event()  {}
func (DiscoveryChanged) event() {}
func (ActorCrashed) event()     {}
func (ActorRestarted) event()   {}
func (ConfigChanged) event()    {}
func (CertChanged) event()      {}
