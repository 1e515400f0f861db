package destination

import "errors"

// Why there is no destination.
var (
	// ErrBadHost is returned when an authority is none that a request is sent to.
	ErrBadHost = errors.New("bad host")
	// ErrNotAllowed is returned when no pattern allows the host and port.
	ErrNotAllowed = errors.New("not allowed")
	// ErrNotFound is returned when the name does not exist or has no address. Lookup
	// wraps it to say so: what does not wrap it is a failure of the name servers.
	ErrNotFound = errors.New("host not found")
	// ErrForbidden is returned when all addresses of the host are forbidden.
	ErrForbidden = errors.New("address forbidden")
	// ErrLoop is returned when all addresses that are not forbidden are weir's own.
	ErrLoop = errors.New("own address")
	// ErrBusy is returned when too many lookups are under way. Nothing is
	// remembered of it: the next request may be luckier.
	ErrBusy = errors.New("too many lookups")
	// ErrLookup is returned when the name cannot be looked up now, and no earlier
	// answer is left.
	ErrLookup = errors.New("lookup failed")
	// ErrClosed is returned by a Finder that was closed.
	ErrClosed = errors.New("closed")
)

// What can be wrong with the configuration.
var (
	// ErrBadPattern is returned when a text is no pattern for hosts.
	ErrBadPattern = errors.New("bad pattern")
	// ErrBadConfig is returned by New when its Config makes no sense.
	ErrBadConfig = errors.New("bad configuration")
)
