package dns

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// question is a lookup to do.
type question struct {
	name  string
	types []uint16
	// skip are types not to ask for this time, because they failed lately.
	skip []bool
	// candidate is the full name that the records known so far belong to.
	candidate string
	// doubtful: the last lookup gave nothing.
	doubtful bool
}

// hostsHold is how long what the hosts file says is used before it is looked at again.
const hostsHold = 5 * time.Second

// errSkipped stands for a type that was not asked for.
var errSkipped = fmt.Errorf("%w: not asked this time", ErrTimeout)

// ask finds the records of a name: in the hosts file, else by each full name
// that it may mean, in turn, until one has records. take is told the answers, for
// each type at most one, those with records as soon as they are there. A full name
// that failed is passed over only while it is not the one that the name was found
// to mean: no failure makes a name mean something else.
func (r *Resolver) ask(ctx context.Context, q question, take func(i int, candidate string, a answer)) {
	if r.fromHosts(q, take) {
		return
	}
	conf := r.settings()
	var worst []answer
	for _, candidate := range conf.candidates(q.name) {
		answers, found := r.askAll(ctx, conf, candidate, q, take)
		if found {
			return
		}
		failed := anyFailed(answers)
		if worst == nil || (failed && !anyFailed(worst)) {
			worst = answers
		}
		if candidate == q.candidate || ctx.Err() != nil {
			worst = answers
			break
		}
	}
	for i, a := range worst {
		if !q.skip[i] {
			take(i, "", a)
		}
	}
}

// askAll asks for all types of a full name at once. It tells found when one has
// records; then all answers were told to take.
func (r *Resolver) askAll(ctx context.Context, conf settings, candidate string, q question, take func(int, string, answer)) (answers []answer, found bool) {
	answers = make([]answer, len(q.types))
	told := make([]bool, len(q.types))
	var wg sync.WaitGroup
	for i, qtype := range q.types {
		if q.skip[i] {
			answers[i].err = errSkipped
			continue
		}
		wg.Go(func() {
			answers[i] = r.follow(ctx, conf, candidate, qtype, q.doubtful)
			if answers[i].err == nil {
				take(i, candidate, answers[i])
				told[i] = true
			}
		})
	}
	wg.Wait()
	for i := range answers {
		found = found || told[i]
	}
	for i := range answers {
		if found && !told[i] && !q.skip[i] {
			take(i, candidate, answers[i])
		}
	}
	return answers, found
}

// follow asks for one type, and again for where CNAMEs lead when the answer does not say.
func (r *Resolver) follow(ctx context.Context, conf settings, name string, qtype uint16, doubtful bool) answer {
	c := newChain(name)
	for !c.over() {
		msg, err := r.exchange(ctx, conf, c.at, qtype, doubtful)
		if err != nil {
			return answer{err: err}
		}
		a, more := c.read(msg, qtype)
		if !more {
			return a
		}
	}
	return answer{err: c.err}
}

func anyFailed(answers []answer) bool {
	for _, a := range answers {
		if a.err != nil && !isAbsent(a.err) {
			return true
		}
	}
	return false
}

// fromHosts answers from the hosts file; false = it does not have the name.
func (r *Resolver) fromHosts(q question, take func(int, string, answer)) bool {
	addrs := r.hostsAddrs(q.name)
	if len(addrs) == 0 {
		return false
	}
	byType := make([]answer, len(q.types))
	told := false
	for i, qtype := range q.types {
		byType[i].ttl = hostsHold
		for _, addr := range addrs {
			if addr.Is4() == (qtype == typeA) && isAddress(qtype) {
				byType[i].records = append(byType[i].records, record{addr: addr})
				told = true
			}
		}
	}
	if !told {
		return false
	}
	for i, a := range byType {
		take(i, q.name, a)
	}
	return true
}
