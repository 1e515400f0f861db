package balance

import (
	"iter"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Registry holds the Refs of all upstreams, and with them everything about
// peers that outlives actors. Make it with NewRegistry.
type Registry struct {
	starving atomic.Pointer[func(upstream string)]
	verdict  atomic.Pointer[func()]

	mu   sync.Mutex
	refs map[string]*Ref
	// sorted are the refs by name; it is never changed, but replaced. nil = to be made.
	sorted []*Ref
}

// NewRegistry returns an empty registry.
func NewRegistry() *Registry { return &Registry{refs: map[string]*Ref{}} }

// Ref returns the Ref of an upstream and makes it when there is none. It is the
// same one for the life of the registry, also over Withdraw.
func (r *Registry) Ref(name string) *Ref {
	r.mu.Lock()
	defer r.mu.Unlock()
	ref := r.refs[name]
	if ref == nil {
		ref = newRef(name, r)
		r.refs[name], r.sorted = ref, nil
	}
	return ref
}

// Refs returns all Refs, sorted by name. Those whose Snapshot is nil belong to
// upstreams that do not exist (yet, or any more).
func (r *Registry) Refs() []*Ref { return slices.Clone(r.byName()) }

// All iterates over what Refs returns, without a copy. The body may call any
// method of the registry; a Ref made meanwhile may be missed.
func (r *Registry) All() iter.Seq[*Ref] { return slices.Values(r.byName()) }

func (r *Registry) byName() []*Ref {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sorted == nil {
		r.sorted = make([]*Ref, 0, len(r.refs))
		for _, ref := range r.refs {
			r.sorted = append(r.sorted, ref)
		}
		slices.SortFunc(r.sorted, func(a, b *Ref) int { return strings.Compare(a.name, b.name) })
	}
	return r.sorted
}

// OnStarving sets who is told that asks to an upstream find no peer; nil = nobody.
// fn is called from the goroutines of requests and must not block. It is called
// once for an upstream until the next Publish; if asks still find no peer
// after StarvingAgain, once more.
func (r *Registry) OnStarving(fn func(upstream string)) {
	if fn == nil {
		r.starving.Store(nil)
		return
	}
	r.starving.Store(&fn)
}

// OnVerdict sets who is told that a verdict changed, or that a peer with a
// verdict was forgotten; nil = nobody. fn is called after the change and from
// many goroutines, holding no lock; it must not block.
func (r *Registry) OnVerdict(fn func()) {
	if fn == nil {
		r.verdict.Store(nil)
		return
	}
	r.verdict.Store(&fn)
}

func (r *Registry) starve(upstream string) {
	if fn := r.starving.Load(); fn != nil {
		(*fn)(upstream)
	}
}

func (r *Registry) tellVerdict() {
	if fn := r.verdict.Load(); fn != nil {
		(*fn)()
	}
}
