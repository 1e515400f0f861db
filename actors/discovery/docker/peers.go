package docker

import (
	"time"

	"github.com/weirproxy/weir/messages"
)

// peersOf returns the peers and notes that selectors yield of the picture.
// failed says why containers could not be inspected yet.
func (p *picture) peersOf(selectors []Selector, mode PeerAddr, failed map[string]string, now time.Time) (peers []messages.PeerSpec, notes []Note) {
	for _, s := range selectors {
		for _, c := range p.matching(s) {
			peer, note := p.peerOf(c, s, mode, failed, now)
			if note.Text != "" {
				notes = append(notes, note)
			}
			if peer.Addr != "" {
				peers = append(peers, peer)
			}
		}
	}
	return peers, notes
}

// peerOf returns the peer that a container is for a selector. An empty address:
// it is none, and the note says why.
func (p *picture) peerOf(c *container, s Selector, mode PeerAddr, failed map[string]string, now time.Time) (messages.PeerSpec, Note) {
	none := func(kind NoteKind, text string) (messages.PeerSpec, Note) {
		return messages.PeerSpec{}, Note{Kind: kind, Container: shorten(c.name), Text: text}
	}
	if why := c.why(); why != "" {
		return none(NoteUnavailable, why)
	}
	if leaving, _ := p.marks[c.id].leaving(c.details, now); leaving {
		return none(NoteUnavailable, "it is stopping")
	}
	if c.details == nil {
		if text := failed[c.id]; text != "" {
			return none(NoteFault, text)
		}
		return none(NoteUnavailable, "it was not inspected yet")
	}
	w, err := wishesOf(c.labels)
	if err != nil {
		return none(NoteFault, err.Error())
	}
	port, err := portOf(s, w, c)
	if err != nil {
		return none(NoteFault, err.Error())
	}
	at, err := p.at.addressOf(netOwner(c, p.containers), port, w.network, mode)
	if err != nil {
		return none(NoteFault, err.Error())
	}
	peer := messages.PeerSpec{Addr: at.addr.String(), Weight: max(s.Weight, 1), Tier: s.Tier}
	if w.weight != 0 {
		peer.Weight = w.weight
	}
	return peer, Note{Kind: NoteWarning, Container: shorten(c.name), Text: at.warning}
}
