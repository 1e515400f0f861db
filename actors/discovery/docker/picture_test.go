package docker

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func ignore(map[string]string) {}

func TestTheLookThatBeganLastIsBelieved(t *testing.T) {
	p := newPicture(ignore)
	early, late := p.next(), p.next()
	sick := fresh("a", 0, "app", "web")
	sick.health = "unhealthy"
	p.listed([]*container{fresh("a", 0, "app", "web")}, late)
	p.take(sick, early)
	if why := p.containers["a"].why(); why != "" {
		t.Errorf("an inspection that began earlier is believed: %s", why)
	}
	bare := fresh("a", 0, "app", "web")
	bare.details = nil
	p.containers["a"] = bare
	p.take(sick, early)
	if c := p.containers["a"]; c.why() != "" || c.details == nil {
		t.Errorf("of an inspection that began earlier the details are wanted, and nothing else: %+v", c)
	}
	p.listed(nil, early)
	if p.containers["a"] == nil {
		t.Error("a list that began earlier took the container away")
	}
	p.gone("a", late)
	if p.containers["a"] != nil || len(p.byLabel) != 0 {
		t.Error("a container that is gone is kept")
	}
}

func TestALookThatBeganBeforeTheKillDoesNotEndItsMark(t *testing.T) {
	exited := fresh("a", 0, "app", "web")
	exited.state = "exited"
	for name, look := range map[string]func(p *picture, begun uint64){
		"a list of an earlier death": func(p *picture, begun uint64) { p.listed([]*container{exited}, begun) },
		"a list without it":          func(p *picture, begun uint64) { p.listed(nil, begun) },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPicture(ignore)
			before := p.next()
			p.killed("a", sigterm, 0, someTime())
			look(p, before)
			if p.marks["a"] == nil {
				t.Error("the mark is gone, though the look may have been earlier than the signal")
			}
			look(p, p.next())
			if p.marks["a"] != nil {
				t.Error("the mark stays though the container died")
			}
		})
	}
}

func TestMarksOfContainersThatAreNotKnownYet(t *testing.T) {
	for name, tt := range map[string]struct {
		signal, stop int
		leaving      bool
	}{
		"its stop signal":         {parseSignal("USR1"), parseSignal("USR1"), true},
		"not its stop signal":     {sigterm, parseSignal("USR1"), false},
		"SIGKILL, whatever it is": {sigkill, parseSignal("USR1"), true},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPicture(ignore)
			p.killed("a", tt.signal, 10, someTime()) // before the list and the inspection
			if got, _ := p.marks["a"].leaving(nil, someTime()); got != (tt.signal == sigterm || tt.signal == sigkill) {
				t.Errorf("before its stop signal is known, leaving: %v", got)
			}
			c := fresh("a", 0, "app", "web")
			c.details.stopSignal = tt.stop
			p.listed([]*container{c}, p.next())
			if got, _ := p.marks["a"].leaving(c.details, someTime()); got != tt.leaving {
				t.Errorf("leaving: %v", got)
			}
			if p.expire(someTime()); !tt.leaving && p.marks["a"] != nil {
				t.Error("a signal that means nothing is kept")
			}
		})
	}
	p := newPicture(ignore)
	p.killed("never-seen", parseSignal("HUP"), 0, someTime())
	if p.expire(someTime().Add(time.Hour)); len(p.marks) != 0 {
		t.Error("signals of containers that never came are kept for ever")
	}
}

func TestALeavingContainerOfAnyStopTimeout(t *testing.T) {
	for name, tt := range map[string]struct {
		timeout, after time.Duration
		leaving        bool
	}{
		"the default, before":  {defaultStopTimeout, 20*time.Second - 1, true},
		"the default, after":   {defaultStopTimeout, 20 * time.Second, false},
		"five minutes, before": {5 * time.Minute, 5*time.Minute + 9*time.Second, true},
		"five minutes, after":  {5 * time.Minute, 5*time.Minute + 11*time.Second, false},
		"none, before":         {0, 9 * time.Second, true},
		"none, after":          {0, 11 * time.Second, false},
		"for ever":             {-time.Second, 1000 * time.Hour, true},
	} {
		t.Run(name, func(t *testing.T) {
			c := fresh("a", 0)
			c.details.stopTimeout = tt.timeout
			p := newPicture(ignore)
			p.listed([]*container{c}, p.next())
			p.killed("a", sigterm, 10, someTime())
			if got, _ := p.marks["a"].leaving(c.details, someTime().Add(tt.after)); got != tt.leaving {
				t.Errorf("leaving after %v: %v", tt.after, got)
			}
		})
	}
}

func TestAKillIsToldAtOnceWhileOthersAreInspected(t *testing.T) {
	inBubble(t, plain(), func(t *testing.T, e *Engine, f *fakeEngine, start func()) {
		f.has(fresh("a", 0, "app", "web"))
		f.has(fresh("b", 1, "app", "web"))
		sub, other := mustSubscribe(t, e, "app=web"), mustSubscribe(t, e, "app=db")
		start()
		settle(sub, 0)
		settle(other, 0)
		f.hangs["slow"], f.hangs["slow-too"] = true, true
		f.has(fresh("slow", 2, "app", "web"))
		f.has(fresh("slow-too", 3, "app", "db"))
		f.says("slow", "start")
		pass(60 * time.Millisecond) // the list is read, the inspections hang
		f.says("a", "kill", "15")
		if set, ok := settle(sub, 0); !ok || addrs(set) != "[172.17.0.3:8080 1]" {
			t.Errorf("at the instant of the kill: %v %v", set, ok)
		}
		if set, ok := settle(other, 0); ok {
			t.Errorf("another upstream was told before its inspection: %v", set)
		}
	})
}

func TestASubscriptionWaitsForALookThatBeganAfterIt(t *testing.T) {
	inBubble(t, plain(), func(t *testing.T, e *Engine, f *fakeEngine, start func()) {
		start()
		synctest.Wait()
		f.has(fresh("a", 0, "other", "x")) // nobody selects it, so its event does not count
		f.says("a", "start")
		pass(second)
		sub := mustSubscribe(t, e, "other")
		if len(sub.Sets()) != 0 {
			t.Errorf("told of the old picture: %v", <-sub.Sets())
		}
		if set, ok := settle(sub, 0); !ok || addrs(set) != "[172.17.0.2:8080 1]" {
			t.Errorf("got %v %v", set, ok)
		}
		again := mustSubscribe(t, e, "other=x")
		select { // what is known is told at once
		case set := <-again.Sets():
			if len(set.Peers) != 1 {
				t.Errorf("got %v", set)
			}
		default:
			t.Error("who selects what is known waits")
		}
	})
}

func TestAChangeThatChangesNoPeerIsNotTold(t *testing.T) {
	inBubble(t, plain(), func(t *testing.T, e *Engine, f *fakeEngine, start func()) {
		f.has(fresh("a", 0, "app", "web"))
		sub := mustSubscribe(t, e, "app")
		start()
		settle(sub, 0)
		renamed := fresh("a", 0, "app", "web")
		renamed.name = "other"
		f.has(renamed)
		f.says("a", "rename")
		if set, ok := settle(sub, second); ok {
			t.Errorf("told %v", set)
		}
	})
}

func TestWhoIsNotEnabledDoesNotJoinAnUpstreamOfLabels(t *testing.T) {
	inBubble(t, plain(), func(t *testing.T, e *Engine, f *fakeEngine, start func()) {
		f.has(fresh("a", 0, labelUpstream, "web"))
		f.has(asking("b", 1, labelUpstream, "web"))
		sub := mustSubscribe(t, e, "weir.upstream=web")
		start()
		if set, ok := settle(sub, 0); !ok || addrs(set) != "[172.17.0.3:8080 1]" || len(set.Notes) != 0 {
			t.Errorf("got %v %v", set, ok)
		}
	})
}

func TestWhoUsesAnothersNetworkMovesWithIt(t *testing.T) {
	inBubble(t, plain(), func(t *testing.T, e *Engine, f *fakeEngine, start func()) {
		f.has(fresh("vpn", 0))
		guest := fresh("guest", 1, "app", "web")
		guest.networkMode, guest.networks = "container:vpn", nil
		f.has(guest)
		sub := mustSubscribe(t, e, "app")
		start()
		if set, ok := settle(sub, 0); !ok || addrs(set) != "[172.17.0.2:8080 1]" {
			t.Fatalf("got %v %v", set, ok)
		}
		f.has(fresh("vpn", 7)) // at another address
		f.says("vpn", "start")
		if set, ok := settle(sub, second); !ok || addrs(set) != "[172.17.0.9:8080 1]" {
			t.Errorf("got %v %v", set, ok)
		}
		f.lacks("vpn")
		f.says("vpn", "die")
		if set, ok := settle(sub, second); !ok || !strings.Contains(set.Faults(), errJoined.Error()) {
			t.Errorf("got %v %v", set, ok)
		}
	})
}
