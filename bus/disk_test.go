package bus_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/weirproxy/weir/bus"
	"github.com/weirproxy/weir/internal/actortest"
	"github.com/weirproxy/weir/internal/part"
)

// fill takes all space of a file system, and returns how to give it back.
func fill(t *testing.T, dir string) (free func()) {
	t.Helper()
	path := filepath.Join(dir, "fill")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 4096); err == nil; {
		_, err = f.Write(block)
	}
	return func() {
		if err := os.Remove(path); err != nil {
			t.Error(err)
		}
	}
}

// small bounds events so that they fit on a small disk.
func small(dir string) func(*bus.Config) {
	return func(c *bus.Config) { c.Dir, c.Events.MaxBytes = dir, 4<<20 }
}

func TestAFullDiskAtTheFirstStart(t *testing.T) {
	dir := part.Tmpfs(t, 40<<20)
	free := fill(t, dir)
	startsWithoutSpace(t, dir, free)
}

func TestAFullDiskAtALaterStart(t *testing.T) {
	dir := part.Tmpfs(t, 40<<20)
	b := ready(t, start(t, small(dir)))
	store(t, b, "weir.evt.x", "before")
	stop(t, b)
	startsWithoutSpace(t, dir, fill(t, dir))
	b = ready(t, start(t, small(dir)))
	same(t, rest(t, replay(t, b, bus.ReplayRequest{})), []string{"before", "1"})
}

// startsWithoutSpace starts on a full disk and makes room later.
func startsWithoutSpace(t *testing.T, dir string, free func()) {
	t.Helper()
	b := start(t, small(dir))
	problem(t, b, "events are not stored", "no space left", filepath.Join(dir, "nats"))
	live := connect(t, b).subscribe("weir.evt.>")
	if err := b.Publish("weir.evt.x", nil, []byte("live")); err != nil {
		t.Fatal(err)
	}
	if msg := next(t, live); string(msg.Data) != "live" {
		t.Errorf("got %s", msg.Data)
	}
	if err := b.Store("weir.evt.x", nil, nil, func(bool, error) {}); !errors.Is(err, bus.ErrNoStream) {
		t.Errorf("store: %v, want %v", err, bus.ErrNoStream)
	}
	free()
	well(t, b)
	store(t, b, "weir.evt.x", "1")
	_ = fails(t, bus.Config{Dir: dir, Events: bus.Events{MaxBytes: 4 << 20}}, bus.ErrLocked)
	stop(t, b)
}

func TestADiskThatGetsFull(t *testing.T) {
	dir := part.Tmpfs(t, 40<<20)
	b := ready(t, start(t, small(dir)))
	conn, err := nats.Connect(b.ClientURL(), nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	live, err := conn.SubscribeSync("weir.evt.>")
	if err != nil || conn.Flush() != nil {
		t.Fatal("cannot subscribe")
	}
	store(t, b, "weir.evt.x", "before")
	next(t, live)
	for _, id := range []string{"after", "after the second time"} {
		free := fill(t, dir)
		// What fits into a page that is allocated already is still stored.
		for uncertain := false; !uncertain; {
			got := make(chan outcome, 1)
			err := b.Store("weir.evt.full", nil, make([]byte, 3000), func(d bool, err error) { got <- outcome{d, err} })
			switch {
			case errors.Is(err, bus.ErrNoStream):
				uncertain = true
			case err != nil:
				t.Fatal(err)
			default:
				uncertain = errors.Is(await(t, got).err, bus.ErrUncertain)
			}
		}
		problem(t, b, "events are not stored", "no space left", filepath.Join(dir, "nats"))
		if b.StoreReady() || !b.Connected() {
			t.Errorf("ready %v, connected %v", b.StoreReady(), b.Connected())
		}
		if err := b.Publish("weir.evt.live", nil, nil); err != nil {
			t.Fatal(err)
		}
		for msg := next(t, live); msg.Subject != "weir.evt.live"; msg = next(t, live) {
		}
		free()
		well(t, b)
		actortest.Eventually(t, "the client to come back", func() bool { return conn.IsConnected() && conn.Flush() == nil })
		store(t, b, "weir.evt.x", id)
	}
	for msg := next(t, live); string(msg.Data) != "after the second time"; msg = next(t, live) {
	}
	ids := rest(t, replay(t, b, bus.ReplayRequest{}))
	if ids[0] != "before" {
		t.Errorf("what was stored is lost: %q", ids)
	}
}

func TestAStoreThatMayNotBeWrittenIsAnError(t *testing.T) {
	dir := part.Tmpfs(t, 1<<20)
	if text, err := exec.Command("mount", "-o", "remount,ro", dir).CombinedOutput(); err != nil {
		t.Fatalf("remount: %v: %s", err, text)
	}
	mentions(t, fails(t, bus.Config{Dir: dir}, bus.ErrStore), filepath.Join(dir, "nats"), "read-only")
}
