package docker

import (
	"fmt"
	"strings"
	"testing"
)

func TestClientSpeaksTheVersionOfTheEngine(t *testing.T) {
	f := newFakeServer(t)
	f.set(func(f *fakeServer) {
		f.list = "[" + summary("a1", "app", "web", "172.17.0.2") + "]"
		f.bodies["a1"] = inspection("a1", "app", "web", "172.17.0.2")
	})
	e, sub := f.follow(t, "app=web")
	set := await(t, sub, "one peer", peers(1))
	if got := addrs(set); got != "[172.17.0.2:8080 1]" {
		t.Errorf("peers %s, notes %v", got, set.Notes)
	}
	if e.Status().Version != "1.41" || f.asked("/v1.41/containers/json") == 0 || f.asked("/v1.41/events") != 1 {
		t.Errorf("status %+v, requests %v: want version 1.41, which the engine has", e.Status(), f.paths)
	}
	f.events <- message("a1", "kill", "app", "web", "signal", "15")
	await(t, sub, "no peer after the kill", peers(0))
}

func TestGarbageFromTheEngineIsToldAndChangesNothing(t *testing.T) {
	good := "[" + summary("a1", "app", "web", "172.17.0.2") + "]"
	for name, garbage := range map[string]string{
		"no JSON":         "<html>bad gateway</html>",
		"no list":         `{"message":"hello"}`,
		"a torn list":     good[:len(good)-20],
		"a list of words": `["a","b"]`,
		"wrong types":     `[{"Id":1}]`,
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeServer(t)
			f.set(func(f *fakeServer) { f.list, f.bodies["a1"] = good, inspection("a1", "app", "web", "172.17.0.2") })
			e, sub := f.follow(t, "app=web")
			await(t, sub, "one peer", peers(1))
			f.set(func(f *fakeServer) { f.list = garbage })
			e.Look()
			set := await(t, sub, "the old picture, stale", func(s Set) bool { return s.Stale })
			if len(set.Peers) != 1 || !strings.Contains(set.Failure, "list containers") {
				t.Errorf("got %+v", set)
			}
			f.set(func(f *fakeServer) { f.list = good })
			await(t, sub, "the picture, fresh again", peers(1))
		})
	}
}

func TestEntriesOfNothingAreSkipped(t *testing.T) {
	f := newFakeServer(t)
	f.set(func(f *fakeServer) {
		f.list = `[null,{},{"Id":"b2","Labels":{"app":"web"},"State":"running"},{"Id":"c3","Labels":{"app":"web"},"State":"running","NetworkSettings":{"Networks":{"x":null}}},` +
			summary("a1", "app", "web", "172.17.0.2") + "]"
		f.bodies["a1"] = inspection("a1", "app", "web", "172.17.0.2")
		f.bodies["b2"] = `null`
		f.bodies["c3"] = `{"Id":"c3"}`
	})
	_, sub := f.follow(t, "app=web")
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
			f := newFakeServer(t)
			_, sub := f.follow(t, "app=web")
			await(t, sub, "no peer", peers(0))
			f.set(func(f *fakeServer) {
				f.list = "[" + summary("a1", "app", "web", "172.17.0.2") + "]"
				f.bodies["a1"] = inspection("a1", "app", "web", "172.17.0.2")
			})
			f.events <- garbage
			await(t, sub, "what the list has after it", peers(1))
		})
	}
}

func TestEventsOfAnyOrderEndAtTheTruth(t *testing.T) {
	f := newFakeServer(t)
	_, sub := f.follow(t, "app=web")
	await(t, sub, "no peer", peers(0))
	f.set(func(f *fakeServer) {
		f.list = "[" + summary("a1", "app", "web", "172.17.0.2") + "]"
		f.bodies["a1"] = inspection("a1", "app", "web", "172.17.0.2")
	})
	for _, action := range []string{"destroy", "die", "start", "health_status: healthy", "create", "unpause", "kill", "die", "stop", "nonsense", "start"} {
		f.events <- message("a1", action, "app", "web", "signal", "15")
		f.events <- message("gone", action, "app", "web", "signal", "9")
		f.events <- `{"Type":"network","Action":"connect","Actor":{"ID":"n0","Attributes":{"container":"a1"}}}`
		f.events <- `{"Type":"network","Action":"connect"}`
		f.events <- `{}`
	}
	if got := addrs(await(t, sub, "one peer", peers(1))); got != "[172.17.0.2:8080 1]" {
		t.Errorf("peers %s", got)
	}
}

func TestAHugeListInspectsOnlyWhatIsSelected(t *testing.T) {
	f := newFakeServer(t)
	const all, every = 2000, 200
	f.set(func(f *fakeServer) {
		var list []string
		for i := range all {
			value, id, ip := "other", fmt.Sprintf("c%d", i), fmt.Sprintf("172.17.%d.%d", i/250, i%250+2)
			if i%every == 0 {
				value = "web"
			}
			list = append(list, summary(id, "app", value, ip))
			f.bodies[id] = inspection(id, "app", value, ip)
		}
		f.list = "[" + strings.Join(list, ",") + "]"
	})
	e, sub := f.follow(t, "app=web")
	await(t, sub, "ten peers", peers(all/every))
	inspected := f.asked("/json") - f.asked("/containers/json")
	if inspected != all/every || e.Status().Containers != all {
		t.Errorf("inspected %d of %d containers, want %d", inspected, e.Status().Containers, all/every)
	}
	many := mustSubscribe(t, e, "app")
	await(t, many, "all as peers", peers(all))
	f.events <- message("c7", "kill", "app", "other", "signal", "9")
	await(t, many, "one less", peers(all-1))
	select {
	case set := <-sub.Sets():
		t.Errorf("a change of another upstream's container was told: %d peers", len(set.Peers))
	default:
	}
}

func TestAThousandUpstreamsShareOneEngine(t *testing.T) {
	f := newFakeServer(t)
	const n = 1000
	f.set(func(f *fakeServer) {
		var list []string
		for i := range n {
			id, ip := fmt.Sprintf("c%d", i), fmt.Sprintf("172.17.%d.%d", i/250, i%250+2)
			list = append(list, summary(id, "app", id, ip))
			f.bodies[id] = inspection(id, "app", id, ip)
		}
		f.list = "[" + strings.Join(list, ",") + "]"
	})
	e, first := f.follow(t, "app=c0")
	subs := []*Subscription{first}
	for i := 1; i < n; i++ {
		subs = append(subs, mustSubscribe(t, e, fmt.Sprintf("app=c%d", i)))
	}
	for _, sub := range subs {
		await(t, sub, "one peer", peers(1))
	}
	if lists := f.asked("/containers/json"); lists > 20 || f.asked("/events") != 1 {
		t.Errorf("%d lists and %d streams for %d upstreams", lists, f.asked("/events"), n)
	}
	f.events <- message("c500", "kill", "app", "c500", "signal", "9")
	await(t, subs[500], "no peer", peers(0))
	for i, sub := range subs {
		select {
		case set := <-sub.Sets():
			t.Errorf("upstream %d was told %v", i, set)
		default:
		}
	}
}
