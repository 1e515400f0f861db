// Package part tells tests whether a part from outside (nginx, docker,
// chromium, ...) is there. It is imported by tests only.
//
// Owns: the names of the parts and how each is found.
// In: the environment variable WEIR_TEST_REQUIRE, a comma list of parts.
// Out: a path, a skip, or a failure.
// Order: none; it keeps no state.
// Failure: a part that is missing skips the test, and fails it when
// WEIR_TEST_REQUIRE names the part.
package part
