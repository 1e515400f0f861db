// Package bus is weir's way to NATS: to one that others run (external), or to
// the server that runs inside the process (embedded). It is the home of nats.go
// and nats-server; nobody else imports them.
//
// Owns: the connection (conn.go), the stream of events and that it is there
// (stream.go, keeper.go), what was sent to it and not acknowledged yet
// (deposit.go), what does not work now (problems.go). Embedded: the server, its
// listener and who may do what on it (server.go, users.go, gate.go), the store
// directory <Dir>/nats with its lock and its marker (store.go, storage.go), the
// operator token (token.go).
//
// In: Config, Publish, Store, Serve, Watch, Replay. Out: messages to whoever is
// subscribed, events to whoever replays them (Reader: from anywhere), answers to
// requests, Problems, Changes, logs of the server (its notices at debug), metrics.
//
// Order: messages published or stored by one goroutine reach a subscriber, and
// the stream, in that order; those of Publish and of Store together too. done
// functions are called in the order of the acknowledgements. A replay tells
// events in the order of the stream.
//
// Failure: Start returns one of the sentinels of errors.go, or an error that
// names the place, and leaves nothing behind: no listener, no goroutine, no
// lock. What waiting may cure is no error of Start but a problem: a server that
// is not there or refuses the credentials, a full disk. A damaged store is moved
// aside, and begins empty. Publish and Store never wait for a connection:
// without one they return ErrNotConnected. A reader that is too slow misses
// messages and is cut off when it takes none; it delays nobody else. A process
// that dies leaves the store usable: the lock ends with the process.
package bus
