package proxy

import "time"

// wait is a Done that is also closed when a time is over. It costs a goroutine,
// which end ends.
type wait struct {
	done   chan struct{}
	ended  chan struct{}
	joined chan struct{}
}

// newWait returns a wait for gone (nil = never) or for d to be over.
func newWait(gone <-chan struct{}, d time.Duration) *wait {
	w := &wait{done: make(chan struct{}), ended: make(chan struct{}), joined: make(chan struct{})}
	go w.run(gone, d)
	return w
}

func (w *wait) run(gone <-chan struct{}, d time.Duration) {
	defer close(w.joined)
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-gone:
	case <-timer.C:
	case <-w.ended:
		return
	}
	close(w.done)
}

// end stops the goroutine and waits for it.
func (w *wait) end() {
	close(w.ended)
	<-w.joined
}
