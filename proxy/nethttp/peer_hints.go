package nethttp

import (
	"sync"

	"github.com/weirproxy/weir/proxy"
)

// hints passes informational responses on. Over HTTP/2 they come from the one
// goroutine that reads for all streams of a connection; a client that takes its
// time must not hold it up, so another goroutine tells the client.
type hints struct {
	mu      sync.Mutex
	client  proxy.ClientStream // nil = is not to be told any more
	queue   []hint
	telling chan struct{} // closed when the goroutine ends; nil = there is none
}

// hint is one informational response.
type hint struct {
	status int
	fields proxy.Fields
}

// tell tells the client before it returns.
func (h *hints) tell(one hint) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.client == nil {
		return errEnded
	}
	return h.client.Informational(one.status, &one.fields)
}

// tellLater has the client told, in order.
func (h *hints) tellLater(one hint) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.client == nil {
		return errEnded
	}
	h.queue = append(h.queue, one)
	if h.telling == nil {
		h.telling = make(chan struct{})
		go h.tellAll(h.client, h.telling)
	}
	return nil
}

// tellAll ends when nothing is left to tell; flush and forget wait for it.
func (h *hints) tellAll(client proxy.ClientStream, done chan struct{}) {
	defer close(done)
	for {
		h.mu.Lock()
		if len(h.queue) == 0 {
			h.telling = nil
			h.mu.Unlock()
			return
		}
		one := h.queue[0]
		h.queue = h.queue[1:]
		h.mu.Unlock()
		// That it fails says that the client is gone; this shows elsewhere too.
		_ = client.Informational(one.status, &one.fields)
	}
}

// flush returns when the client was told all, and will not be told more.
func (h *hints) flush() { h.finish(false) }

// forget is flush without what was not begun to be told.
func (h *hints) forget() { h.finish(true) }

func (h *hints) finish(drop bool) {
	h.mu.Lock()
	h.client = nil
	if drop {
		h.queue = nil
	}
	telling := h.telling
	h.mu.Unlock()
	if telling != nil {
		<-telling
	}
}
