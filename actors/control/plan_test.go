package control

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/messages"
)

func listOf(specs ...messages.UpstreamSpec) messages.List[messages.UpstreamSpec] {
	return messages.ListOf(specs...)
}

// named returns a spec; another limit makes it another one.
func named(name string, limit int) messages.UpstreamSpec {
	return messages.UpstreamSpec{Name: name, Limits: messages.Limits{MaxRequests: limit}}
}

func steps(old, desired messages.List[messages.UpstreamSpec]) []string {
	var told []string
	plan(old, desired, func(s messages.UpstreamSpec) {
		told = append(told, fmt.Sprintf("+%s %d", s.Name, s.Limits.MaxRequests))
	},
		func(name string) { told = append(told, "-"+name) })
	slices.Sort(told)
	return told
}

func TestAPlanNamesWhatDiffersWhateverTheOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		was, is := map[string]int{}, map[string]int{}
		var old, desired []messages.UpstreamSpec
		add := func(specs *[]messages.UpstreamSpec, known map[string]int) {
			s := named(fmt.Sprint(random.IntN(8)), random.IntN(3)) // a name may come twice: the last counts
			known[s.Name] = s.Limits.MaxRequests
			*specs = append(*specs, s)
		}
		for range random.IntN(8) {
			add(&old, was)
		}
		for range random.IntN(8) {
			add(&desired, is)
		}
		if random.IntN(2) == 0 {
			byName := func(a, b messages.UpstreamSpec) int { return strings.Compare(a.Name, b.Name) }
			slices.SortStableFunc(old, byName)
			slices.SortStableFunc(desired, byName)
		}
		var want []string
		for name, limit := range is {
			if before, known := was[name]; !known || before != limit {
				want = append(want, fmt.Sprintf("+%s %d", name, limit))
			}
		}
		for name := range was {
			if _, known := is[name]; !known {
				want = append(want, "-"+name)
			}
		}
		slices.Sort(want)
		if diff := cmp.Diff(want, steps(listOf(old...), listOf(desired...))); diff != "" {
			t.Fatalf("from %v to %v (-want +got):\n%s", was, is, diff)
		}
	}
}

func TestAPlanOfSortedListsAllocatesNothing(t *testing.T) {
	var specs []messages.UpstreamSpec
	for i := range 1000 {
		specs = append(specs, named(fmt.Sprintf("u%04d", i), 0))
	}
	old := listOf(specs...)
	specs[500].Limits.MaxRequests = 7
	desired := listOf(specs...)
	changed := 0
	ensure, remove := func(messages.UpstreamSpec) { changed++ }, func(string) {}
	if n := testing.AllocsPerRun(10, func() { plan(old, desired, ensure, remove) }); n != 0 {
		t.Errorf("%v allocations for one change among 1000, want none", n)
	}
	if changed != 11 { // AllocsPerRun runs it once more
		t.Errorf("one upstream was ensured %d times in 11 runs", changed)
	}
}
