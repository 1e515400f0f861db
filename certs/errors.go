package certs

import "errors"

var (
	// ErrFile is returned when a file is absent, empty, too large, not a file, or may not be read.
	ErrFile = errors.New("cannot be read")
	// ErrCertificate is returned when a file has no certificate, or one that cannot be used.
	ErrCertificate = errors.New("no usable certificate")
	// ErrKey is returned when a file has no private key, or one that cannot be used.
	ErrKey = errors.New("no usable private key")
	// ErrMismatch is returned when a key does not belong to the first certificate of its chain.
	ErrMismatch = errors.New("key and certificate do not belong together")
	// ErrOutOfTime is returned when a certificate has ended, or begins later, and what
	// is in force is in its time.
	ErrOutOfTime = errors.New("not valid now")
	// ErrOptions is returned when ServerOptions or ClientOptions contradict themselves.
	ErrOptions = errors.New("options cannot be used")
)
