package bus

import "errors"

var (
	// ErrAddrTaken is returned when another process listens at Config.Addr. The
	// error names the address; the caller knows the key that sets it.
	ErrAddrTaken = errors.New("address is already in use")
	// ErrAddrForbidden is returned when this process may not listen at
	// Config.Addr, as with ports below 1024 without privileges.
	ErrAddrForbidden = errors.New("not allowed to listen there")
	// ErrAddr is returned when Config.Addr is not host:port of this machine.
	ErrAddr = errors.New("not an address to listen at")
	// ErrLocked is returned when another weir uses the store directory. The
	// error names the directory. Nothing was changed.
	ErrLocked = errors.New("another weir uses it")
	// ErrForeignStore is returned when the store directory was not made by a weir
	// in this mode. Nothing in it was changed.
	ErrForeignStore = errors.New("store of another kind")
	// ErrStore is returned when the store directory cannot be used and waiting
	// would not help: not writable, not a directory.
	ErrStore = errors.New("store cannot be used")
	// ErrConfig is returned when Config asks for something that is not possible or not safe.
	ErrConfig = errors.New("invalid NATS configuration")
	// ErrNotConnected is returned when there is no connection to NATS. Nothing
	// was sent and nothing will be sent later.
	ErrNotConnected = errors.New("not connected to NATS")
	// ErrNotStopped is returned when the server did not stop in time. It goes on
	// stopping, and the store stays locked until it has.
	ErrNotStopped = errors.New("NATS did not stop in time")
	// ErrToken is returned when the operator token cannot be used: empty, short,
	// or in a file that others may read.
	ErrToken = errors.New("operator token cannot be used")
	// ErrTokenUnsaved is returned with a token that counts for this process alone,
	// because there is no room for its file.
	ErrTokenUnsaved = errors.New("operator token cannot be saved")
)

// Errors of storing events.
var (
	// ErrNoStream is returned when events cannot be stored or read because the
	// stream is not there, or not usable. Nothing was sent.
	ErrNoStream = errors.New("there is no stream of events")
	// ErrBusy is returned by Store when as many messages as allowed wait for
	// their acknowledgement. Nothing was sent.
	ErrBusy = errors.New("too many events wait to be stored")
	// ErrNotStored tells the done of a Store that the server refused: the message
	// is not stored and will not be. Whoever was subscribed may have got it.
	ErrNotStored = errors.New("not stored")
	// ErrUncertain tells the done of a Store that nobody knows: the message may
	// be stored or not. Storing it again with the same Nats-Msg-Id is safe.
	ErrUncertain = errors.New("not known whether it is stored")
)

// Errors of reading events.
var (
	// ErrCaughtUp is returned by Replay.Next once, between the past and what
	// happens from now on. The next call goes on.
	ErrCaughtUp = errors.New("the past is told")
	// ErrNotAllowed is returned when NATS refuses what was asked for.
	ErrNotAllowed = errors.New("not allowed")
	// ErrTooOld is returned when the server is of a version that cannot do what is needed.
	ErrTooOld = errors.New("the NATS server is too old")
)
