package proxy

import (
	"sync"
	"weak"
)

// codecUse is the codec of an upstream, as tables and requests hold it. Nothing
// else does: when it is gone, no request can send by it any more.
type codecUse struct{ PeerCodec }

// formerCodecs are the codecs that no table uses any more but requests may: of
// upstreams that were removed, or are spoken to in another way. They are not
// kept alive here; each lives as long as a request holds it.
type formerCodecs struct {
	mu     sync.Mutex
	byName map[string][]weak.Pointer[codecUse]
}

func (f *formerCodecs) add(upstream string, codec *codecUse) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.byName == nil {
		f.byName = map[string][]weak.Pointer[codecUse]{}
	}
	for name, list := range f.byName {
		f.setLocked(name, alive(list))
	}
	f.byName[upstream] = append(f.byName[upstream], weak.Make(codec))
}

// of returns the former codecs of an upstream that are still in use.
func (f *formerCodecs) of(upstream string) (codecs []*codecUse) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.setLocked(upstream, alive(f.byName[upstream]))
	for _, w := range f.byName[upstream] {
		if codec := w.Value(); codec != nil {
			codecs = append(codecs, codec)
		}
	}
	return codecs
}

func (f *formerCodecs) setLocked(upstream string, list []weak.Pointer[codecUse]) {
	if len(list) == 0 {
		delete(f.byName, upstream)
		return
	}
	f.byName[upstream] = list
}

func alive(list []weak.Pointer[codecUse]) []weak.Pointer[codecUse] {
	kept := list[:0]
	for _, w := range list {
		if w.Value() != nil {
			kept = append(kept, w)
		}
	}
	return kept
}

// Retire tells the data path that a peer left: idle connections to it are
// closed, those in use when their exchange ends. Requests and tunnels under way
// go on. A peer that comes back gets new connections.
func (c *Core) Retire(upstream, addr string) {
	for _, codec := range c.codecsOf(upstream) {
		codec.Retire(addr)
	}
}

// Cut breaks the requests and tunnels that are under way to a peer, whose
// drain_timeout is over, and closes its connections. It is as if the peer had
// reset them: what may be repeated goes to another peer, the rest ends with the
// code reset. It also reaches what an upstream that was removed, or is spoken to
// in another way now, left under way.
func (c *Core) Cut(upstream, addr string) {
	for _, codec := range c.codecsOf(upstream) {
		codec.Cut(addr)
	}
}

func (c *Core) codecsOf(upstream string) []*codecUse {
	// The table first: what is not in it any more is among the former ones already.
	var codecs []*codecUse
	if u := c.table.Load().upstream(upstream); u != nil && u.codec != nil {
		codecs = append(codecs, u.codec)
	}
	return append(codecs, c.former.of(upstream)...)
}
