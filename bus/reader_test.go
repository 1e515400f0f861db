package bus_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/weirproxy/weir/bus"
	"github.com/weirproxy/weir/internal/natstest"
)

func TestAReaderReadsWhatWeirStores(t *testing.T) {
	for name, auth := range map[string]bus.Auth{"anonymous": {}, "operator": {User: "operator", Password: operatorToken}} {
		t.Run(name, func(t *testing.T) {
			b := ready(t, start(t, func(c *bus.Config) { c.Prefix = "edge.eu" }))
			store(t, b, "edge.eu.evt.upstream.web", numbers(590, 600)...)
			r, err := bus.OpenReader(t.Context(), bus.ReaderConfig{URL: b.ClientURL(), Prefix: "edge.eu", Auth: auth})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if r.Where() != b.ClientURL() {
				t.Errorf("it reads from %s", r.Where())
			}
			follow := replay(t, r, bus.ReplayRequest{Last: 5, Upstream: "web", Follow: true})
			same(t, rest(t, follow), numbers(596, 600))
			store(t, b, "edge.eu.evt.upstream.web", name)
			if e := nextEvent(t, follow); e.ID != name {
				t.Errorf("got %s", e.ID)
			}
		})
	}
}

func TestWhyAReaderCannotRead(t *testing.T) {
	b := ready(t, start(t, nil))
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	plain := natstest.Start(t, func(o *server.Options) { o.JetStream = false })
	stored := natstest.Start(t, nil)
	closed := natstest.Start(t, func(o *server.Options) {
		o.Users = []*server.User{{Username: "u", Password: secret, Permissions: &server.Permissions{Publish: &server.SubjectPermission{Allow: []string{"x"}}}}}
	})
	for name, test := range map[string]struct {
		cfg   bus.ReaderConfig
		want  error
		words []string
	}{
		"nobody is there":          {bus.ReaderConfig{URL: "nats://" + secret + "@" + nobody.Addr().String()}, bus.ErrNotConnected, []string{nobody.Addr().String(), "refused"}},
		"it does not speak":        {bus.ReaderConfig{URL: silent.Addr().String()}, bus.ErrNotConnected, []string{silent.Addr().String()}},
		"another prefix":           {bus.ReaderConfig{URL: b.ClientURL(), Prefix: "other"}, bus.ErrNotAllowed, []string{"OTHER_EVENTS", `the prefix "other"`}},
		"another prefix, anywhere": {bus.ReaderConfig{URL: stored.URL(), Prefix: "other"}, bus.ErrNoStream, []string{stored.URL(), "OTHER_EVENTS", `the prefix "other"`}},
		"no JetStream":             {bus.ReaderConfig{URL: plain.URL()}, bus.ErrNoStream, []string{plain.URL(), "JetStream is off"}},
		"no such user":             {bus.ReaderConfig{URL: b.ClientURL(), Auth: bus.Auth{User: "u", Password: secret}}, bus.ErrNotAllowed, []string{b.ClientURL(), "credentials"}},
		"a user without rights":    {bus.ReaderConfig{URL: closed.URL(), Auth: bus.Auth{User: "u", Password: secret}}, bus.ErrNotAllowed, []string{closed.URL(), "does not let"}},
		"no URL":                   {bus.ReaderConfig{}, bus.ErrConfig, []string{"url"}},
		"a URL that is none":       {bus.ReaderConfig{URL: "http://h"}, bus.ErrConfig, []string{"nats://"}},
		"a prefix that is none":    {bus.ReaderConfig{URL: b.ClientURL(), Prefix: ">"}, bus.ErrConfig, []string{"prefix"}},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			r, err := bus.OpenReader(ctx, test.cfg)
			if err == nil {
				r.Close()
			}
			if !errors.Is(err, test.want) {
				t.Fatalf("got %v, want %v", err, test.want)
			}
			mentions(t, err, test.words...)
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the secret is in the error: %v", err)
			}
		})
	}
}
