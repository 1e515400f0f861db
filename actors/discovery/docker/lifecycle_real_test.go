package docker

import (
	"errors"
	"fmt"
	"testing"
	"time"

	api "github.com/docker/docker/api/types/container"
)

func TestRealStartKillStop(t *testing.T) {
	r := useEngine(t)
	_, sub := r.watch(Config{})
	await(t, sub, "no peer", peers(0))
	deaf := func(o options) { o.config.Cmd = []string{"-deaf", "-body", "hello"} }
	id := r.start("a", deaf)
	first := await(t, sub, "one peer", peers(1))
	if got := get(t, first.Peers[0].Addr, "/"); got != "hello" {
		t.Fatalf("the peer answers %q", got)
	}

	r.must(r.cli.ContainerKill(t.Context(), id, "HUP"))
	other := r.start("b", nil) // what comes after HUP shows that HUP was seen
	if set := await(t, sub, "two peers", func(s Set) bool { return len(s.Peers) != 1 }); len(set.Peers) != 2 {
		t.Fatalf("HUP changed the set: %+v", set)
	}

	stopped := make(chan error, 1)
	go func() {
		seconds := 120
		stopped <- r.cli.ContainerStop(t.Context(), id, api.StopOptions{Timeout: &seconds})
	}()
	await(t, sub, "one peer after the kill event", peers(1))
	if !r.running(id) {
		t.Fatal("the container was gone before its peer was: no drain")
	}
	get(t, first.Peers[0].Addr, "/exit")
	r.must(<-stopped)
	r.must(r.cli.ContainerStart(t.Context(), id, api.StartOptions{}))
	await(t, sub, "two peers after the start", peers(2))
	r.remove(other)
	await(t, sub, "one peer after the removal", peers(1))
}

func TestRealStopSignalOfItsOwn(t *testing.T) {
	r := useEngine(t)
	_, sub := r.watch(Config{})
	id := r.start("a", func(o options) {
		o.config.Cmd = []string{"-deaf"}
		o.config.StopSignal = "SIGHUP" // which the peer ignores
	})
	await(t, sub, "one peer", peers(1))
	r.must(r.cli.ContainerKill(t.Context(), id, "TERM"))
	r.start("b", nil)
	if set := await(t, sub, "two peers", func(s Set) bool { return len(s.Peers) != 1 }); len(set.Peers) != 2 {
		t.Fatalf("a signal that is not its stop signal changed the set: %+v", set)
	}
	r.must(r.cli.ContainerKill(t.Context(), id, "HUP"))
	await(t, sub, "one peer after its stop signal", peers(1))
	if !r.running(id) {
		t.Error("the container died: the test shows nothing")
	}
}

func TestRealHealth(t *testing.T) {
	r := useEngine(t)
	_, sub := r.watch(Config{})
	id := r.create("a", func(o options) {
		o.config.Healthcheck = &api.HealthConfig{Test: []string{"CMD", "/peer", "-check"}, Interval: 200 * time.Millisecond, Timeout: 10 * time.Second, Retries: 2}
	})
	await(t, sub, "no peer", peers(0))
	r.must(r.cli.ContainerStart(t.Context(), id, api.StartOptions{}))
	set := await(t, sub, "one healthy peer", peers(1))
	get(t, set.Peers[0].Addr, "/sick")
	await(t, sub, "no peer while unhealthy", func(s Set) bool {
		return len(s.Peers) == 0 && len(s.Notes) == 1 && s.Notes[0].Text == "its health is unhealthy"
	})
	get(t, set.Peers[0].Addr, "/well")
	await(t, sub, "the peer again", peers(1))
}

func TestRealRecreateAndScale(t *testing.T) {
	r := useEngine(t)
	_, sub := r.watch(Config{})
	id := r.start("a", func(o options) { o.config.Cmd = []string{"-body", "old"} })
	await(t, sub, "one peer", peers(1))
	r.remove(id)
	r.start("a", func(o options) { o.config.Cmd = []string{"-body", "new"} })
	var set Set
	await(t, sub, "the new peer", func(s Set) bool {
		set = s
		return len(s.Peers) == 1 && get(t, s.Peers[0].Addr, "/") == "new"
	})
	for i := range 19 {
		r.start(fmt.Sprint("s", i), nil)
	}
	set = await(t, sub, "20 peers", peers(20))
	seen := map[string]bool{}
	for _, p := range set.Peers {
		seen[p.Addr] = true
	}
	if len(seen) != 20 || len(set.Notes) != 0 {
		t.Errorf("20 containers have %d addresses, notes %v", len(seen), set.Notes)
	}
}

func TestRealPause(t *testing.T) {
	r := useEngine(t)
	_, sub := r.watch(Config{})
	id := r.start("a", nil)
	await(t, sub, "one peer", peers(1))
	r.must(r.cli.ContainerPause(t.Context(), id))
	await(t, sub, "no peer while paused", peers(0))
	r.must(r.cli.ContainerUnpause(t.Context(), id))
	await(t, sub, "the peer again", peers(1))
}

func TestRealCrashLoop(t *testing.T) {
	r := useEngine(t)
	_, sub := r.watch(Config{})
	r.start("good", nil)
	id := r.start("crashes", func(o options) {
		o.config.Cmd = []string{"-crash"}
		o.host.RestartPolicy = api.RestartPolicy{Name: api.RestartPolicyAlways}
	})
	await(t, sub, "the good peer alone", func(s Set) bool {
		return len(s.Peers) == 1 && len(s.Notes) == 1 && s.Notes[0].Text == "it is restarting"
	})
	eventually(t, "three crashes", func() bool {
		c, err := r.cli.ContainerInspect(t.Context(), id)
		r.must(err)
		return c.RestartCount >= 3
	})
	r.remove(id)
	await(t, sub, "the good peer, and nothing else to say", func(s Set) bool { return len(s.Peers) == 1 && len(s.Notes) == 0 })
}

func TestRealListAndInspectAgree(t *testing.T) {
	r := useEngine(t)
	id := r.start("a", func(o options) { o.host.PublishAllPorts = true })
	s, err := dockerDialer(withDefaults(t, Config{}))(t.Context(), 0)
	r.must(err)
	defer s.close()
	list, err := s.list(t.Context())
	r.must(err)
	inspected, err := s.inspect(t.Context(), id)
	r.must(err)
	for _, c := range list {
		if c.id == id && (!c.same(inspected) || c.created != inspected.created || len(c.bindings) == 0) {
			t.Errorf("the list says\n%+v\nand the inspection\n%+v: each list would ask for an inspection", c, inspected)
		}
	}
	if _, err := s.inspect(t.Context(), "0123456789abcdef"); !errors.Is(err, errGone) {
		t.Errorf("inspect of nothing: %v", err)
	}
}

func withDefaults(t *testing.T, cfg Config) Config {
	t.Helper()
	cfg, err := cfg.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}
