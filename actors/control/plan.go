package control

import (
	"cmp"
	"slices"

	"github.com/weirproxy/weir/messages"
)

// plan calls ensure for each upstream of desired that is new or differs, and
// remove for each of old that desired has no more. Both lists are walked side
// by side: with N upstreams of which one changed it looks at N and allocates
// nothing, as long as they are sorted by name, which is how they come.
func plan(old, desired messages.List[messages.UpstreamSpec], ensure func(messages.UpstreamSpec), remove func(name string)) {
	a, b := walkOf(old), walkOf(desired)
	for !a.done || !b.done {
		switch order := compare(&a, &b); {
		case order < 0:
			remove(a.head.Name)
			a.step()
		case order > 0:
			ensure(b.head)
			b.step()
		default:
			if !a.head.Equal(b.head) {
				ensure(b.head)
			}
			a.step()
			b.step()
		}
	}
}

// compare orders the heads of two walks by name; one that is done comes last.
func compare(a, b *walk) int {
	switch {
	case a.done:
		return 1
	case b.done:
		return -1
	}
	return cmp.Compare(a.head.Name, b.head.Name)
}

// walk goes through a list in the order of names. Of a name that is there twice
// only the last counts.
type walk struct {
	specs messages.List[messages.UpstreamSpec]
	// order are the indexes by name; nil = the list is sorted.
	order []int
	next  int
	// head is where the walk stands; with done it is over.
	head messages.UpstreamSpec
	done bool
}

// walkOf stands at the first spec.
func walkOf(specs messages.List[messages.UpstreamSpec]) walk {
	w := walk{specs: specs}
	if !isSorted(specs) {
		w.order = orderOf(specs)
	}
	w.step()
	return w
}

// step goes to the next spec.
func (w *walk) step() {
	at, n := w.next, w.specs.Len()
	if w.order != nil {
		n = len(w.order)
	}
	if w.done = at == n; w.done {
		return
	}
	w.next++
	if w.order != nil {
		at = w.order[at]
	}
	w.head = w.specs.At(at)
}

func isSorted(specs messages.List[messages.UpstreamSpec]) bool {
	last := ""
	for i := range specs.Len() {
		name := specs.At(i).Name
		if i > 0 && name <= last {
			return false
		}
		last = name
	}
	return true
}

// orderOf returns the indexes of specs in the order of names, each name once.
func orderOf(specs messages.List[messages.UpstreamSpec]) []int {
	names := make([]string, specs.Len())
	order := make([]int, specs.Len())
	for i := range order {
		names[i], order[i] = specs.At(i).Name, i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(names[i], names[j]) })
	once := order[:0]
	for n, i := range order {
		if n+1 == len(order) || names[order[n+1]] != names[i] {
			once = append(once, i)
		}
	}
	return once
}
