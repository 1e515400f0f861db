package proxy

import (
	"fmt"
	"testing"
	"time"

	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/messages"
)

// manyOfBoth returns n upstreams and n routes, each route to its own upstream.
func manyOfBoth(n int) ([]messages.UpstreamSpec, []messages.RouteSpec) {
	ups, routes := make([]messages.UpstreamSpec, n), make([]messages.RouteSpec, n)
	for i := range n {
		ups[i] = messages.UpstreamSpec{Name: fmt.Sprint("u", i), Addrs: messages.ListOf(messages.PeerSpec{Addr: "10.0.0.1:80", Weight: 1})}
		routes[i] = messages.RouteSpec{Name: fmt.Sprint("r", i), Upstream: ups[i].Name, Host: fmt.Sprintf("h%d.example.com", i),
			Path: prefix("/v1/"), Timeout: time.Minute}
	}
	return ups, routes
}

// BenchmarkChange applies one change to a table of n upstreams and n routes.
// What grows with n is the comparison of each wanted object with what there is.
func BenchmarkChange(b *testing.B) {
	for _, n := range []int{10, 100, 1000, 10_000} {
		ups, routes := manyOfBoth(n)
		odd, other := append([]messages.UpstreamSpec(nil), ups...), append([]messages.RouteSpec(nil), routes...)
		odd[n/2].Retry.Attempts, other[n/2].Timeout = 7, time.Hour
		all := messages.Desired{Upstreams: messages.ListOf(ups...), Routes: messages.ListOf(routes...)}
		for name, next := range map[string]messages.Desired{
			"nothing":  all,
			"route":    {Upstreams: all.Upstreams, Routes: messages.ListOf(other...)},
			"upstream": {Upstreams: messages.ListOf(odd...), Routes: all.Routes},
		} {
			b.Run(fmt.Sprintf("%s of %d", name, n), func(b *testing.B) {
				core := New(Deps{Registry: balance.NewRegistry(), NewPeerCodec: func(messages.Transport, PeerCodec) PeerCodec { return echoPeers{} }})
				apply := func(d messages.Desired) {
					if err := core.Apply(d); err != nil {
						b.Fatal(err)
					}
				}
				apply(all)
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					apply([]messages.Desired{next, all}[i%2])
				}
			})
		}
	}
}

// BenchmarkDelta is BenchmarkChange for who says what differs.
func BenchmarkDelta(b *testing.B) {
	for _, n := range []int{10, 100, 1000, 10_000} {
		b.Run(fmt.Sprintf("route and upstream of %d", n), func(b *testing.B) {
			ups, routes := manyOfBoth(n)
			core := New(Deps{Registry: balance.NewRegistry(), NewPeerCodec: func(messages.Transport, PeerCodec) PeerCodec { return echoPeers{} }})
			if err := core.Apply(messages.Desired{Upstreams: messages.ListOf(ups...), Routes: messages.ListOf(routes...)}); err != nil {
				b.Fatal(err)
			}
			up, route := ups[n/2], routes[n/2]
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				up.Retry.Attempts, route.Timeout = i, time.Duration(i)
				commit, err := core.PrepareDelta(Delta{Upstreams: []messages.UpstreamSpec{up}, Routes: []messages.RouteSpec{route}})
				if err != nil {
					b.Fatal(err)
				}
				commit()
			}
		})
	}
}

func BenchmarkFirstApply(b *testing.B) {
	for _, n := range []int{10, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			ups, routes := manyOfBoth(n)
			all := messages.Desired{Upstreams: messages.ListOf(ups...), Routes: messages.ListOf(routes...)}
			b.ReportAllocs()
			for b.Loop() {
				core := New(Deps{Registry: balance.NewRegistry(), NewPeerCodec: func(messages.Transport, PeerCodec) PeerCodec { return echoPeers{} }})
				if err := core.Apply(all); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
