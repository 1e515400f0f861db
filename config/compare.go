package config

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/weirproxy/weir/messages"
)

// Delta is what differs between the configuration in force and the next one.
// Remarks, comments, order and other ways to say the same are no difference.
type Delta struct {
	Listeners Differences `json:"listeners"`
	Upstreams Differences `json:"upstreams"`
	Routes    Differences `json:"routes"`
	// Live are the settings that differ and can be put in force in a running
	// process: log.level, shutdown.*, watch.
	Live []KeyChange `json:"live"`
	// NeedsRestart are the settings that differ and count after a restart only:
	// nats.*, dns.*, docker.*, cluster.*, admin.*, auth.*, data_dir, log.format,
	// log.access, and of listeners that stay the options of their sockets: tcp_*,
	// reuse_port.
	NeedsRestart []KeyChange `json:"needs_restart"`
}

// Differences are those of named things; each list is sorted by name. The name
// of a listener is its address.
type Differences struct {
	Added   []string `json:"added"`
	Changed []Change `json:"changed"`
	Removed []string `json:"removed"`
}

// Change is what differs in something that is there before and after.
type Change struct {
	Name string      `json:"name"`
	Keys []KeyChange `json:"keys"`
}

// KeyChange is a key whose value differs. Peers are named by their address:
// "addrs[10.0.0.1:8080].weight".
type KeyChange struct {
	Key string `json:"key"`
	// From and To are the values as people may see them: a placeholder in place
	// of a secret, nothing for the values of headers, "none" where there is none.
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
}

// String returns "algo round_robin -> p2c", or the key alone when the values
// are not for people.
func (c KeyChange) String() string {
	switch {
	case c.From == "" && c.To == "":
		return c.Key
	case c.From == c.To:
		return c.Key + " (its secret differs)"
	}
	return c.Key + " " + oneLine(c.From) + " -> " + oneLine(c.To)
}

// oneLine shows a value in a line for people.
func oneLine(value string) string {
	return shorten(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, value))
}

// Compare returns what it takes to come from the configuration in force to the
// next one.
func Compare(running, next *Config) Delta {
	var d Delta
	changes := Diff(running.Desired, next.Desired)
	d.Upstreams = Differences{Added: changes.UpstreamsAdded, Removed: changes.UpstreamsRemoved,
		Changed: changesOf(changes.UpstreamsChanged, byName(running.Desired.Upstreams, specName), byName(next.Desired.Upstreams, specName), upstreamKeys)}
	d.Routes = Differences{Added: changes.RoutesAdded, Removed: changes.RoutesRemoved,
		Changed: changesOf(changes.RoutesChanged, byName(running.Desired.Routes, routeName), byName(next.Desired.Routes, routeName), routeKeys)}
	d.Listeners, d.NeedsRestart = compareListeners(running.Listeners, next.Listeners)
	for _, c := range keyChanges(leavesOf(running.printSettings), leavesOf(next.printSettings)) {
		if isLive(c.Key) {
			d.Live = append(d.Live, c)
		} else {
			d.NeedsRestart = append(d.NeedsRestart, c)
		}
	}
	d.fill()
	return d
}

// isLive tells whether a setting can be put in force without a restart.
func isLive(key string) bool {
	return key == "log.level" || key == "watch" || strings.HasPrefix(key, "shutdown.")
}

// fill makes empty lists of absent ones, for JSON.
func (d *Delta) fill() {
	for _, list := range []*[]KeyChange{&d.Live, &d.NeedsRestart} {
		if *list == nil {
			*list = []KeyChange{}
		}
	}
	for _, diff := range []*Differences{&d.Listeners, &d.Upstreams, &d.Routes} {
		if diff.Changed == nil {
			diff.Changed = []Change{}
		}
		for _, names := range []*[]string{&diff.Added, &diff.Removed} {
			if *names == nil {
				*names = []string{}
			}
		}
	}
}

// Empty tells whether nothing differs.
func (d Delta) Empty() bool { return !d.Applies() && len(d.NeedsRestart) == 0 }

// Applies tells whether there is anything to put in force without a restart.
func (d Delta) Applies() bool {
	return !d.Listeners.empty() || !d.Upstreams.empty() || !d.Routes.empty() || len(d.Live) > 0
}

func (d Differences) empty() bool { return len(d.Added)+len(d.Changed)+len(d.Removed) == 0 }

func specName(s messages.UpstreamSpec) string { return s.Name }

func routeName(s messages.RouteSpec) string { return s.Name }

func byName[T any](list messages.List[T], name func(T) string) map[string]T {
	specs := make(map[string]T, list.Len())
	for _, spec := range list.All() {
		specs[name(spec)] = spec
	}
	return specs
}

// changesOf returns which keys changed of each of the names.
func changesOf[T any](names []string, before, after map[string]T, keys func(before, after T) []KeyChange) []Change {
	changes := make([]Change, 0, len(names))
	for _, name := range names {
		list := keys(before[name], after[name])
		if len(list) == 0 { // nothing but the order of headers is left
			list = []KeyChange{{Key: "order of headers"}}
		}
		changes = append(changes, Change{Name: name, Keys: list})
	}
	return changes
}

func upstreamKeys(before, after messages.UpstreamSpec) []KeyChange {
	keys := peerChanges(before.Addrs, after.Addrs)
	none := messages.List[messages.PeerSpec]{}
	before.Addrs, after.Addrs = none, none
	return append(keys, keyChanges(
		leavesOf(func(p *printer) { printUpstream(p, before) }), leavesOf(func(p *printer) { printUpstream(p, after) }))...)
}

func routeKeys(before, after messages.RouteSpec) []KeyChange {
	return keyChanges(leavesOf(func(p *printer) { printRoute(p, before) }), leavesOf(func(p *printer) { printRoute(p, after) }))
}

// keyChanges returns where two lists of values differ, in the order of the
// second; what is only in the first follows.
func keyChanges(before, after []leaf) []KeyChange {
	old := make(map[string]leaf, len(before))
	for _, l := range before {
		old[l.path] = l
	}
	var changes []KeyChange
	note := func(path string, from, to leaf) {
		if from.value != to.value || from.shown != to.shown {
			changes = append(changes, keyChange(path, from, to))
		}
	}
	for _, l := range after {
		from, was := old[l.path]
		delete(old, l.path)
		if !was {
			from = absentLeaf(l)
		}
		note(l.path, from, l)
	}
	for _, l := range before {
		if _, gone := old[l.path]; gone {
			note(l.path, l, absentLeaf(l))
		}
	}
	return changes
}

// absentLeaf stands for a value that is not there.
func absentLeaf(other leaf) leaf {
	if other.shown == "" { // it is not to be shown
		return leaf{value: "\x00"}
	}
	return leaf{value: "\x00", shown: "none"}
}

func keyChange(path string, from, to leaf) KeyChange {
	return KeyChange{Key: path, From: from.shown, To: to.shown}
}

// compareListeners compares by address. Several that take any free port are
// told apart by their order. Options of sockets that are open count after a restart.
func compareListeners(before, after []Listener) (d Differences, needsRestart []KeyChange) {
	old, next := listenersByAddr(before), listenersByAddr(after)
	for _, addr := range slices.Sorted(maps.Keys(next)) {
		was, there := old[addr]
		if !there {
			d.Added = append(d.Added, addr)
			continue
		}
		var keys []KeyChange
		for _, c := range keyChanges(leavesOf(was.printTo), leavesOf(next[addr].printTo)) {
			if isSocketOption(c.Key) {
				c.Key = "listeners[" + addr + "]." + c.Key
				needsRestart = append(needsRestart, c)
			} else {
				keys = append(keys, c)
			}
		}
		if len(keys) > 0 {
			d.Changed = append(d.Changed, Change{Name: addr, Keys: keys})
		}
	}
	for _, addr := range slices.Sorted(maps.Keys(old)) {
		if _, there := next[addr]; !there {
			d.Removed = append(d.Removed, addr)
		}
	}
	return d, needsRestart
}

// isSocketOption tells whether a key of a listener is an option of its socket.
func isSocketOption(key string) bool { return key == "reuse_port" || strings.HasPrefix(key, "tcp_") }

// KeepSockets returns next with the options of sockets as they are in running,
// where a listener is in both.
func KeepSockets(running, next []Listener) []Listener {
	old, kept := listenersByAddr(running), slices.Clone(next)
	seen := map[string]int{}
	for i := range kept {
		name := kept[i].Addr
		if seen[name]++; seen[name] > 1 {
			name += " (" + strconv.Itoa(seen[name]) + ")"
		}
		if was, there := old[name]; there {
			kept[i].TCP, kept[i].ReusePort = was.TCP, was.ReusePort
		}
	}
	return kept
}

func listenersByAddr(list []Listener) map[string]Listener {
	byAddr := make(map[string]Listener, len(list))
	for _, l := range list {
		name := l.Addr
		for n := 2; ; n++ {
			if _, taken := byAddr[name]; !taken {
				break
			}
			name = l.Addr + " (" + strconv.Itoa(n) + ")"
		}
		byAddr[name] = l
	}
	return byAddr
}
