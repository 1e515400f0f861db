package balance

import (
	"cmp"
	"slices"
)

const (
	// scheduleBound is the length up to which a schedule gives every peer its
	// exact share.
	scheduleBound = 1 << 16
	// scheduleRoom is how many entries per peer a schedule may have at least,
	// so that small weights are not rounded away among very many peers.
	scheduleRoom = 16
)

// newSchedule returns a round of indexes in which index i comes up as often as
// its weight says, spread as evenly as possible ("smooth").
//
// The weights are divided by their greatest common divisor; their sum L is the
// length of the round. When L exceeds the bound, max(scheduleBound,
// scheduleRoom x peers), the weights are scaled to it by largest remainders
// (Hamilton's method), each at least 1: the share of a peer is then off by less
// than one entry of the round, or is one entry if it deserves less.
//
// Order: peers of equal weight w form a class of m peers that is due m x w times
// a round, and takes its peers in turn; the j-th entry of a class is due at
// (j + 1/2) L / (m w), and the schedule is the entries of all classes by due time
// (earliest deadline first), the heavier class first in a tie. So equal
// weights make a plain round robin, and a peer's entries lie L/w apart but for
// the shifts that other classes cause. Time O(L log classes).
func newSchedule(weights []uint32) []uint32 {
	if len(weights) == 0 {
		return nil
	}
	weights, length := reduceWeights(weights)
	classes := classesOf(weights)
	schedule := make([]uint32, 0, length)
	for uint64(len(schedule)) < length {
		// The root of the heap is the class that is due first.
		top := &classes[0]
		schedule = append(schedule, top.members[top.taken%uint64(len(top.members))])
		top.taken++
		siftDown(classes)
	}
	return schedule
}

// class is the peers of one weight.
type class struct {
	members []uint32
	load    uint64 // weight x members: entries per round
	taken   uint64 // entries so far
}

// due tells whether a's next entry comes before b's: (taken + 1/2) / load compared without division.
func (a *class) due(b *class) bool {
	x, y := (2*a.taken+1)*b.load, (2*b.taken+1)*a.load
	if x != y {
		return x < y
	}
	return a.load > b.load
}

func classesOf(weights []uint32) []class {
	byWeight := map[uint32]int{}
	var classes []class
	for i, w := range weights {
		at, ok := byWeight[w]
		if !ok {
			at = len(classes)
			byWeight[w] = at
			classes = append(classes, class{})
		}
		classes[at].members = append(classes[at].members, uint32(i))
		classes[at].load += uint64(w)
	}
	// At the start the heaviest is due first; a sorted slice is a heap.
	slices.SortStableFunc(classes, func(a, b class) int { return cmp.Compare(b.load, a.load) })
	return classes
}

// siftDown restores the heap after its root was taken.
func siftDown(heap []class) {
	for i := 0; ; {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(heap); child++ {
			if heap[child].due(&heap[least]) {
				least = child
			}
		}
		if least == i {
			return
		}
		heap[i], heap[least] = heap[least], heap[i]
		i = least
	}
}

// reduceWeights returns the weights as entries per round, and their sum.
func reduceWeights(weights []uint32) ([]uint32, uint64) {
	var divisor, sum uint64
	for _, w := range weights {
		divisor = gcd(divisor, uint64(w))
		sum += uint64(w)
	}
	bound := uint64(max(scheduleBound, scheduleRoom*len(weights)))
	if sum/divisor > bound {
		return scaleWeights(weights, sum, bound)
	}
	reduced := make([]uint32, len(weights))
	for i, w := range weights {
		reduced[i] = w / uint32(divisor)
	}
	return reduced, sum / divisor
}

// scaleWeights scales weights to a sum of about bound: rounded down, at least
// 1, then one more for the largest remainders until the bound is reached.
func scaleWeights(weights []uint32, sum, bound uint64) ([]uint32, uint64) {
	scaled := make([]uint32, len(weights))
	rests := make([]uint64, 0, len(weights)) // remainder, then index
	var total uint64
	for i, w := range weights {
		exact := uint64(w) * bound
		scaled[i] = uint32(max(exact/sum, 1))
		total += uint64(scaled[i])
		if exact >= sum {
			rests = append(rests, exact%sum<<24|uint64(i))
		}
	}
	slices.SortFunc(rests, func(a, b uint64) int { return cmp.Compare(b>>24, a>>24) })
	for _, rest := range rests {
		if total >= bound {
			break
		}
		scaled[rest&(1<<24-1)]++
		total++
	}
	return scaled, total
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
