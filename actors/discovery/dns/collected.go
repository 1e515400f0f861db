package dns

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/weirproxy/weir/messages"
)

// maxLines is how many names an error or a note tells of by name.
const maxLines = 20

// collected is what the entries of an upstream come to.
type collected struct {
	now    time.Time
	peers  []messages.PeerSpec
	faults []error
	notes  []string
	stale  bool
	once   bool
	next   time.Time
}

// add notes how it stands with a name.
func (c *collected) add(what string, st state) {
	c.stale = c.stale || st.stale
	c.once = c.once || st.once
	if c.next.IsZero() || st.next.Before(c.next) {
		c.next = st.next
	}
	switch {
	case st.err != nil && len(st.records) > 0:
		c.faults = append(c.faults, nameFailed{what, fmt.Errorf("%w (what was known is kept: %d)", st.err, len(st.records))})
	case st.err != nil:
		c.faults = append(c.faults, nameFailed{what, st.err})
	case st.note != "":
		c.notes = append(c.notes, st.note)
	}
}

// addPeers adds the peers of an entry, as many as one may have.
func (c *collected) addPeers(what string, peers []messages.PeerSpec) {
	if len(peers) > MaxPeers {
		c.faults = append(c.faults, fmt.Errorf("%s: %w: %d, the first %d are used", what, ErrTooMany, len(peers), MaxPeers))
		peers = peers[:MaxPeers]
	}
	c.peers = append(c.peers, peers...)
}

// peers returns the peers of a line of SRV: each address of the target has the weight of the line.
func (r ranked) peers(addrs []record) []messages.PeerSpec {
	port := strconv.Itoa(int(r.port))
	peers := make([]messages.PeerSpec, 0, len(addrs))
	for _, a := range addrs {
		peers = append(peers, messages.PeerSpec{Addr: net.JoinHostPort(a.addr.String(), port), Weight: r.share, Tier: r.tier})
	}
	return peers
}

// nameFailed is what is wrong with a name.
type nameFailed struct {
	name string
	err  error
}

func (n nameFailed) Error() string { return n.name + ": " + n.err.Error() }

func (n nameFailed) Unwrap() error { return n.err }

// namesFailed is an error per name, one line each.
type namesFailed []error

// joinFaults joins errors; nil when there is none.
func joinFaults(faults []error) error {
	if len(faults) == 0 {
		return nil
	}
	return namesFailed(faults)
}

func (n namesFailed) Error() string {
	texts := make([]string, 0, len(n))
	for _, err := range n {
		texts = append(texts, err.Error())
	}
	return lines(texts)
}

// Failing returns the names, as long as they are the same in the same order the
// same text: what is wrong with each may differ from look to look.
func (n namesFailed) Failing() string {
	var names []string
	for _, err := range n {
		var one nameFailed
		if errors.As(err, &one) {
			names = append(names, one.name)
		}
	}
	return strings.Join(names, " ")
}

// Unwrap lets errors.Is and errors.As look at each.
func (n namesFailed) Unwrap() []error { return n }

// lines joins texts, and counts those that are too many.
func lines(texts []string) string {
	if more := len(texts) - maxLines; more > 0 {
		texts = append(texts[:maxLines:maxLines], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(texts, "\n")
}
