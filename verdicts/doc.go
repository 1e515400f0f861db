// Package verdicts keeps what probing decided over a restart: a file in the
// data directory that says of each peer whether it was healthy.
//
// Owns: the file (verdicts.jsonl) with its format and version, and the lock of
// the data directory, so that two instances never write to one.
//
// In: Entry values, through Config.Collect, when Touch says that something
// changed. Out: the entries of the last process, through Open.
//
// Order: a write holds everything as it was when it began; writes do not
// overlap. What Touch told is on disk after about Delay, or ten times as long
// as the write before took, if that is longer: a fleet that flaps costs a tenth
// of a core at most. Close writes once more.
//
// Failure: the file is replaced whole (written beside, synced, renamed), so a
// crash leaves the old one or the new one. A file that cannot be read is moved
// aside and told; weir starts without memory then. A write that fails is tried
// again with back-off; Problem says so, and the last good file stays.
package verdicts
