package config

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// content stands for files with this text.
func content(text string) Sources {
	s := Sources{path: "x", files: []source{{name: "x", pattern: -1, text: []byte(text)}}}
	s.hash = s.sum()
	return s
}

// TestWhatAWatcherReports gives a watcher a content that changes as time goes
// by, in a bubble, and notes what it reports when.
func TestWhatAWatcherReports(t *testing.T) {
	gone := errors.New("gone")
	type change struct {
		at   time.Duration
		text string
		err  error
	}
	for _, test := range []struct {
		name    string
		changes []change
		want    []string
	}{
		{"nothing changes", nil, nil},
		{"a change, once", []change{{500 * time.Millisecond, "b", nil}}, []string{"1.2s b"}},
		{"one that comes back before anybody looked", []change{{100 * time.Millisecond, "b", nil}, {900 * time.Millisecond, "a", nil}}, nil},
		{"one that comes back before it settled", []change{{900 * time.Millisecond, "b", nil}, {1100 * time.Millisecond, "a", nil}}, nil},
		{
			"a file that is being written is reported when it stays the same",
			[]change{{900 * time.Millisecond, "b", nil}, {1100 * time.Millisecond, "bb", nil}, {1300 * time.Millisecond, "bbb", nil}},
			[]string{"1.6s bbb"},
		},
		{"each of two changes", []change{{0, "b", nil}, {2 * time.Second, "c", nil}}, []string{"1.2s b", "2.4s c"}},
		{"a change and its undoing", []change{{0, "b", nil}, {2 * time.Second, "a", nil}}, []string{"1.2s b", "2.4s a"}},
		{"a file that is away for a moment", []change{{900 * time.Millisecond, "", gone}, {1500 * time.Millisecond, "a", nil}}, nil},
		{"a file that comes back as another", []change{{900 * time.Millisecond, "", gone}, {1500 * time.Millisecond, "b", nil}}, []string{"2.2s b"}},
		{"a file that stays away, once", []change{{900 * time.Millisecond, "", gone}}, []string{"2s gone"}},
		{
			"a file that was away for long is reported though it is the same",
			[]change{{900 * time.Millisecond, "", gone}, {5500 * time.Millisecond, "a", nil}, {7500 * time.Millisecond, "", gone}},
			[]string{"2s gone", "6.2s a", "9.2s gone"},
		},
		{
			"the other error is reported, too",
			[]change{{900 * time.Millisecond, "", gone}, {3500 * time.Millisecond, "", os.ErrPermission}},
			[]string{"2s gone", "4s permission denied"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				w := NewWatcher(content("a"))
				w.read = func(Sources) (Sources, error) {
					now := change{text: "a"}
					for _, c := range test.changes {
						if time.Since(begun) >= c.at {
							now = c
						}
					}
					return content(now.text), now.err
				}
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				go w.Run(ctx)
				var got []string
				for r := range w.Readings() {
					what := fmt.Sprint(r.Err)
					if r.Err == nil {
						what = string(r.Sources.files[0].text)
					}
					got = append(got, fmt.Sprintf("%v %s", time.Since(begun), what))
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("reports (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestAWatcherEndsWhileNobodyReceives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWatcher(content("a"))
		w.Interval, w.Settle = time.Minute, time.Second
		w.read = func(Sources) (Sources, error) { return content("b"), nil }
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); w.Run(ctx) }()
		time.Sleep(61 * time.Second) // of the bubble: it stands at its report now
		synctest.Wait()
		cancel()
		<-done
		if r, open := <-w.Readings(); open {
			t.Errorf("got %+v", r)
		}
	})
}

// TestAWatcherSeesRealFiles changes files in the ways that people and tools do.
func TestAWatcherSeesRealFiles(t *testing.T) {
	tree(t, map[string]string{"..1/weir.yaml": includesAll, "..1/conf.d/a.yaml": "upstreams: {a: {addrs: [x]}}", "..2/weir.yaml": includesAll + "#"})
	link := func(to string) { // as the kubelet does
		if err := os.Symlink(to, "..tmp"); err != nil {
			t.Error(err)
		}
		rename(t, "..tmp", "current")
	}
	link("..1")
	running := mustRead(t, "current/weir.yaml")
	w := NewWatcher(running)
	w.Interval, w.Settle = 5*time.Millisecond, time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); w.Run(ctx) }()
	defer func() { cancel(); <-done }()
	next := func(what string, want func(Reading) bool) {
		t.Helper()
		deadline := time.After(30 * time.Second)
		for {
			select {
			case r := <-w.Readings():
				if want(r) {
					return
				}
			case <-deadline:
				t.Fatalf("%s: not reported", what)
			}
		}
	}
	has := func(files int) func(Reading) bool {
		return func(r Reading) bool { return r.Err == nil && len(r.Sources.Files()) == files }
	}
	put(t, "..1/conf.d/b.yaml", "# new")
	next("a new file", has(3))
	put(t, "tmp", "# newer")
	rename(t, "tmp", "..1/conf.d/b.yaml")
	next("a renamed file", func(r Reading) bool { return has(3)(r) && string(r.Sources.files[2].text) == "# newer" })
	link("..2")
	next("a swapped link", has(1))
	remove(t, "current")
	next("a file that vanished", func(r Reading) bool { return errors.Is(r.Err, os.ErrNotExist) })
	link("..1")
	next("a file that is there again", has(3))
}
