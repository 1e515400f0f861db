package proxy

import (
	"hash/maphash"
	"iter"
)

// index is a persistent map from names to values: an index that was changed
// shares with the one before all but the few nodes on the way to the change, so
// that a change costs the logarithm of the size and nobody who reads the one
// before notices. The zero index is empty. After Bagwell, "Ideal Hash Trees"
// (2001), with leaves of several entries.
//
// A copy of an index is the index at that time, as long as both are changed by
// different editors.
type index[V any] struct {
	root *twig[V]
	size int
}

// editor owns the nodes that it made and may write to them; the nodes of others
// it copies. Each change of a table has its own, so that what is in force is
// never written to.
type editor struct{ _ byte }

// The shape of the tree.
const (
	fanBits  = 5
	fan      = 1 << fanBits
	leafMax  = 8            // entries of a leaf before it splits
	maxDepth = 64 / fanBits // a leaf there has run out of hash and just grows
)

// twig is a node: a leaf has entries, the others have kids.
type twig[V any] struct {
	by   *editor
	kids *[fan]*twig[V] // nil in a leaf
	leaf []entry[V]
}

type entry[V any] struct {
	hash  uint64
	key   string
	value V
}

// find returns the value of key, or nil. Nobody may write to it. It does not allocate.
func (x *index[V]) find(hash uint64, key string) *V {
	n := x.root
	for rest := hash; n != nil; rest >>= fanBits {
		if n.kids != nil {
			n = n.kids[rest%fan]
			continue
		}
		for i := range n.leaf {
			if e := &n.leaf[i]; e.hash == hash && e.key == key {
				return &e.value
			}
		}
		return nil
	}
	return nil
}

// put sets the value of key.
func (x *index[V]) put(by *editor, hash uint64, key string, value V) {
	if x.root == nil {
		x.root = &twig[V]{by: by}
	}
	var added bool
	x.root, added = x.root.put(by, entry[V]{hash, key, value}, 0)
	if added {
		x.size++
	}
}

// del removes key, which need not be there.
func (x *index[V]) del(by *editor, hash uint64, key string) {
	if x.find(hash, key) != nil {
		x.root = x.root.del(by, hash, hash, key)
		x.size--
	}
}

// all iterates over keys and values in no order.
func (x *index[V]) all() iter.Seq2[string, *V] {
	return func(yield func(string, *V) bool) { x.root.each(yield) }
}

// mine returns n, or a copy of it that by may write to.
func (n *twig[V]) mine(by *editor) *twig[V] {
	if n.by == by {
		return n
	}
	own := &twig[V]{by: by}
	if n.kids != nil {
		kids := *n.kids
		own.kids = &kids
		return own
	}
	own.leaf = make([]entry[V], len(n.leaf), len(n.leaf)+1)
	copy(own.leaf, n.leaf)
	return own
}

func (n *twig[V]) put(by *editor, e entry[V], depth int) (_ *twig[V], added bool) {
	n = n.mine(by)
	if n.kids != nil {
		kid := &n.kids[e.hash>>(depth*fanBits)%fan]
		if *kid == nil {
			*kid = &twig[V]{by: by}
		}
		*kid, added = (*kid).put(by, e, depth+1)
		return n, added
	}
	for i := range n.leaf {
		if n.leaf[i].hash == e.hash && n.leaf[i].key == e.key {
			n.leaf[i].value = e.value
			return n, false
		}
	}
	n.leaf = append(n.leaf, e)
	if len(n.leaf) > leafMax && depth < maxDepth {
		n.split(by, depth)
	}
	return n, true
}

// split makes an inner node of a full leaf.
func (n *twig[V]) split(by *editor, depth int) {
	full := n.leaf
	n.leaf, n.kids = nil, new([fan]*twig[V])
	for _, e := range full {
		kid := &n.kids[e.hash>>(depth*fanBits)%fan]
		if *kid == nil {
			*kid = &twig[V]{by: by}
		}
		(*kid).leaf = append((*kid).leaf, e)
	}
}

// del returns what is left of n without key, which is in it; nil when nothing is.
func (n *twig[V]) del(by *editor, hash, rest uint64, key string) *twig[V] {
	n = n.mine(by)
	if n.kids == nil {
		for i := range n.leaf {
			if n.leaf[i].hash == hash && n.leaf[i].key == key {
				last := len(n.leaf) - 1
				n.leaf[i] = n.leaf[last]
				n.leaf[last] = entry[V]{}
				n.leaf = n.leaf[:last]
				break
			}
		}
		if len(n.leaf) == 0 {
			return nil
		}
		return n
	}
	n.kids[rest%fan] = n.kids[rest%fan].del(by, hash, rest>>fanBits, key)
	for _, kid := range n.kids {
		if kid != nil {
			return n
		}
	}
	return nil
}

func (n *twig[V]) each(yield func(string, *V) bool) bool {
	if n == nil {
		return true
	}
	for i := range n.leaf {
		if !yield(n.leaf[i].key, &n.leaf[i].value) {
			return false
		}
	}
	if n.kids == nil {
		return true
	}
	for _, kid := range n.kids {
		if !kid.each(yield) {
			return false
		}
	}
	return true
}

// hasher makes the hashes of an index.
type hasher struct{ seed maphash.Seed }

func newHasher() hasher { return hasher{maphash.MakeSeed()} }

func (h hasher) of(key string) uint64 { return maphash.String(h.seed, key) }
