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
	specs map[string]messages.UpstreamSpec
	// told are the upstreams whose addition was told and whose removal was not.
	told map[string]bool
}

// NewMemory returns a Memory of nothing.
func NewMemory(registry *balance.Registry) *Memory {
	return &Memory{registry: registry, specs: map[string]messages.UpstreamSpec{}, told: map[string]bool{}}
}

// Want notes that an upstream is wanted, before an EnsureUpstream is sent. From
// now on requests to a new upstream wait for its first peers.
func (m *Memory) Want(spec messages.UpstreamSpec) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.specs[spec.Name] = spec
	if ref := m.registry.Ref(spec.Name); ref.Snapshot() == nil {
		ref.Publish(balance.NewSnapshot(balance.SnapshotConfig{
			Policy: balance.Policy{Algo: spec.Algo, Limits: spec.Limits}, Pending: true, At: time.Now()}))
	}
}

// Unwant notes that an upstream is not wanted any more, before a RemoveUpstream is sent.
func (m *Memory) Unwant(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.specs, name)
}

// wanted returns the spec of an upstream that is wanted.
func (m *Memory) wanted(name string) (spec messages.UpstreamSpec, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	spec, ok = m.specs[name]
	return spec, ok
}

// isNew tells once for each life of an upstream that it is new.
func (m *Memory) isNew(name string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	was := m.told[name]
	m.told[name] = true
	return !was
}

// withdraw ends the service of an upstream and returns true, unless it is
// wanted again by now.
func (m *Memory) withdraw(name string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, again := m.specs[name]; again {
		return false
	}
	m.registry.Ref(name).Withdraw()
	delete(m.told, name)
	return true
}

// all returns the upstreams that are wanted, and the names of those that are
// not and have not been withdrawn.
func (m *Memory) all() (wanted []messages.UpstreamSpec, leaving []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, spec := range m.specs {
		wanted = append(wanted, spec)
	}
	for name := range m.told {
		if _, ok := m.specs[name]; !ok {
			leaving = append(leaving, name)
		}
	}
	return wanted, leaving
}
