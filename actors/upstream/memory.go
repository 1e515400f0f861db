package upstream

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/messages"
)

// Memory holds what the manager and its upstreams must know after a crash:
// which upstreams are wanted, and how. Control writes it, in the order in which
// it sends EnsureUpstream and RemoveUpstream; so the Memory is ahead of the
// manager's mailbox and never behind. All methods are safe from any goroutine.
type Memory struct {
	registry *balance.Registry
	// generation numbers the incarnations of upstreams and caretakers.
	generation atomic.Uint64

	mu    sync.Mutex
	lives map[string]*life
}

// life is an upstream from when it is wanted until it is withdrawn.
type life struct {
	// spec is how it is wanted, or was wanted last.
	spec   messages.UpstreamSpec
	wanted bool
	// told: that it was added was told, and its actor was started.
	told bool
}

// NewMemory returns a Memory of nothing.
func NewMemory(registry *balance.Registry) *Memory {
	return &Memory{registry: registry, lives: map[string]*life{}}
}

// Want notes that an upstream is wanted, before an EnsureUpstream is sent. From
// now on requests to a new upstream wait for its first peers.
func (m *Memory) Want(spec messages.UpstreamSpec) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.lives[spec.Name]
	if l == nil {
		l = &life{}
		m.lives[spec.Name] = l
	}
	l.spec, l.wanted = spec, true
	if ref := m.registry.Ref(spec.Name); ref.Snapshot() == nil {
		ref.Publish(balance.NewSnapshot(balance.SnapshotConfig{
			Policy: policyOf(spec), Pending: true, At: time.Now()}))
	}
}

// Unwant notes that an upstream is not wanted any more, before a
// RemoveUpstream is sent. One that never started is withdrawn at once: the
// manager will not hear of it.
func (m *Memory) Unwant(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.lives[name]
	if l == nil {
		return
	}
	l.wanted = false
	if !l.told {
		delete(m.lives, name)
		m.registry.Ref(name).Withdraw()
	}
}

// wanted returns the spec of an upstream that is wanted.
func (m *Memory) wanted(name string) (spec messages.UpstreamSpec, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if l := m.lives[name]; l != nil && l.wanted {
		return l.spec, true
	}
	return spec, false
}

// begin notes that an upstream starts, and tells once in each of its lives
// that it is new. It is not to start, ok false, when it was withdrawn meanwhile.
func (m *Memory) begin(name string) (isNew, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.lives[name]
	if l == nil {
		return false, false
	}
	isNew, l.told = !l.told, true
	return isNew, true
}

// withdraw ends the service of an upstream and returns the peers that left,
// unless it is wanted again by now: then ok is false.
func (m *Memory) withdraw(name string, now time.Time) (left []*balance.Peer, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.lives[name]
	if l == nil {
		return m.registry.Ref(name).WithdrawDraining(now, 0), true
	}
	if l.wanted {
		return nil, false
	}
	delete(m.lives, name)
	return m.registry.Ref(name).WithdrawDraining(now, l.spec.DrainTimeout), true
}

// all returns the upstreams that are wanted, and the names of those that are
// not and have not been withdrawn.
func (m *Memory) all() (wanted []messages.UpstreamSpec, leaving []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, l := range m.lives {
		if l.wanted {
			wanted = append(wanted, l.spec)
		} else {
			leaving = append(leaving, name)
		}
	}
	return wanted, leaving
}
