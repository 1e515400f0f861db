package socket

import (
	"errors"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// Without the right to turn clients away a listener is closed nonetheless, those in
// its queue first.
func TestWhoMayNotTurnAwayLeaves(t *testing.T) {
	for _, share := range []bool{false, true} {
		l := mustListen(t, ListenConfig{Addr: "127.0.0.1:0", ReusePort: share})
		begin(t, l)
		served, done := answering(t, l, "1")
		const clients = 20
		for range clients {
			if _, err := ask("tcp", l.Addr().String()); err != nil {
				t.Fatal(err)
			}
		}
		told, closed := make(chan error), make(chan error)
		go func() {
			withoutRights(t) // in this thread, which ends with the goroutine
			told <- TurnsAway()
			closed <- l.CloseGracefully(t.Context())
		}()
		if err := <-told; err != nil && !errors.Is(err, errNoRight) { // a kernel may not care
			t.Error(err)
		}
		if err := <-closed; err != nil {
			t.Errorf("share %t: %v", share, err)
		}
		if done(); served.Load() != clients {
			t.Errorf("%d were served, want %d", served.Load(), clients)
		}
	}
}

func withoutRights(t *testing.T) {
	runtime.LockOSThread()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	if err := unix.Capset(&header, &none[0]); err != nil {
		t.Errorf("give rights up: %v", err)
	}
}
