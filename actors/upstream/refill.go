package upstream

import (
	"time"

	"github.com/weirproxy/weir/balance"
)

// A set that became empty refills: for queue_timeout from that moment requests
// wait for a peer, and one that joins must be found healthy before it serves,
// while afterwards the only peer there is would be tried unproven. Discovery
// tells of a container as soon as its process begins, which is before it
// listens: requests that waited for it would be refused, and the first probe
// that is refused, too, would end the wait of all.
//
//	set found      empty                          asks wait until queue_timeout from now
//	               with peers                     they wait for a healthy one, no longer
//	verdict        healthy                        over: it serves
//	time up                                       over: who has no verdict serves
//	check off, or nobody may wait                 over
//
// setDue, from an upstream to itself: a time has come that pool.wakes told of.
type setDue struct{ gen uint64 }

// refilling tells whether the peers of a set that was empty must be found
// healthy before they serve.
func (p *pool) refilling() bool {
	return !p.emptySince.IsZero() && len(p.peers) > 0
}

// refillEnd returns until when.
func (p *pool) refillEnd() time.Time {
	timeout := p.spec.Limits.QueueTimeout
	if timeout <= 0 {
		timeout = balance.DefaultQueueTimeout
	}
	return p.emptySince.Add(timeout)
}

// endRefill ends it when it is time, or of no use.
func (p *pool) endRefill(now time.Time) {
	if p.refilling() && (!p.probes() || p.spec.Limits.Queue <= 0 || p.anyHealthy(p.peers) || !now.Before(p.refillEnd())) {
		p.emptySince = time.Time{}
	}
}
