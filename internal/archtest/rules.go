package archtest

// rules is everything that is held. See architecture for ours.
type rules struct {
	groups []group
	bans   []ban
	only   []only
	homes  []home
	// planned are packages that rules name before they exist.
	planned []string
	// brief are packages whose comment need not tell owns, in, out, order, failure.
	brief []string
	// maxLines is how long a file may be.
	maxLines int
}

// group is a part of the house. Every package of ours belongs to exactly one.
type group struct {
	name     string
	packages []string
	// may are the groups that its product files may import. Its test files may
	// import these, those in tests, and the kits.
	may, tests []string
	// within says how its packages may import each other.
	within within
	// kit: helps tests, and is never part of the product.
	kit    bool
	reason string
}

// within says how the packages of a group may import each other.
type within int

const (
	apart within = iota // not at all
	down                // only what lies beneath the importing package
	up                  // only what the importing package lies beneath
)

// ban forbids a way of imports, however long.
type ban struct {
	from, to []string
	reason   string
}

// only lists all that packages may import directly. "std" is the standard library.
type only struct {
	from, allow []string
	reason      string
}

// home says where a library may be imported.
type home struct {
	lib     string
	product []string
	// tests are where test files may import it, besides the product's places.
	tests   []string
	planned bool // not in go.mod yet
	reason  string
}

const protoactor = "github.com/asynkron/protoactor-go"

// architecture is the house of weir.
func architecture() rules {
	return rules{
		groups:   groups(),
		homes:    homes(),
		maxLines: 350,
		planned: []string{
			"./cluster", "./actors/membership",
		},
		brief: []string{"./cmd/...", "./bench/...", "./internal/smoke", "./internal/testreport"},
		bans: []ban{
			{[]string{"./proxy/...", "./balance/...", "./cluster/...", "./config/...", "./messages/..."},
				[]string{protoactor + "/...", "github.com/nats-io/...", "github.com/miekg/dns/...", "github.com/docker/...", "github.com/moby/..."},
				"a request never waits for the control plane, and what decides is tested without one"},
			{[]string{"./proxy"}, []string{"net/http/..."},
				"the core is neutral between protocols; what speaks HTTP is a codec beneath proxy/"},
			{[]string{"./balance/...", "./cluster/...", "./config/...", "./messages/..."}, []string{"net/http/..."},
				"these decide and do not talk; only config reads files"},
			{[]string{"./actors/discovery/dns/...", "./actors/discovery/docker/..."}, []string{protoactor + "/..."},
				"what a discoverer asks is a plain library, tested without an actor"},
		},
		only: []only{
			{[]string{"./messages/..."}, []string{"std"}, "everything imports the vocabulary, so it must cost nothing"},
			{[]string{"./balance/..."}, []string{"std", "./messages"}, "picking a peer needs the vocabulary and nothing else"},
			{[]string{"./internal/meter"}, []string{"std"}, "hot paths count with it; it must know no metrics library"},
		},
	}
}

// groups are the parts of the house, and the arrows between them.
func groups() []group {
	const arrows = "arrows run cmd -> admin, actors, bus, proxy, verdicts, certs, socket -> cluster, config, balance -> messages; " +
		"who needs more declares an interface, and cmd/server ties it together"
	low := []string{"messages", "meter"}
	mid := []string{"cluster", "config", "balance", "messages", "meter"}
	return []group{
		{name: "cmd", packages: []string{"./cmd/..."}, may: []string{"admin", "actors", "bus", "proxy", "verdicts", "certs", "socket", "cluster", "config", "balance", "messages", "meter", "demo"}, reason: arrows},
		{name: "admin", packages: []string{"./admin/..."}, may: mid, within: down, reason: arrows},
		{name: "actors", packages: []string{"./actors/..."}, may: mid, tests: []string{"bus"}, within: down,
			reason: arrows + "; siblings never import each other: a parent gets its children as Props, tied together in actors/tree.go"},
		{name: "bus", packages: []string{"./bus/..."}, may: mid, within: down, reason: arrows},
		{name: "proxy", packages: []string{"./proxy/..."}, may: mid, within: up,
			reason: arrows + "; a codec knows the core, the core knows no codec, and codecs do not know each other"},
		{name: "certs", packages: []string{"./certs/..."}, may: low, within: down, reason: arrows},
		{name: "socket", packages: []string{"./socket/..."}, may: low, within: down, reason: arrows},
		{name: "verdicts", packages: []string{"./verdicts/..."}, may: low, within: down, reason: arrows},
		{name: "cluster", packages: []string{"./cluster/..."}, may: low, within: down, reason: arrows},
		{name: "config", packages: []string{"./config/..."}, may: low, within: down, reason: arrows},
		{name: "balance", packages: []string{"./balance/..."}, may: low, within: down, reason: arrows},
		{name: "messages", packages: []string{"./messages/..."}, reason: arrows},
		{name: "meter", packages: []string{"./internal/meter"}, reason: "a leaf: hot paths count with it"},
		{name: "demo", packages: []string{"./internal/demo"}, may: low, reason: "a show of its own: it meets weir over the network, in cmd/server"},
		{name: "kits", packages: []string{"./internal/actortest", "./internal/dnstest", "./internal/dockertest", "./internal/natstest", "./internal/part", "./internal/peertest"}, may: []string{"messages"}, within: apart, kit: true,
			reason: "kits serve tests and know little, so that they break for one reason"},
		{name: "tools", packages: []string{"./internal/archtest", "./internal/smoke", "./internal/testreport"},
			reason: "tools look at weir from outside: as source, as a process, as text"},
		{name: "bench", packages: []string{"./bench/..."}, tests: []string{"actors", "bus", "proxy", "config", "balance", "messages", "meter"},
			reason: "it measures the parts, in tests alone"},
	}
}

// homes are where third-party libraries live.
func homes() []home {
	const one = "one library, one home: so it can be replaced, and its surprises are known in one place"
	const inTests = "only tests need it"
	everywhere := []string{"./..."}
	return []home{
		{lib: protoactor, product: []string{"./actors/...", "./cmd/server", "./internal/actortest"}, tests: []string{"./bench/..."}, reason: one},
		{lib: "github.com/nats-io/nats.go", product: []string{"./bus/...", "./internal/natstest"}, tests: everywhere, reason: one + "; tests talk to the real thing"},
		{lib: "github.com/nats-io/nats-server/v2", product: []string{"./bus/...", "./internal/natstest"}, tests: everywhere, reason: one + "; tests talk to the real thing"},
		{lib: "github.com/goccy/go-yaml", product: []string{"./config/..."}, reason: one},
		{lib: "github.com/prometheus/client_golang", product: []string{"./admin/..."}, tests: []string{"./cmd/server"}, reason: one},
		{lib: "github.com/prometheus/common", product: []string{"./admin/..."}, tests: []string{"./cmd/server"}, reason: one},
		{lib: "github.com/spf13/cobra", product: []string{"./cmd/server"}, reason: one},
		{lib: "golang.org/x/term", product: []string{"./cmd/server"}, reason: one},
		{lib: "github.com/miekg/dns", product: []string{"./actors/discovery/dns", "./internal/dnstest"}, reason: one},
		{lib: "github.com/docker/docker", product: []string{"./actors/discovery/docker"}, reason: one},
		{lib: "github.com/pires/go-proxyproto", product: []string{"./socket"}, tests: everywhere, reason: one},
		{lib: "github.com/coreos/go-systemd/v22", product: []string{"./socket"}, reason: one},
		{lib: "golang.org/x/sys", product: []string{"./socket"}, tests: everywhere, reason: one},
		{lib: "golang.org/x/net", tests: everywhere, reason: inTests + ": frames of HTTP/2"},
		{lib: "google.golang.org/grpc", tests: everywhere, reason: inTests + "; tests talk to the real thing"},
		{lib: "google.golang.org/protobuf", tests: everywhere, reason: inTests + ": messages of gRPC"},
		{lib: "github.com/santhosh-tekuri/jsonschema/v6", tests: everywhere, reason: inTests},
		{lib: "github.com/google/go-cmp", product: []string{"./internal/actortest", "./internal/natstest", "./internal/peertest"}, tests: everywhere, reason: inTests},
		{lib: "go.uber.org/goleak", product: []string{"./internal/actortest", "./internal/natstest", "./internal/peertest"}, tests: everywhere, reason: inTests},
	}
}
