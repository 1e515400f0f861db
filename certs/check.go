package certs

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Check reads pairs as Set.Server would, keeps nothing, and returns what is to be
// said of them, in their order. The error joins those of all that cannot be used.
func Check(now time.Time, pairs ...Pair) ([]Warning, error) {
	var good []Pair
	var all []*material
	var found []Warning
	var errs []error
	seen := map[Pair]bool{}
	for _, pair := range pairs {
		if seen[pair] {
			continue
		}
		seen[pair] = true
		m, err := readPair(pair)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		good, all = append(good, pair), append(all, m)
		found = append(found, warnings(pair, m, now)...)
	}
	return append(found, sharedNames(good, all)...), errors.Join(errs...)
}

// readPair reads one pair.
func readPair(pair Pair) (*material, error) {
	if err := pair.complete(); err != nil {
		return nil, err
	}
	h := &held{id: pair, file: files{names: pair.names()}}
	r := h.look()
	return r.material, r.err
}

// sharedNames warns about names that two pairs have with the same kind of key:
// with another kind, a client gets the one that it can use.
func sharedNames(pairs []Pair, all []*material) []Warning {
	type place struct{ name, kind string }
	first := map[place]Pair{}
	var found []Warning
	for i, m := range all {
		kind, _, _ := strings.Cut(keyName(m.chain[0].PublicKey), " ")
		for _, name := range m.chain[0].DNSNames {
			at := place{normal(name), kind}
			before, taken := first[at]
			switch {
			case !taken:
				first[at] = pairs[i]
			case before != pairs[i]:
				found = append(found, Warning{pairs[i].Cert, WarnSharedName,
					fmt.Sprintf("%s is also in %s, with the same kind of key; that one is shown as long as it is valid", name, before.Cert)})
			}
		}
	}
	return found
}
