package nethttp

// idleList is a list of connections in the order in which they came, linked
// through the connections themselves: nothing is allocated, and leaving is O(1).
type idleList struct {
	first, last *peerConn // the oldest and the youngest
	n           int
	kind        listKind
}

// listKind says which links of a connection a list uses.
type listKind int

const (
	freeOfPool   listKind = iota // those of a pool that can take a request
	unusedOfPeer                 // those to one address that nobody uses
	unusedOfAll                  // those of a codec that nobody uses
	listKinds
)

// listLink is a connection's place in one list.
type listLink struct {
	in         *idleList // nil = in none
	prev, next *peerConn
}

// push makes c the youngest, if it is not in the list.
func (l *idleList) push(c *peerConn) {
	link := &c.links[l.kind]
	if link.in != nil {
		return
	}
	*link = listLink{in: l, prev: l.last}
	if l.last == nil {
		l.first = c
	} else {
		l.last.links[l.kind].next = c
	}
	l.last = c
	l.n++
}

// remove takes c out, if it is in the list.
func (l *idleList) remove(c *peerConn) {
	link := &c.links[l.kind]
	if link.in != l {
		return
	}
	if link.prev == nil {
		l.first = link.next
	} else {
		link.prev.links[l.kind].next = link.next
	}
	if link.next == nil {
		l.last = link.prev
	} else {
		link.next.links[l.kind].prev = link.prev
	}
	*link = listLink{}
	l.n--
}
