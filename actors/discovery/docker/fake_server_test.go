package docker

import (
	"context"
	"testing"

	"github.com/weirproxy/weir/internal/dockertest"
)

// appContainer returns a container whose label app says so.
func appContainer(id, app, addr string) dockertest.Container {
	return dockertest.Container{ID: id, Labels: map[string]string{"app": app}, Addr: addr}
}

// follow runs an Engine against a scripted one.
func follow(t *testing.T, s *dockertest.Server, selectors ...string) (*Engine, *Subscription) {
	t.Helper()
	cfg := plain()
	cfg.Host = s.Host()
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { _ = e.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-e.Done()
	})
	return e, mustSubscribe(t, e, selectors...)
}
