package admin

import "errors"

var (
	// ErrOpenAdmin is returned when the admin server could be reached from other
	// machines and no token is set.
	ErrOpenAdmin = errors.New("the admin address is not on loopback and there is no operator token: " +
		"set auth.operator_token (or WEIR_OPERATOR_TOKEN), or set admin.addr to 127.0.0.1:9070 or unix:/path")
	// ErrAddr is returned when an admin address cannot be understood.
	ErrAddr = errors.New("not an admin address")
	// ErrIncomplete is returned when one of the required Deps is missing.
	ErrIncomplete = errors.New("admin needs Registry, Events, Ready and Logger")
	// ErrSocketTaken is returned when another process listens at the path of a
	// unix socket, or something that is no socket is there. It was left alone.
	ErrSocketTaken = errors.New("the socket's path is taken")
)
