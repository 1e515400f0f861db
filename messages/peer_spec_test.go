package messages

import (
	"slices"
	"testing"
)

func TestMergePeersHoldsEachAddressOnce(t *testing.T) {
	got := MergePeers([]PeerSpec{{"b:1", 2, 1}, {"a:1", 1, 0}, {"b:1", 3, 0}, {"c:1", 900, 2}, {"c:1", 900, 2}})
	want := []PeerSpec{{"b:1", 5, 0}, {"a:1", 1, 0}, {"c:1", MaxWeight, 2}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestAListCannotBeChangedFromOutside(t *testing.T) {
	items := []int{1, 2, 3}
	list := ListOf(items...)
	items[0] = 9
	list.Slice()[1] = 9
	if !EqualLists(list, ListOf(1, 2, 3)) {
		t.Errorf("the list became %v", list.Slice())
	}
}
