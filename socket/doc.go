// Package socket makes sockets: those that listen and those towards peers, with
// the options that the configuration has, and the header of the PROXY protocol in
// both directions.
//
// Owns: nothing that outlives a call but the sockets that systemd passed, until
// somebody takes them (Inherited), and the goroutine-free wrapping of connections
// that begin with a PROXY header.
//
// In: addresses and options. Out: net.Listeners and net.Conns whose options are
// set; what a platform cannot do is named by Unsupported.
//
// Order: options are set before connect and before listen, as window scaling and
// fast open ask for. A PROXY header is read when the connection is first used, in
// the goroutine that uses it: Accept never waits for a client.
//
// Failure: an option that cannot be set is an error that names its key. A header
// that is missing, garbled or from a stranger breaks the connection alone.
package socket
