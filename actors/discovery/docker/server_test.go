package docker

import (
	"fmt"
	"strings"
	"testing"

	"github.com/weirproxy/weir/internal/dockertest"
)

func TestClientSpeaksTheVersionOfTheEngine(t *testing.T) {
	f := dockertest.Start(t)
	f.Put(appContainer("a1", "web", "172.17.0.2"))
	e, sub := follow(t, f, "app=web")
	set := await(t, sub, "one peer", peers(1))
	if got := addrs(set); got != "[172.17.0.2:8080 1]" {
		t.Errorf("peers %s, notes %v", got, set.Notes)
	}
	if e.Status().Version != "1.41" || f.Asked("/v1.41/containers/json") == 0 || f.Asked("/v1.41/events") != 1 {
		t.Errorf("status %+v, requests %v: want version 1.41, which the engine has", e.Status(), f.Paths())
	}
	f.Kill("a1", "15")
	await(t, sub, "no peer after the kill", peers(0))
}

func TestGarbageFromTheEngineIsToldAndChangesNothing(t *testing.T) {
	good := "[" + appContainer("a1", "web", "172.17.0.2").Summary() + "]"
	for name, garbage := range map[string]string{
		"no JSON":         "<html>bad gateway</html>",
		"no list":         `{"message":"hello"}`,
		"a torn list":     good[:len(good)-20],
		"a list of words": `["a","b"]`,
		"wrong types":     `[{"Id":1}]`,
	} {
		t.Run(name, func(t *testing.T) {
			f := dockertest.Start(t)
			f.Put(appContainer("a1", "web", "172.17.0.2"))
			e, sub := follow(t, f, "app=web")
			await(t, sub, "one peer", peers(1))
			f.Answer(dockertest.List, dockertest.Body(garbage))
			e.Look()
			set := await(t, sub, "the old picture, stale", func(s Set) bool { return s.Stale })
			if len(set.Peers) != 1 || !strings.Contains(set.Failure, "list containers") {
				t.Errorf("got %+v", set)
			}
			f.Answer(dockertest.List, dockertest.Answer{})
			await(t, sub, "the picture, fresh again", peers(1))
		})
	}
}

func TestEntriesOfNothingAreSkipped(t *testing.T) {
	f := dockertest.Start(t)
	a := appContainer("a1", "web", "172.17.0.2")
	f.Put(a)
	f.Answer(dockertest.List, dockertest.Body(`[null,{},{"Id":"b2","Labels":{"app":"web"},"State":"running"},{"Id":"c3","Labels":{"app":"web"},"State":"running","NetworkSettings":{"Networks":{"x":null}}},`+
		a.Summary()+"]"))
	f.Answer(dockertest.InspectOf("b2"), dockertest.Body(`null`))
	f.Answer(dockertest.InspectOf("c3"), dockertest.Body(`{"Id":"c3"}`))
	_, sub := follow(t, f, "app=web")
	set := await(t, sub, "one peer and two faults", func(s Set) bool { return len(s.Peers) == 1 && len(s.Notes) == 2 })
	for _, want := range []string{errNoID.Error(), errIncomplete.Error()} {
		if !strings.Contains(set.Faults(), want) {
			t.Errorf("faults %q lack %q", set.Faults(), want)
		}
	}
}

func TestGarbageInTheStreamOpensItAnew(t *testing.T) {
	for _, garbage := range []string{"}{", `{"Type":7}`, "\x00\x01", `["start"]`} {
		t.Run(fmt.Sprintf("%q", garbage), func(t *testing.T) {
			f := dockertest.Start(t)
			_, sub := follow(t, f, "app=web")
			await(t, sub, "no peer", peers(0))
			f.Put(appContainer("a1", "web", "172.17.0.2"))
			f.Say(garbage)
			await(t, sub, "what the list has after it", peers(1))
		})
	}
}

func TestEventsOfAnyOrderEndAtTheTruth(t *testing.T) {
	f := dockertest.Start(t)
	_, sub := follow(t, f, "app=web")
	await(t, sub, "no peer", peers(0))
	f.Put(appContainer("a1", "web", "172.17.0.2"))
	for _, action := range []string{"destroy", "die", "start", "health_status: healthy", "create", "unpause", "kill", "die", "stop", "nonsense", "start"} {
		f.Tell("a1", action, "signal", "15")
		f.Tell("gone", action, "app", "web", "signal", "9")
		f.Say(`{"Type":"network","Action":"connect","Actor":{"ID":"n0","Attributes":{"container":"a1"}}}`)
		f.Say(`{"Type":"network","Action":"connect"}`)
		f.Say(`{}`)
	}
	if got := addrs(await(t, sub, "one peer", peers(1))); got != "[172.17.0.2:8080 1]" {
		t.Errorf("peers %s", got)
	}
}

func TestAHugeListInspectsOnlyWhatIsSelected(t *testing.T) {
	f := dockertest.Start(t)
	const all, every = 2000, 200
	for i := range all {
		value := "other"
		if i%every == 0 {
			value = "web"
		}
		f.Put(appContainer(fmt.Sprintf("c%d", i), value, fmt.Sprintf("172.17.%d.%d", i/250, i%250+2)))
	}
	e, sub := follow(t, f, "app=web")
	await(t, sub, "ten peers", peers(all/every))
	inspected := f.Asked("/json") - f.Asked("/containers/json")
	if inspected != all/every || e.Status().Containers != all {
		t.Errorf("inspected %d of %d containers, want %d", inspected, e.Status().Containers, all/every)
	}
	many := mustSubscribe(t, e, "app")
	await(t, many, "all as peers", peers(all))
	f.Kill("c7", "9")
	await(t, many, "one less", peers(all-1))
	select {
	case set := <-sub.Sets():
		t.Errorf("a change of another upstream's container was told: %d peers", len(set.Peers))
	default:
	}
}

func TestAThousandUpstreamsShareOneEngine(t *testing.T) {
	f := dockertest.Start(t)
	const n = 1000
	for i := range n {
		id := fmt.Sprintf("c%d", i)
		f.Put(appContainer(id, id, fmt.Sprintf("172.17.%d.%d", i/250, i%250+2)))
	}
	e, first := follow(t, f, "app=c0")
	subs := []*Subscription{first}
	for i := 1; i < n; i++ {
		subs = append(subs, mustSubscribe(t, e, fmt.Sprintf("app=c%d", i)))
	}
	for _, sub := range subs {
		await(t, sub, "one peer", peers(1))
	}
	if lists := f.Asked("/containers/json"); lists > 20 || f.Asked("/events") != 1 {
		t.Errorf("%d lists and %d streams for %d upstreams", lists, f.Asked("/events"), n)
	}
	f.Kill("c500", "9")
	await(t, subs[500], "no peer", peers(0))
	for i, sub := range subs {
		select {
		case set := <-sub.Sets():
			t.Errorf("upstream %d was told %v", i, set)
		default:
		}
	}
}
