package docker

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/messages"
)

func someTime() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

func asking(id string, n int, labels ...string) *container {
	return fresh(id, n, append([]string{labelEnable, "true"}, labels...)...)
}

func routesOf(l Labelled) string {
	var out []string
	for _, r := range l.Routes {
		out = append(out, r.Name+"="+r.String())
	}
	return strings.Join(out, " ")
}

func upstreamsOf(l Labelled) string {
	var out []string
	for _, u := range l.Upstreams {
		out = append(out, u.Selector.String())
	}
	return strings.Join(out, " ")
}

func TestLabelsAskForUpstreamsAndRoutes(t *testing.T) {
	for name, tt := range map[string]struct {
		containers        []*container
		upstreams, routes string
		notes             []string
	}{
		"one": {[]*container{asking("a", 0, labelUpstream, "web", labelHost, "Web.Example.com", labelPath, "/v1/")},
			"weir.upstream=web", "web=web.example.com/v1/", nil},
		"two that agree": {[]*container{asking("a", 0, labelUpstream, "web", labelHost, "x.org"), asking("b", 1, labelUpstream, "web", labelHost, "x.org")},
			"weir.upstream=web", "web=x.org/", nil},
		"a peer with no route of its own": {[]*container{asking("a", 0, labelUpstream, "web"), asking("b", 1, labelUpstream, "web", labelPath, "=/x")},
			"weir.upstream=web", "web==/x", nil},
		"two that contradict: the older is followed": {[]*container{asking("new", 9, labelUpstream, "web", labelHost, "new.org"), asking("old", 1, labelUpstream, "web", labelHost, "old.org")},
			"weir.upstream=web", "web=old.org/", []string{`container "name-new": it asks for new.org/, and container "name-old", which is older, for old.org/: upstream "web" follows the older`}},
		"two upstreams that want the same": {[]*container{asking("new", 9, labelUpstream, "b", labelHost, "x.org", labelPath, "/v1"), asking("old", 1, labelUpstream, "a", labelHost, "x.org", labelPath, "/v1/")},
			"weir.upstream=a weir.upstream=b", "a=x.org/v1/", []string{`container "name-new": it makes no route: container "name-old", which is older, has x.org/v1 for upstream "a" already`}},
		"switched off": {[]*container{fresh("a", 0, labelEnable, "false", labelUpstream, "web"), fresh("b", 0, labelUpstream, "web")}, "", "", nil},
		"bad words": {[]*container{fresh("a", 0, labelEnable, "yes"), asking("b", 1), asking("c", 2, labelUpstream, "a.b"), asking("d", 3, labelUpstream, "d", labelHost, "x:80"),
			asking("e", 4, labelUpstream, "e", labelPath, "v1"), asking("f", 5, labelUpstream, "f", labelPath, "~("), asking("g", 6, labelUpstream, "g", labelPath, "/a/%2e%2e/b")},
			"weir.upstream=d weir.upstream=e weir.upstream=f weir.upstream=g", "", []string{
				`container "name-a" is left out: label weir.enable: want true or false, not "yes"`,
				`container "name-b" is left out: label weir.upstream is missing`,
				`container "name-c" is left out: label weir.upstream: want 1 to 63 of A-Z a-z 0-9 _ -, not "a.b"`,
				`container "name-d": it makes no route: label weir.host: want a host such as`,
				`container "name-e": it makes no route: label weir.path: want a path that begins with /`,
				`container "name-f": it makes no route: label weir.path: error parsing regexp`,
				`container "name-g": it makes no route: label weir.path: want a path`,
			}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := plain()
			cfg.Auto = true
			inBubble(t, cfg, func(t *testing.T, e *Engine, f *fakeEngine, start func()) {
				for _, c := range tt.containers {
					f.has(c)
				}
				start()
				synctest.Wait()
				got := <-e.Labelled()
				if upstreamsOf(got) != tt.upstreams || routesOf(got) != tt.routes {
					t.Errorf("got upstreams %q, routes %q", upstreamsOf(got), routesOf(got))
				}
				if len(got.Notes) != len(tt.notes) {
					t.Fatalf("notes %v, want %d", got.Notes, len(tt.notes))
				}
				for i, want := range tt.notes {
					if !strings.Contains(got.Notes[i].String(), want) {
						t.Errorf("note %q lacks %q", got.Notes[i], want)
					}
				}
			})
		})
	}
}

func TestLabelledObjectsOutliveTheirLastContainerForAWhile(t *testing.T) {
	cfg := plain()
	cfg.Auto = true
	inBubble(t, cfg, func(t *testing.T, e *Engine, f *fakeEngine, start func()) {
		f.has(asking("a", 0, labelUpstream, "web", labelHost, "x.org"))
		start()
		synctest.Wait()
		first := <-e.Labelled()
		sub := mustSubscribe(t, e, first.Upstreams[0].Selector.String())
		if set, ok := settle(sub, 0); !ok || len(set.Peers) != 1 {
			t.Fatalf("the upstream's own selector finds %v %v", set, ok)
		}
		f.says("a", "die")
		f.lacks("a")
		if set, ok := settle(sub, second); !ok || len(set.Peers) != 0 {
			t.Errorf("gone: %v %v", set, ok)
		}
		f.has(asking("b", 5, labelUpstream, "web", labelHost, "x.org"))
		f.says("b", "start")
		pass(time.Minute)
		if len(e.Labelled()) != 0 {
			t.Errorf("a container that was replaced was told as %v", <-e.Labelled())
		}
		f.says("b", "die")
		f.lacks("b")
		pass(29 * time.Second)
		if len(e.Labelled()) != 0 {
			t.Errorf("told %v before 30 s", <-e.Labelled())
		}
		pass(2 * time.Second)
		if diff := cmp.Diff(Labelled{}, <-e.Labelled()); diff != "" {
			t.Errorf("after 30 s (-want +got):\n%s", diff)
		}
	})
}

func TestWithoutAutoLabelsMakeNothing(t *testing.T) {
	inBubble(t, plain(), func(t *testing.T, e *Engine, f *fakeEngine, start func()) {
		f.has(asking("a", 0, labelUpstream, "web"))
		start()
		synctest.Wait()
		if n := len(e.Labelled()); n != 0 {
			t.Errorf("%d sets wait", n)
		}
	})
}

func TestTwoSelectorsOfOneContainer(t *testing.T) {
	inBubble(t, plain(), func(t *testing.T, e *Engine, f *fakeEngine, start func()) {
		f.has(fresh("a", 0, "app", "web"))
		sub, err := e.Subscribe([]Selector{{Label: "app", Weight: 3}, {Label: "app", Value: "web", Weight: 4}, {Label: "app", Port: 81, Tier: 1}})
		if err != nil {
			t.Fatal(err)
		}
		start()
		set, _ := settle(sub, 0)
		want := []messages.PeerSpec{{Addr: "172.17.0.2:8080", Weight: 7}, {Addr: "172.17.0.2:81", Weight: 1, Tier: 1}}
		if diff := cmp.Diff(want, set.Peers); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		sub.Close()
		f.lacks("a")
		f.says("a", "die")
		if set, ok := settle(sub, 2*time.Minute); ok {
			t.Errorf("a closed subscription is told %v", set)
		}
		if len(e.subs.by)+len(e.subs.all)+len(e.subs.dirty) != 0 {
			t.Error("a closed subscription is kept")
		}
		if _, err := e.Subscribe([]Selector{{Label: "a b"}}); err == nil {
			t.Error("a selector that is none was taken")
		}
	})
}

func TestManyChangesAtOnceAreToldOnce(t *testing.T) {
	inBubble(t, plain(), func(t *testing.T, e *Engine, f *fakeEngine, start func()) {
		sub := mustSubscribe(t, e, "app")
		start()
		settle(sub, 2*again) // the first list, and that it is read again
		before := f.lists
		for i := range 200 {
			id := fmt.Sprint("c", i)
			f.has(fresh(id, i, "app", "web"))
			f.says(id, "start")
		}
		if set, ok := settle(sub, time.Second); !ok || len(set.Peers) != 200 || f.lists-before != 1 {
			t.Errorf("%d peers by %d lists", len(set.Peers), f.lists-before)
		}
	})
}
