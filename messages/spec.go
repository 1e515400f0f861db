package messages

import "time"

// UpstreamSpec is an upstream as it is wanted. Equal compares two.
type UpstreamSpec struct {
	// Name is the upstream's name, [A-Za-z0-9_-]{1,63}.
	Name string
	// Addrs are the entries as configured. What one means is the discoverer's to
	// say: an address or a name with a port (static, dns), a service name (dns),
	// a selector of containers (docker).
	Addrs List[PeerSpec]
	// Discovery says where the peers come from.
	Discovery Discovery
	// Algo says how a peer is picked.
	Algo Algo
	// Check says how peers are probed; Kind CheckOff probes nothing.
	Check CheckSpec
	// Limits bound requests in flight and requests that wait.
	Limits Limits
	// Retry says when a failed attempt is tried again on another peer.
	Retry RetrySpec
	// Transport is how peers are spoken to.
	Transport Transport
	// DrainTimeout is how long requests in flight may go on at a peer that was
	// removed, before they are cut; default 30s, 0 = as long as they like.
	DrainTimeout time.Duration
	// ReplaceTimeout is how long the healthy peers of a set go on serving when
	// the next set shares no peer with it and none of that is healthy yet;
	// default 10s, 0 = the next set is used at once.
	ReplaceTimeout time.Duration
}

// Equal tells whether two specs want the same.
func (s UpstreamSpec) Equal(o UpstreamSpec) bool {
	return s.Name == o.Name && EqualLists(s.Addrs, o.Addrs) && s.Discovery.Equal(o.Discovery) && s.Algo == o.Algo && s.Check.Equal(o.Check) &&
		s.Limits == o.Limits && s.Retry == o.Retry && s.Transport == o.Transport &&
		s.DrainTimeout == o.DrainTimeout && s.ReplaceTimeout == o.ReplaceTimeout
}

// DiscoveryKind is a way to find peers.
type DiscoveryKind string

// The ways to find peers. The empty one is static.
const (
	DiscoverStatic      DiscoveryKind = "static"
	DiscoverDNS         DiscoveryKind = "dns"
	DiscoverDocker      DiscoveryKind = "docker"
	DiscoverTransparent DiscoveryKind = "transparent"
)

// Discovery says where the peers of an upstream come from.
type Discovery struct {
	Kind DiscoveryKind
	// UpdateFrequency is how often names are looked up; 0 = when their TTL ends.
	UpdateFrequency time.Duration
	// IPv4Only leaves IPv6 addresses out; default false.
	IPv4Only bool
	// Transparent is where requests may go when Kind is DiscoverTransparent.
	Transparent Transparent
}

// Transparent says where a request may go that names its own destination.
type Transparent struct {
	// Allow are patterns of hosts, as proxy/destination reads them: "api.example.com",
	// "*.example.com", "10.0.0.0/8", "*". None allows nothing.
	Allow List[string]
	// AllowPrivate also allows private addresses; default false.
	AllowPrivate bool
}

// Equal tells whether two discoveries are the same.
func (d Discovery) Equal(o Discovery) bool {
	return d.Kind == o.Kind && d.UpdateFrequency == o.UpdateFrequency && d.IPv4Only == o.IPv4Only &&
		d.Transparent.AllowPrivate == o.Transparent.AllowPrivate && EqualLists(d.Transparent.Allow, o.Transparent.Allow)
}

// AlgoKind is a way to pick.
type AlgoKind string

// The ways to pick.
const (
	RoundRobin AlgoKind = "round_robin"
	LeastConn  AlgoKind = "least_conn"
	P2C        AlgoKind = "p2c"
	Random     AlgoKind = "random"
	Hash       AlgoKind = "hash"
)

// KeyKind says what of a request a hash key is made of.
type KeyKind string

// The kinds of hash key.
const (
	KeyNone   KeyKind = ""
	KeyIP     KeyKind = "ip"     // the client's address
	KeyPath   KeyKind = "path"   // the path, without the query
	KeyQuery  KeyKind = "query"  // the whole query, or one parameter of it (Name)
	KeyURL    KeyKind = "url"    // path and query as sent
	KeyHeader KeyKind = "header" // the first value of header Name
	KeyCookie KeyKind = "cookie" // the value of cookie Name
)

// Algo is a way to pick together with its hash key, if it has one.
type Algo struct {
	Kind AlgoKind
	Key  KeyKind
	// Name is the header, cookie or query parameter; empty where none is named.
	Name string
}

// String prints the algorithm as it is written in the file: "hash:header:X-User".
func (a Algo) String() string {
	s := string(a.Kind)
	if a.Key != KeyNone {
		s += ":" + string(a.Key)
	}
	if a.Name != "" {
		s += ":" + a.Name
	}
	return s
}

// Limits bound what an upstream takes. Zero means no bound, but for QueueTimeout.
type Limits struct {
	// MaxRequests is how many requests each peer may have in flight; 0 = no limit.
	MaxRequests int
	// Queue is how many requests may wait for a peer; default 1000, 0 = none waits.
	Queue int
	// QueueTimeout is how long a request waits for a peer; default 5s, which 0 means too.
	QueueTimeout time.Duration
	// QueueWhenDown makes requests wait also when every peer is unhealthy.
	QueueWhenDown bool
}

// RetrySpec says when an attempt is repeated.
type RetrySpec struct {
	// Attempts is how many further attempts may follow the first; default 2, 0 = none.
	Attempts int
	// OnTimeout also repeats an idempotent request after a head timeout; default false.
	OnTimeout bool
	// Statuses also repeats an idempotent request when the peer answered with
	// one of these; a set, see StatusSet. Default none.
	Statuses StatusSet
	// BudgetPercent is the share of requests that may be repeated in the long
	// run; default 20. Attempts that never connected do not count.
	BudgetPercent int
	// BudgetPerSecond is how many repeats a second are allowed whatever the
	// share; default 3.
	BudgetPerSecond int
}

// Route policies.

// RouteSpec is a route as it is wanted.
type RouteSpec struct {
	// Name is the route's name, [A-Za-z0-9_-]{1,63}.
	Name string
	// Host is exact ("api.example.com"), a suffix ("*.example.com") or empty for any. Lower case.
	Host string
	// Path is the rule for the path; see PathKind.
	Path PathRule
	// Priority outranks "most specific first" when it is not zero: higher first.
	Priority int
	// Upstream is the name of the upstream; empty when Redirect is set.
	Upstream string
	// Timeout bounds the whole exchange, of upgraded and event streams only
	// the head; 0 = none.
	Timeout time.Duration
	// HostHeader is "keep", "peer" or a literal to send as Host; default keep.
	HostHeader string
	// StripPrefix is removed from the front of the path, on a segment border.
	StripPrefix string
	// Rewrite replaces the path where Pattern matches it; empty = off.
	Rewrite Rewrite
	// RequestHeaders and ResponseHeaders are edited on the way.
	RequestHeaders, ResponseHeaders HeaderOps
	// Redirect answers instead of forwarding; empty To = off.
	Redirect Redirect
	// MaxBody is the largest request body in bytes; 0 = no limit.
	MaxBody int64
	// MaxRequests is how many requests the route may have in flight; 0 = no limit.
	MaxRequests int
	// Retry overrides the upstream's when not nil. The value it points to is never changed.
	Retry *RetrySpec
}

// Equal tells whether two specs want the same.
func (r RouteSpec) Equal(o RouteSpec) bool {
	a, b := r, o
	retry := a.Retry == b.Retry || (a.Retry != nil && b.Retry != nil && *a.Retry == *b.Retry)
	heads := a.RequestHeaders.Equal(b.RequestHeaders) && a.ResponseHeaders.Equal(b.ResponseHeaders)
	return retry && heads && a.Name == b.Name && a.Host == b.Host && a.Path == b.Path && a.Priority == b.Priority &&
		a.Upstream == b.Upstream && a.Timeout == b.Timeout && a.HostHeader == b.HostHeader &&
		a.StripPrefix == b.StripPrefix && a.Rewrite == b.Rewrite && a.Redirect == b.Redirect &&
		a.MaxBody == b.MaxBody && a.MaxRequests == b.MaxRequests
}

// PathKind says how a path rule matches.
type PathKind int

// The kinds of path rule. The zero value matches every path.
const (
	PathAny    PathKind = iota
	PathPrefix          // Value matches on a segment border; "/v1/" also matches "/v1"
	PathExact           // "=/x" in the file
	PathRegexp          // "~^/x" in the file; RE2 syntax
)

// PathRule is a rule for paths. Value carries no "=" or "~".
type PathRule struct {
	Kind  PathKind
	Value string
}

// Rewrite replaces what Pattern (RE2) matches in the path by To ($1 names a group).
type Rewrite struct{ Pattern, To string }

// Redirect answers with Status and Location To, in which {host}, {path},
// {query} and {uri} stand for those of the request ({uri} = path and query).
// Status 0 means 302; the configuration's default is 308.
type Redirect struct {
	To     string
	Status int
}

// HeaderField is a name and a value.
type HeaderField struct{ Name, Value string }

// HeaderOps edits a list of header fields: first Remove, then Set, then Add.
type HeaderOps struct {
	Set, Add List[HeaderField]
	Remove   List[string]
}

// Empty tells whether there is nothing to edit.
func (o HeaderOps) Empty() bool { return o.Set.Len()+o.Add.Len()+o.Remove.Len() == 0 }

// Equal tells whether two edits are the same.
func (o HeaderOps) Equal(p HeaderOps) bool {
	return EqualLists(o.Set, p.Set) && EqualLists(o.Add, p.Add) && EqualLists(o.Remove, p.Remove)
}
