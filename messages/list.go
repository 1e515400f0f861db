package messages

import (
	"iter"
	"slices"
)

// List is a sequence that cannot change. The zero List is empty. It exists so
// that messages can carry several values and still be immutable.
type List[T any] struct{ items []T }

// ListOf returns a List of a copy of items.
func ListOf[T any](items ...T) List[T] { return List[T]{items: slices.Clone(items)} }

// Len returns how many items there are.
func (l List[T]) Len() int { return len(l.items) }

// At returns item i; it panics when i is out of range, like a slice.
func (l List[T]) At(i int) T { return l.items[i] }

// All iterates over index and item, in order.
func (l List[T]) All() iter.Seq2[int, T] { return slices.All(l.items) }

// Slice returns a copy that the caller may change.
func (l List[T]) Slice() []T { return slices.Clone(l.items) }

// EqualLists tells whether two lists hold equal items in the same order.
func EqualLists[T comparable](a, b List[T]) bool { return slices.Equal(a.items, b.items) }
