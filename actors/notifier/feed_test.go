package notifier

import (
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func ids(records []Record) []string {
	out := []string{}
	for _, r := range records {
		out = append(out, r.ID)
	}
	return out
}

// fill appends records with the ids from..to.
func fill(f *Feed, from, to int) {
	for i := from; i <= to; i++ {
		f.append(Record{ID: fmt.Sprint(i)})
	}
}

// waiting returns the ids that wait in a subscription.
func waiting(s *Subscription) []string {
	out := []string{}
	for len(s.C) > 0 {
		out = append(out, (<-s.C).ID)
	}
	return out
}

func TestAFeedKeepsTheLastRecords(t *testing.T) {
	for _, test := range []struct {
		name       string
		size, n, k int
		want       []string
	}{
		{"nothing yet", 3, 0, 5, []string{}},
		{"not full yet", 3, 2, 5, []string{"1", "2"}},
		{"full", 3, 3, 5, []string{"1", "2", "3"}},
		{"gone round", 3, 5, 5, []string{"3", "4", "5"}},
		{"gone round twice", 3, 7, 3, []string{"5", "6", "7"}},
		{"fewer asked for", 3, 5, 2, []string{"4", "5"}},
		{"none asked for", 3, 5, 0, []string{}},
		{"less than none", 3, 5, -1, []string{}},
		{"a size of nothing keeps one", 0, 5, 9, []string{"5"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := NewFeed(test.size)
			fill(f, 1, test.n)
			if diff := cmp.Diff(test.want, ids(f.Last(test.k))); diff != "" {
				t.Error(diff)
			}
			s := f.Subscribe(test.k)
			defer s.Close()
			if diff := cmp.Diff(test.want, waiting(s)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestASubscriptionGoesOnFromWhereItBegan(t *testing.T) {
	f := NewFeed(10)
	fill(f, 1, 3)
	s := f.Subscribe(2)
	defer s.Close()
	fill(f, 4, 5)
	if diff := cmp.Diff([]string{"2", "3", "4", "5"}, waiting(s)); diff != "" {
		t.Error(diff)
	}
}

func TestASlowSubscriberLosesItsOldestAndKnows(t *testing.T) {
	f := NewFeed(10)
	slow, other := f.Subscribe(0), f.Subscribe(0)
	defer slow.Close()
	defer other.Close()
	fill(f, 1, subscriptionRoom)
	if got := waiting(other); len(got) != subscriptionRoom {
		t.Fatalf("the other got %d", len(got))
	}
	if slow.Lost() != 0 {
		t.Errorf("lost %d while there was room", slow.Lost())
	}
	fill(f, subscriptionRoom+1, subscriptionRoom+10)
	got := waiting(slow)
	if len(got) != subscriptionRoom || got[0] != "11" || got[len(got)-1] != fmt.Sprint(subscriptionRoom+10) || slow.Lost() != 10 {
		t.Errorf("got %d from %s to %s, lost %d; want the latest %d and 10 lost", len(got), got[0], got[len(got)-1], slow.Lost(), subscriptionRoom)
	}
	if got := waiting(other); len(got) != 10 || other.Lost() != 0 {
		t.Errorf("the other got %d and lost %d", len(got), other.Lost())
	}
}

func TestAClosedSubscriptionGetsNoMore(t *testing.T) {
	f := NewFeed(10)
	s := f.Subscribe(0)
	fill(f, 1, 1)
	s.Close()
	s.Close()
	fill(f, 2, 2)
	var got []string
	for r := range s.C { // ends, because Close closed it
		got = append(got, r.ID)
	}
	if diff := cmp.Diff([]string{"1"}, got); diff != "" {
		t.Error(diff)
	}
	if len(f.subs) != 0 {
		t.Errorf("%d subscriptions are left", len(f.subs))
	}
}

func TestAFeedIsForManyGoroutines(t *testing.T) {
	f := NewFeed(10)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				s := f.Subscribe(5)
				f.append(Record{})
				<-s.C
				f.Last(3)
				s.Close()
			}
		})
	}
	all.Wait()
}
