// Package actortest helps to test one actor by its messages: a quiet actor
// system, and a Parent that records what its children tell it. It is imported by
// tests only.
//
// Owns: the actor system that the tests of one binary share (System), the
// recording parents, which end with their test.
//
// In: Props of the actor under test, messages to it. Out: what it said, by
// Await (waits for one, and consumes it), All (everything so far), Eventually
// (any other condition).
//
// Order: a Parent records messages in the order in which it received them.
//
// Failure: waiting ends with t.Fatal after a deadline (Config.Within) and says
// what was recorded instead. In a testing/synctest bubble use NewSystem, so that
// everything belongs to the bubble; the deadline is then one of its fake clock.
package actortest
