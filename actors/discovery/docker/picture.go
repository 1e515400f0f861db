package docker

import (
	"maps"
	"time"
)

// picture is what is known of an engine's containers. It decides and does not
// talk; who holds it says when. What changes is told to touch, with the labels
// of the container.
type picture struct {
	containers map[string]*container
	// looked is the count at which the look began that a container is known by.
	looked map[string]uint64
	// byLabel finds containers: label, value, id.
	byLabel map[string]map[string]map[string]bool
	// joined are the containers that use another's network, by the other's id.
	joined map[string]map[string]bool
	marks  map[string]*mark
	at     placement
	// seq counts events and looks, so that it can be told which came first.
	seq   uint64
	touch func(labels map[string]string)
}

func newPicture(touch func(map[string]string)) *picture {
	return &picture{containers: map[string]*container{}, looked: map[string]uint64{}, byLabel: map[string]map[string]map[string]bool{},
		joined: map[string]map[string]bool{}, marks: map[string]*mark{}, touch: touch}
}

// next counts, for an event or a look that begins now.
func (p *picture) next() uint64 {
	p.seq++
	return p.seq
}

// listed takes a full list whose look began at begun. It returns the ids of
// those that look otherwise than before, or are new.
func (p *picture) listed(list []*container, begun uint64) []string {
	var changed []string
	present := make(map[string]bool, len(list))
	for _, c := range list {
		present[c.id] = true
		old := p.containers[c.id]
		if old != nil {
			c.details = old.details
		}
		if old == nil || !old.same(c) {
			changed = append(changed, c.id)
		}
		p.take(c, begun)
	}
	for id := range p.containers {
		if !present[id] {
			p.gone(id, begun)
		}
	}
	for id, m := range p.marks {
		if !present[id] && m.over(nil, begun) {
			delete(p.marks, id)
		}
	}
	return changed
}

// take replaces what is known of a container. Where a later look knows better,
// it takes the details alone, which lists do not tell.
func (p *picture) take(c *container, begun uint64) {
	old := p.containers[c.id]
	if p.looked[c.id] > begun {
		if c.details == nil || old == nil {
			return
		}
		known := *old
		known.details = c.details
		c = &known
	} else {
		p.looked[c.id] = begun
	}
	p.containers[c.id] = c
	if old == nil || old.networkMode != c.networkMode || !maps.Equal(old.labels, c.labels) {
		p.unindex(old)
		p.index(c)
	}
	ended := false
	if m := p.marks[c.id]; m != nil && m.over(c, begun) {
		delete(p.marks, c.id)
		ended = true
	}
	if old == nil || ended || !old.same(c) || (old.details == nil) != (c.details == nil) {
		p.changed(c)
	}
}

// gone forgets a container that a look begun at begun did not find.
func (p *picture) gone(id string, begun uint64) {
	c := p.containers[id]
	if c == nil || p.looked[id] > begun {
		return
	}
	p.unindex(c)
	delete(p.containers, id)
	delete(p.looked, id)
	if m := p.marks[id]; m != nil && m.over(nil, begun) {
		delete(p.marks, id)
	}
	p.changed(c)
}

// killed takes the event of a signal.
func (p *picture) killed(id string, signal int, engine int64, now time.Time) {
	var d *details
	if c := p.containers[id]; c != nil {
		d = c.details
	}
	m := p.marks[id]
	if m == nil {
		m = &mark{}
	}
	m.killed(kill{signal: signal, at: now, engine: engine, seq: p.next()}, d)
	if len(m.kills) == 0 {
		return
	}
	p.marks[id] = m
	p.changedID(id)
}

// died takes the event of a death: the next look ends the mark.
func (p *picture) died(id string) {
	seq := p.next()
	if m := p.marks[id]; m != nil {
		m.died = seq
	}
}

// expire drops the marks that ended by now, and returns when the next one may;
// zero = none. It returns the ids too, of which the truth should be asked.
func (p *picture) expire(now time.Time) (ids []string, next time.Time) {
	for id, m := range p.marks {
		var d *details
		if c := p.containers[id]; c != nil {
			d = c.details
		}
		leaving, until := m.leaving(d, now)
		switch {
		case !leaving && (d != nil || m.old(now)):
			delete(p.marks, id)
			p.changedID(id)
			ids = append(ids, id)
			continue
		case !leaving:
			until = now.Add(defaultStopTimeout + afterStopTimeout)
		}
		if !until.IsZero() && (next.IsZero() || until.Before(next)) {
			next = until
		}
	}
	return ids, next
}

// old tells whether no kill is of interest any more, whatever it was.
func (m *mark) old(now time.Time) bool {
	for _, k := range m.kills {
		if now.Before(k.at.Add(defaultStopTimeout + afterStopTimeout)) {
			return false
		}
	}
	return true
}

// replace sets where weir runs, and tells whether that is another place.
func (p *picture) replace(at placement) bool {
	moved := !p.at.same(at)
	p.at = at
	return moved
}

// changed touches a container and those that use its network.
func (p *picture) changed(c *container) {
	p.touch(c.labels)
	for id := range p.joined[c.id] {
		p.touch(p.containers[id].labels)
	}
}

func (p *picture) changedID(id string) {
	if c := p.containers[id]; c != nil {
		p.changed(c)
	}
}
