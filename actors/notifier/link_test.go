package notifier

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAfterAFailureOneIsTriedAtATimeEverMoreSeldom(t *testing.T) {
	bubble(t, OutboxConfig{Retry: time.Second, RetryMax: 4 * time.Second}, func(t *testing.T, b *running) {
		tries := []time.Duration{}
		begin := time.Now()
		b.stream.set(func(s *fakeStream) {
			s.fate = func() fate { tries = append(tries, time.Since(begin)); return refuses }
		})
		synctest.Wait()
		b.flip("p")
		synctest.Wait()
		b.flip("q")
		b.pass(16 * time.Second)
		synctest.Wait()
		want := []time.Duration{0, 1 * time.Second, 3 * time.Second, 7 * time.Second, 11 * time.Second, 15 * time.Second}
		if diff := cmp.Diff(want, tries); diff != "" {
			t.Errorf("tried at (-want +got): %s", diff)
		}
		b.stream.set(func(s *fakeStream) { s.fate = nil })
		b.want(t, "a change has it try at once", &b.stream.stored, "1 late", "2 late")
	})
}

func TestAHiccupIsNotLogged(t *testing.T) {
	bubble(t, OutboxConfig{}, func(t *testing.T, b *running) {
		b.stream.set(func(s *fakeStream) { s.away = true })
		b.flip("p")
		b.pass(900 * time.Millisecond)
		b.stream.set(func(s *fakeStream) { s.away = false })
		b.want(t, "stored", &b.stream.stored, "1 late")
		b.pass(time.Minute)
		if log := b.w.log.String(); log != "" {
			t.Errorf("logged: %s", log)
		}
	})
}

func TestWhatFailsTogetherIsOneFailure(t *testing.T) {
	bubble(t, OutboxConfig{Retry: time.Second, RetryMax: time.Hour}, func(t *testing.T, b *running) {
		b.stream.set(func(s *fakeStream) { s.held, s.fate = true, func() fate { return refuses } })
		for i := range 8 {
			b.flip(fmt.Sprint("p", i))
		}
		synctest.Wait()
		b.stream.quietly(func(s *fakeStream) { s.held, s.fate = false, nil })
		for range 8 {
			b.stream.answer(0)
		}
		b.pass(time.Second)
		synctest.Wait()
		if n := len(b.stream.details(&b.stream.stored)); n != 8 {
			t.Errorf("%d of 8 are stored after one pause", n)
		}
	})
}

func TestWhatIsAlwaysRefusedDoesNotStopTheOthers(t *testing.T) {
	bubble(t, OutboxConfig{}, func(t *testing.T, b *running) {
		b.o.deps.Store = func(subject string, header map[string]string, body []byte, done func(bool, error)) error {
			if strings.HasSuffix(subject, ".bad") {
				go done(false, errRefused)
				return nil
			}
			return b.stream.store(subject, header, body, done)
		}
		b.flip("bad")
		b.flip("bad")
		b.flip("p")
		b.flip("q")
		b.pass(time.Minute)
		b.want(t, "stored", &b.stream.stored, "3 late", "4 late")
		b.flip("p")
		b.want(t, "live", &b.stream.live, "2", "3", "4", "3 late", "4 late", "5")
		b.pass(time.Minute)
		b.want(t, "stored at last", &b.stream.stored, "3 late", "4 late", "5 late")
	})
}
