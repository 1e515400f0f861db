package bus

import (
	"log/slog"
	"slices"
	"sync"
)

// topic is what a problem is about. There is one problem of each at most.
type topic int

// The topics, in the order in which they are told: what is below often follows
// from what is above.
const (
	topicConnection topic = iota
	topicStorage
	topicStream
	topicLimits
	topicService
	topics // how many there are
)

// problems is what does not work now. A problem is logged when it begins, when
// a new reason appears and when it ends, however often it is reported.
type problems struct {
	log *slog.Logger

	mu   sync.Mutex
	text [topics]string
	told [topics][]string // what was logged since it worked last
}

// maxTold bounds the reasons that are logged of one problem. With several
// servers the reason changes at each attempt.
const maxTold = 8

// report says that something does not work. text is a whole sentence without a
// full stop.
func (p *problems) report(about topic, text string) {
	p.mu.Lock()
	p.text[about] = text
	fresh := !slices.Contains(p.told[about], text) && len(p.told[about]) < maxTold
	if fresh {
		p.told[about] = append(p.told[about], text)
	}
	p.mu.Unlock()
	if fresh {
		p.log.Warn("nats problem", "problem", text)
	}
}

// solved says that it works. again is logged if it did not before.
func (p *problems) solved(about topic, again string) {
	p.mu.Lock()
	before := p.text[about]
	p.text[about], p.told[about] = "", nil
	p.mu.Unlock()
	if before != "" {
		p.log.Info("nats problem solved", "now", again)
	}
}

// drop forgets a problem that is no longer known to be one.
func (p *problems) drop(about topic) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.text[about] = ""
}

// list returns the problems of now.
func (p *problems) list() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []string
	for _, text := range p.text {
		if text != "" {
			all = append(all, text)
		}
	}
	return all
}
