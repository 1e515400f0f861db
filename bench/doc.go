// Package bench measures weir against its alternatives, in one run each, so
// that the ratios hold on any machine. It has no product code.
//
// Owns: the benchmarks that docs/ cites. In: nothing. Out: numbers, printed by
// go test -bench. Order: none. Failure: a benchmark whose part from outside is
// missing is skipped (see internal/part).
package bench
