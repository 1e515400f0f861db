// Package dnstest is a kit of a real DNS server that says what a test scripts. It
// is imported by tests only.
//
// Owns: one UDP and one TCP socket on the same port of 127.0.0.1, the script, and
// the record of the questions seen.
// In: Set, which says how a question is answered from now on; Stop and Resume,
// which close the sockets and open them again on the same port.
// Out: Addr, Questions, Await.
// Order: a question is recorded before it is answered. Set takes effect with the
// next question. What nothing was set for is refused.
// Failure: what a test asks in vain fails the test. The server ends with its
// test: Cleanup closes the sockets and waits for every answer.
package dnstest
