package docker

import "strings"

// index makes a container findable by its labels, and by whose network it uses.
func (p *picture) index(c *container) {
	for label, value := range c.labels {
		values := p.byLabel[label]
		if values == nil {
			values = map[string]map[string]bool{}
			p.byLabel[label] = values
		}
		if values[value] == nil {
			values[value] = map[string]bool{}
		}
		values[value][c.id] = true
	}
	if owner, joins := strings.CutPrefix(c.networkMode, networkContainer); joins {
		if p.joined[owner] == nil {
			p.joined[owner] = map[string]bool{}
		}
		p.joined[owner][c.id] = true
	}
}

// unindex undoes index; nothing is done for nil.
func (p *picture) unindex(c *container) {
	if c == nil {
		return
	}
	for label, value := range c.labels {
		delete(p.byLabel[label][value], c.id)
		if len(p.byLabel[label][value]) == 0 {
			delete(p.byLabel[label], value)
		}
		if len(p.byLabel[label]) == 0 {
			delete(p.byLabel, label)
		}
	}
	if owner, joins := strings.CutPrefix(c.networkMode, networkContainer); joins {
		delete(p.joined[owner], c.id)
		if len(p.joined[owner]) == 0 {
			delete(p.joined, owner)
		}
	}
}

// matching returns the containers that a selector picks, in no order. It costs
// as much as there are containers with that label, and that value if one is given.
func (p *picture) matching(s Selector) []*container {
	var out []*container
	collect := func(ids map[string]bool) {
		for id := range ids {
			if c := p.containers[id]; s.matches(c.labels) {
				out = append(out, c)
			}
		}
	}
	if s.Value != "" {
		collect(p.byLabel[s.Label][s.Value])
		return out
	}
	for _, ids := range p.byLabel[s.Label] {
		collect(ids)
	}
	return out
}
