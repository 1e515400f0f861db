package docker

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/weirproxy/weir/messages"
)

// Set is the full set of peers of one subscription. Its slices are shared and
// never change.
type Set struct {
	// Peers are the containers that may get requests, each address once, in a
	// fixed order.
	Peers []messages.PeerSpec
	// Notes are about single containers, in a fixed order.
	Notes []Note
	// Stale is set while the engine cannot be asked: Peers is the last good picture.
	Stale bool
	// Failure says in words why the engine cannot be asked; empty when it can.
	Failure string
	// Success is when the containers were last listed. Zero: never since the
	// Engine was made or the subscription; then Peers is what older looks left, if any.
	Success time.Time
}

// NoteKind says what a note means for its container.
type NoteKind int

// The kinds of note.
const (
	// NoteFault: something is wrong with the container's labels, ports or
	// networks, and it is left out until that changes.
	NoteFault NoteKind = iota
	// NoteWarning: the container is a peer; a choice was made for it that
	// somebody should make by a label.
	NoteWarning
	// NoteUnavailable: nothing is wrong; it is starting, stopping, paused, unhealthy, ...
	NoteUnavailable
)

// Note says something about one container.
type Note struct {
	Kind      NoteKind
	Container string
	Text      string
}

// String prints the note for people.
func (n Note) String() string {
	switch n.Kind {
	case NoteWarning:
		return fmt.Sprintf("container %q: %s", n.Container, n.Text)
	case NoteFault, NoteUnavailable:
	}
	return fmt.Sprintf("container %q is left out: %s", n.Container, n.Text)
}

// Faults joins the notes about containers that are left out because something
// is wrong with them, one line each; empty = there is none.
func (s Set) Faults() string { return s.join(NoteFault) }

// Remarks joins the warnings, one line each, and without a peer also the notes
// about containers that are not available; empty = there is none.
func (s Set) Remarks() string {
	if len(s.Peers) == 0 {
		return s.join(NoteWarning, NoteUnavailable)
	}
	return s.join(NoteWarning)
}

// join joins the notes of some kinds. A thousand containers with the same fault
// are ten lines and a number.
func (s Set) join(kinds ...NoteKind) string {
	const most = 10
	var lines []string
	more := 0
	for _, n := range s.Notes {
		switch {
		case !slices.Contains(kinds, n.Kind):
		case len(lines) == most:
			more++
		default:
			lines = append(lines, n.String())
		}
	}
	if more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(lines, "\n")
}

// same tells whether two sets say the same, the time of success aside.
func (s Set) same(o Set) bool {
	return s.Stale == o.Stale && s.Failure == o.Failure && s.Success.IsZero() == o.Success.IsZero() &&
		slices.Equal(s.Peers, o.Peers) && slices.Equal(s.Notes, o.Notes)
}

// tidy puts peers and notes into their fixed order, each once.
func (s *Set) tidy() {
	slices.SortStableFunc(s.Peers, func(a, b messages.PeerSpec) int {
		return cmp.Or(cmp.Compare(a.Tier, b.Tier), compareAddrs(a.Addr, b.Addr))
	})
	s.Peers = messages.MergePeers(s.Peers)
	slices.SortFunc(s.Notes, compareNotes)
	s.Notes = slices.Compact(s.Notes)
}

func compareNotes(a, b Note) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Container, b.Container), cmp.Compare(a.Text, b.Text))
}
