//go:build race

package balance

// underRace tells that the race detector is on: it allocates, and all is slower.
const underRace = true
