package dns

import "errors"

// What can be wrong with a lookup.
var (
	// ErrNoSuchName is returned when a name server says that the name does not exist (NXDOMAIN).
	ErrNoSuchName = errors.New("no such name (NXDOMAIN)")
	// ErrNoData is returned when the name exists and has no record of the kind asked for.
	ErrNoData = errors.New("the name has no such record (NODATA)")
	// ErrTimeout is returned when no valid answer came in time.
	ErrTimeout = errors.New("no answer")
	// ErrUnreachable is returned when a question could not be sent, or nobody listens there.
	ErrUnreachable = errors.New("not reachable")
	// ErrServFail is returned when the name server could not find out (SERVFAIL).
	ErrServFail = errors.New("the name server failed (SERVFAIL)")
	// ErrRefused is returned when the name server does not want to answer (REFUSED).
	ErrRefused = errors.New("the name server refused (REFUSED)")
	// ErrBadAnswer is returned when an answer makes no sense: garbage, a loop of
	// CNAMEs, a referral, a code that is no answer.
	ErrBadAnswer = errors.New("bad answer")
	// ErrTooMany is returned when a name has more peers than MaxPeers. The first
	// of them are used.
	ErrTooMany = errors.New("too many peers")
	// ErrBadEntry is returned when an entry is neither HOST:PORT nor a service.
	ErrBadEntry = errors.New("want HOST:PORT or a service such as _http._tcp.NAME")
	// ErrBadConfig is returned by New when its Config makes no sense.
	ErrBadConfig = errors.New("bad dns configuration")
)

// isAbsent tells whether err is a name server's word that there is nothing.
func isAbsent(err error) bool { return errors.Is(err, ErrNoSuchName) || errors.Is(err, ErrNoData) }
