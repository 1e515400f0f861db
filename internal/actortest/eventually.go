package actortest

import (
	"testing"
	"time"
)

// Eventually polls until cond holds, and fails the test when it did not within
// 10 s. what completes the sentence "waited for ...". It is for states that
// nobody announces; where there is a message or a channel, wait for that.
func Eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatalf("waited 10s for %s", what)
		}
		<-tick.C
	}
}
