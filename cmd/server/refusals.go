package main

import (
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// refusals counts clients that were refused for their PROXY header, and logs
// them once a second at most. The zero refusals has counted none.
type refusals struct {
	count atomic.Uint64

	mu         sync.Mutex
	toldAt     time.Time
	suppressed int
}

// note counts one.
func (r *refusals) note(log *slog.Logger, listener string, remote net.Addr, err error) {
	r.count.Add(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.suppressed++
	if now := time.Now(); now.Sub(r.toldAt) >= time.Second {
		log.Warn("clients are refused for their PROXY header", "listener", listener, "remote", remote.String(), "error", err, "refused", r.suppressed,
			"how", "proxy_protocol.trusted has the balancers that send one; all others must not")
		r.toldAt, r.suppressed = now, 0
	}
}
