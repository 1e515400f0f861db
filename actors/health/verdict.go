package health

import "github.com/weirproxy/weir/messages"

// judgement is where the verdict machine of one peer stands. The zero value
// is an unknown peer.
type judgement struct {
	verdict messages.Verdict
	// run counts the latest results in a row that contradict the verdict.
	run int
}

// thresholds are how many contrary results in a row flip a verdict; both are at least 1.
type thresholds struct{ success, failure int }

// rule is what one result does to one verdict.
type rule struct {
	// to is the verdict the result speaks for.
	to messages.Verdict
	// after is how many such results in a row it takes; 0 = the result agrees.
	after int
}

// ruleFor is the table of the verdict machine:
//
//	             fail                             ok
//	unknown      unhealthy at once                healthy at once
//	healthy      unhealthy after failure          agrees
//	unhealthy    agrees                           healthy after success
func ruleFor(v messages.Verdict, ok bool, t thresholds) rule {
	table := [...][2]rule{
		messages.Unknown:   {{messages.Unhealthy, 1}, {messages.Healthy, 1}},
		messages.Healthy:   {{messages.Unhealthy, t.failure}, {messages.Healthy, 0}},
		messages.Unhealthy: {{messages.Unhealthy, 0}, {messages.Healthy, t.success}},
	}
	if int(v) < 0 || int(v) >= len(table) {
		v = messages.Unknown // an impossible verdict: the next result decides
	}
	if ok {
		return table[v][1]
	}
	return table[v][0]
}

// on applies one result and tells whether it reached a new verdict. A result
// that agrees ends the run of contrary ones.
func (j judgement) on(ok bool, t thresholds) (next judgement, reached bool) {
	r := ruleFor(j.verdict, ok, t)
	if r.after == 0 {
		return judgement{verdict: j.verdict}, false
	}
	if j.run+1 >= r.after {
		return judgement{verdict: r.to}, true
	}
	return judgement{verdict: j.verdict, run: j.run + 1}, false
}

// doubtful tells whether the latest result contradicts the verdict in force.
func (j judgement) doubtful() bool { return j.run > 0 }
