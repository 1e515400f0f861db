package nethttp_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

// The kinds of bodies, in the order of the marks in transports.
const (
	noBody      = "none"
	smallBody   = "small"
	bigBody     = "10MiB"
	unsizedBody = "unsized" // and with trailers both ways, where there are such
	eventsBody  = "events"  // each is sent when the one before arrived
)

func bodyKinds() []string { return []string{noBody, smallBody, bigBody, unsizedBody, eventsBody} }

// load is the content of a body, one way.
type load struct {
	bytes []byte
	hash  string
	text  string // of the same length, for messages of text
}

// loads holds the content of each kind of body, there and back: all differ.
var loads = sync.OnceValue(func() map[string]load {
	all := map[string]load{}
	for _, body := range bodyKinds() {
		for _, way := range []string{"there", "back"} {
			b := make([]byte, map[string]int{smallBody: 5, bigBody: 10 << 20, unsizedBody: 3<<20 + 1}[body])
			seed := sha256.Sum256([]byte(body + " " + way))
			_, _ = rand.NewChaCha8(seed).Read(b) // never fails
			all[body+" "+way] = load{b, hashOf(b), hex.EncodeToString(b)[:len(b)]}
		}
	}
	return all
})

// content returns the bytes that go in a body one way, "there" or "back".
func content(body, way string) []byte { return loads()[body+" "+way].bytes }

// wantHash is the hash of content.
func wantHash(body, way string) string { return loads()[body+" "+way].hash }

func hashOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

// hashAll reads to the end and returns the hash, or what went wrong.
func hashAll(r io.Reader) string {
	hash := sha256.New()
	if n, err := io.Copy(hash, r); err != nil {
		return fmt.Sprintf("%d bytes, then %v", n, err)
	}
	return hex.EncodeToString(hash.Sum(nil)[:8])
}

// events are what comes one by one.
const events = 3

func event(i int) string { return fmt.Sprint("event ", i) }

// allEvents is what a client has when all came, one by one.
func allEvents() string { return event(0) + "," + event(1) + "," + event(2) }

// release has the peer send one more event.
func (s *stage) release(t *testing.T, i int) bool {
	t.Helper()
	select {
	case s.visit.next <- event(i):
		return true
	case <-s.ctx.Done():
		t.Errorf("%s: the peer does not take it: %v", event(i), s.ctx.Err())
		return false
	}
}

// deadline is when the stage's time is over.
func (s *stage) deadline() time.Time {
	end, _ := s.ctx.Deadline()
	return end
}
