package discovery

import (
	"context"

	"github.com/weirproxy/weir/actors/discovery/dns"
	"github.com/weirproxy/weir/messages"
)

// FromDNS makes a Resolver the source of upstreams of kind static and dns. All
// upstreams share one Resolver.
func FromDNS(resolver *dns.Resolver) Source { return dnsSource{resolver} }

type dnsSource struct{ resolver *dns.Resolver }

func (s dnsSource) Find(ctx context.Context, spec messages.UpstreamSpec) (Found, error) {
	return fromResult(s.resolver.Find(ctx, dns.Request{Spec: spec}))
}

// Look is Find that also asks at once, and tells what is known early.
func (s dnsSource) Look(ctx context.Context, look Look) (Found, error) {
	return fromResult(s.resolver.Find(ctx, dns.Request{Spec: look.Spec, AtOnce: look.AtOnce, Tell: func(r dns.Result) {
		found, _ := fromResult(r, nil)
		look.Tell(found)
	}}))
}

func fromResult(r dns.Result, err error) (Found, error) {
	return Found{Source: r.Source, Peers: r.Peers, Empty: r.Empty, Stale: r.Stale, Detail: r.Note, Again: r.Again}, err
}
