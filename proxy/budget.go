package proxy

import (
	"sync"
	"sync/atomic"
	"time"
)

// budgetSeconds is the length of the window that a retry budget looks back on.
const budgetSeconds = 10

// budget bounds how many attempts of an upstream are repeats, so that retries
// cannot multiply the load of an outage: in any budgetSeconds at most a share
// of the requests and some a second besides. The window slides by whole
// seconds. After Finagle's RetryBudget, which counts the same in a bucket.
//
// The zero budget is ready. request is called for each request, without a
// lock; spend is rare.
type budget struct {
	requests [budgetSeconds]secondCount
	mu       sync.Mutex
	repeats  [budgetSeconds]struct{ second, n int64 }
}

// secondCount counts what happened in one second: the second in the upper
// half, the count in the lower, so that both change at once.
type secondCount struct{ packed atomic.Uint64 }

// request notes a request at now.
func (b *budget) request(now time.Time) {
	second := now.Unix()
	slot := &b.requests[second%budgetSeconds].packed
	for {
		old := slot.Load()
		if uint32(old>>32) == uint32(second) {
			slot.Add(1)
			return
		}
		if slot.CompareAndSwap(old, uint64(uint32(second))<<32|1) {
			return
		}
	}
}

// spend takes one repeat out of the budget, if there is one left.
func (b *budget) spend(now time.Time, percent, perSecond int) bool {
	second := now.Unix()
	var requests int64
	for i := range b.requests {
		if packed := b.requests[i].packed.Load(); recent(second, int64(packed>>32)) {
			requests += int64(uint32(packed))
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var repeats int64
	for _, r := range b.repeats {
		if recent(second, r.second) {
			repeats += r.n
		}
	}
	if repeats >= requests*int64(percent)/100+int64(perSecond)*budgetSeconds {
		return false
	}
	slot := &b.repeats[second%budgetSeconds]
	if slot.second != second {
		slot.second, slot.n = second, 0
	}
	slot.n++
	return true
}

// recent tells whether then lies in the window that ends with now.
func recent(now, then int64) bool { return then <= now && then > now-budgetSeconds }
