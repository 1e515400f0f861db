// Package natstest runs NATS servers for tests of those who use one.
//
// Owns: the servers it starts, on loopback, with JetStream in a folder of the
// test, and their end.
// In: options that differ from its own. Out: a URL.
// Order: Stop returns when the server has stopped; Restart when clients can connect.
// Failure: what cannot be started fails the test.
package natstest
