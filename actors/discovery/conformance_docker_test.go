package discovery_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/weirproxy/weir/actors/discovery"
	"github.com/weirproxy/weir/actors/discovery/docker"
	"github.com/weirproxy/weir/internal/dockertest"
	"github.com/weirproxy/weir/messages"
)

// yard is the world of an Engine: each group is the containers with a label. One
// group fails alone by a container that cannot be inspected; both fail when there
// is no engine.
type yard struct {
	server  *dockertest.Server
	there   [2][]string
	failing [2]bool
}

func newContainers(t *testing.T) subject {
	server := dockertest.Start(t)
	source, _ := watched(t, server)
	return subject{source: source, spec: selecting("group=0:80", "group=1:80"), world: &yard{server: server}}
}

// watched returns a source that asks a scripted engine, and what ends the watching.
func watched(t *testing.T, server *dockertest.Server) (source discovery.ByKind, end func()) {
	t.Helper()
	engine, err := docker.New(docker.Config{Host: server.Host(), PeerAddr: docker.PeerAddrNetwork, Getenv: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var once sync.Once
	run := func() { once.Do(func() { go func() { _ = engine.Run(ctx) }() }) }
	source = discovery.ByKind{messages.DiscoverDocker: discovery.FromDocker(engine, "docker test", run)}
	end = func() {
		cancel()
		run() // it ends at once when nobody looked
		<-engine.Done()
	}
	t.Cleanup(func() {
		source.Release("web")
		end()
	})
	return source, end
}

func selecting(selectors ...string) messages.UpstreamSpec {
	var entries []messages.PeerSpec
	for _, s := range selectors {
		entries = append(entries, messages.PeerSpec{Addr: s, Weight: 1})
	}
	return messages.UpstreamSpec{Name: "web", Addrs: messages.ListOf(entries...), Discovery: messages.Discovery{Kind: messages.DiscoverDocker}}
}

// member returns the container of a group at an address.
func member(group int, addr string) dockertest.Container {
	return dockertest.Container{ID: fmt.Sprintf("g%d-%s", group, addr), Labels: map[string]string{"group": fmt.Sprint(group)}, Addr: addr, Port: 80}
}

// broken is a container that cannot be inspected.
func broken(group int) dockertest.Container { return member(group, "10.9.9.9") }

func (y *yard) set(group int, addrs ...string) {
	if y.failing[group] && y.failing[1-group] {
		y.server.Answer(dockertest.InspectOf(broken(1-group).ID), dockertest.Fail())
		y.server.Start(broken(1 - group)) // the other still fails
		y.server.Resume()
	}
	y.failing[group] = false
	y.server.Take(broken(group).ID)
	for _, addr := range addrs {
		if !slices.Contains(y.there[group], addr) {
			y.server.Start(member(group, addr))
		}
	}
	for _, addr := range y.there[group] {
		if !slices.Contains(addrs, addr) {
			y.server.End(member(group, addr).ID)
		}
	}
	y.there[group] = addrs
}

func (y *yard) fail(group int) {
	y.failing[group] = true
	if y.failing[1-group] {
		y.server.Stop()
		return
	}
	y.server.Answer(dockertest.InspectOf(broken(group).ID), dockertest.Fail())
	y.server.Start(broken(group))
}

func (y *yard) hang() {
	for _, kind := range []dockertest.Request{dockertest.Ping, dockertest.Events, dockertest.List, dockertest.Inspect} {
		y.server.Answer(kind, dockertest.Hang())
	}
}
