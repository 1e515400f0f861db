package dns

import (
	"fmt"
	"time"

	wire "github.com/miekg/dns"
)

// kind says what is asked of a name.
type kind int

// The kinds of lookup.
const (
	addresses   kind = iota // A and AAAA
	addressesV4             // A alone
	service                 // SRV
)

// types returns the record types that a lookup of that kind asks for.
func (k kind) types() []uint16 {
	switch k {
	case addresses:
		return []uint16{wire.TypeA, wire.TypeAAAA}
	case addressesV4:
		return []uint16{wire.TypeA}
	case service:
		return []uint16{wire.TypeSRV}
	}
	panic(fmt.Sprintf("kind %d of lookup", int(k)))
}

// key names what is looked up. name is lower case; with a dot at the end it is
// not completed by search domains.
type key struct {
	name string
	kind kind
}

// name is what is known of one key. Resolver.mu guards it.
type name struct {
	key key
	// sets are the records by type, as key.kind.types.
	sets []recordSet
	// candidate is the full name that gave the records; empty = none yet.
	candidate string
	jitter    float64
	flight    *flight // the lookup under way; nil = none
	// keep is until when it is remembered at least.
	keep time.Time
}

// state is what is known of a name, to look at.
type state struct {
	records []record
	// err is why it cannot be told what the name means now; nil = it can.
	err error
	// note is what is odd though err is nil; empty = nothing.
	note string
	// stale tells that part of records comes from an earlier lookup than the last.
	stale bool
	// once tells that there were records at some time.
	once bool
	next time.Time
}

// state sums the sets up. A name is well when one of its families is: the other
// keeps what it had. It is gone when all families are.
func (n *name) state(now time.Time, maxStale, every time.Duration) state {
	var st state
	well, settled := false, true
	for i := range n.sets {
		set := &n.sets[i]
		records := set.current(now, maxStale)
		st.records = append(st.records, records...)
		st.once = st.once || set.known
		well = well || set.well()
		settled = settled && set.err != nil && isAbsent(set.err) && !set.doubtful()
		if set.err == nil {
			continue
		}
		if len(records) > 0 {
			st.stale = true
			st.note = fmt.Sprintf("%s %s: %s; %d kept", n.key.name, wire.TypeToString[n.key.kind.types()[i]], set.err, len(records))
		}
		if st.err == nil || isAbsent(st.err) {
			st.err = set.err
		}
	}
	if !well && st.err == nil {
		st.err = ErrTimeout // not asked yet
	}
	switch {
	case well:
		st.err = nil
	case settled && st.once:
		st.err = fmt.Errorf("%w, and it had: it has no peers now", st.err)
	}
	st.next = n.next(well, now, maxStale, every)
	return st
}

// next returns when to ask again. A family that never had records does not
// hurry a name that is well.
func (n *name) next(well bool, now time.Time, maxStale, every time.Duration) time.Time {
	var next time.Time
	note := func(t time.Time) {
		if next.IsZero() || t.Before(next) {
			next = t
		}
	}
	for i := range n.sets {
		set := &n.sets[i]
		if well && !set.well() && (!set.known || set.gone) {
			continue
		}
		switch {
		case set.asked.IsZero():
			note(now)
		case set.err == nil && every > 0:
			note(set.asked.Add(every + time.Duration(n.jitter*float64(every)/10)))
		default:
			note(set.next)
		}
		if over := set.failing.Add(maxStale); set.err != nil && maxStale > 0 && over.After(now) {
			note(over)
		}
	}
	return next
}

// due tells whether set i has to be asked for. maxAge is how old records may
// be; 0 = as old as their TTL allows. At once makes it a second whatever failed.
func (n *name) due(i int, maxAge time.Duration, atOnce bool, now time.Time) bool {
	set := &n.sets[i]
	switch {
	case set.asked.IsZero():
		return true
	case atOnce:
		return now.Sub(set.asked) >= minHold-slack
	case set.err == nil && maxAge > 0:
		return now.Sub(set.asked) >= maxAge-slack
	}
	return !now.Before(set.next.Add(-slack))
}

// failed tells whether the last lookup of the name gave nothing.
func (n *name) failed() bool {
	for i := range n.sets {
		if n.sets[i].err == nil {
			return false
		}
	}
	return true
}
