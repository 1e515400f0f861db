package discovery

import (
	"context"
	"fmt"

	"github.com/weirproxy/weir/messages"
)

// ByKind asks the source of an upstream's kind of discovery. An upstream without
// a kind is static. It must not change once it is used.
type ByKind map[messages.DiscoveryKind]Source

// Find asks the source of spec's kind; ErrNoSource = there is none.
func (b ByKind) Find(ctx context.Context, spec messages.UpstreamSpec) (Found, error) {
	return b.Look(ctx, Look{Spec: spec, Tell: func(Found) {}})
}

// Look is Find for those sources that can do more.
func (b ByKind) Look(ctx context.Context, look Look) (Found, error) {
	kind := look.Spec.Discovery.Kind
	if kind == "" {
		kind = messages.DiscoverStatic
	}
	for other, source := range b { // an upstream may have changed its kind
		if releaser, ok := source.(Releaser); ok && other != kind {
			releaser.Release(look.Spec.Name)
		}
	}
	source := b[kind]
	if source == nil {
		return Found{}, fmt.Errorf("%w: %q", ErrNoSource, kind)
	}
	return find(ctx, source, look)
}

// Release has every source release what it holds for an upstream.
func (b ByKind) Release(upstream string) {
	for _, source := range b {
		if releaser, ok := source.(Releaser); ok {
			releaser.Release(upstream)
		}
	}
}
