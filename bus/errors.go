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
	// ErrStore is returned when the store directory cannot be used: not
	// writable, damaged, no space.
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
)
