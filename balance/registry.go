package balance

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Registry holds the Refs of all upstreams, and with them everything about
// peers that outlives actors. Make it with NewRegistry.
type Registry struct {
	starving atomic.Pointer[func(upstream string)]

	mu   sync.Mutex
	refs map[string]*Ref
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
		ref = newRef(name, r.starve)
		r.refs[name] = ref
	}
	return ref
}

// Refs returns all Refs, sorted by name. Those whose Snapshot is nil belong to
// upstreams that do not exist (yet, or any more).
func (r *Registry) Refs() []*Ref {
	r.mu.Lock()
	defer r.mu.Unlock()
	refs := make([]*Ref, 0, len(r.refs))
	for _, ref := range r.refs {
		refs = append(refs, ref)
	}
	slices.SortFunc(refs, func(a, b *Ref) int { return strings.Compare(a.name, b.name) })
	return refs
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

func (r *Registry) starve(upstream string) {
	if fn := r.starving.Load(); fn != nil {
		(*fn)(upstream)
	}
}
