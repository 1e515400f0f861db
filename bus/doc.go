// Package bus is weir's way to NATS: the server that runs inside the process
// (mode single) and the in-process connection to it. It is the home of nats.go
// and nats-server; nobody else imports them.
//
// Owns: the NATS server, its listener and who may do what on it (users.go), the
// store directory <Dir>/nats with its lock and its marker (store.go), the
// connection by which weir itself publishes, the operator token (token.go).
//
// In: Config, Publish. Out: messages to whoever subscribed at Addr, logs of the
// server (its notices at debug), weir_nats_connected.
//
// Order: messages published by one goroutine reach a subscriber in that order.
//
// Failure: Start returns one of the sentinels of errors.go, or an error that
// names the place, and leaves nothing behind: no listener, no goroutine, no
// lock. Publish never waits for a connection: without one it returns
// ErrNotConnected. A reader that is too slow misses messages and is cut off
// when it takes none; it delays nobody else. A process that dies leaves the
// store usable: the lock ends with the process.
package bus
