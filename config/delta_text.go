package config

import (
	"fmt"
	"slices"
	"strings"
)

const (
	// maxNames is how many names of one kind get a line of their own.
	maxNames = 20
	// maxKeys is how many changes below one key are told one by one.
	maxKeys = 3
)

// String returns Lines as one text, or "nothing changed".
func (d Delta) String() string {
	lines := d.Lines()
	if len(lines) == 0 {
		return "nothing changed"
	}
	return strings.Join(lines, "\n")
}

// Lines says what differs in lines for people, sorted by kind and name: what
// can be put in force, then what needs a restart.
func (d Delta) Lines() []string {
	lines := d.Changes()
	for _, c := range d.NeedsRestart {
		lines = append(lines, "needs restart: "+c.String())
	}
	return lines
}

// Changes says in lines for people what differs and can be put in force without
// a restart. Of very many changes of one kind it tells the first and counts the
// others.
func (d Delta) Changes() []string {
	lines := slices.Concat(d.Listeners.lines("listener"), d.Upstreams.lines("upstream"), d.Routes.lines("route"))
	for _, c := range d.Live {
		lines = append(lines, c.String())
	}
	return lines
}

func (d Differences) lines(kind string) []string {
	var lines []string
	several := func(names []string, what string) {
		for i, name := range names {
			if i == maxNames {
				lines = append(lines, fmt.Sprintf("%d more %ss %s", len(names)-i, kind, what))
				return
			}
			lines = append(lines, kind+" "+name+" "+what)
		}
	}
	several(d.Added, "added")
	for i, c := range d.Changed {
		if i == maxNames {
			lines = append(lines, fmt.Sprintf("%d more %ss changed", len(d.Changed)-i, kind))
			break
		}
		lines = append(lines, kind+" "+c.String())
	}
	several(d.Removed, "removed")
	return lines
}

// String returns "web changed: addrs (1 added, 2 weights), algo round_robin -> p2c".
func (c Change) String() string {
	summary, others := peerSummary(c.Keys)
	var parts []string
	if summary != "" {
		parts = append(parts, summary)
	}
	for len(others) > 0 {
		top := topKey(others[0].Key)
		n := 1
		for n < len(others) && topKey(others[n].Key) == top {
			n++
		}
		if n > maxKeys {
			parts = append(parts, fmt.Sprintf("%s (%d keys)", top, n))
		} else {
			for _, k := range others[:n] {
				parts = append(parts, k.String())
			}
		}
		others = others[n:]
	}
	return c.Name + " changed: " + strings.Join(parts, ", ")
}

func topKey(key string) string {
	top, _, _ := strings.Cut(key, ".")
	return top
}
