package nethttp_test

import (
	"testing"

	"go.uber.org/goleak"
)

// net/http waits half a second, by itself, before it closes a connection that it refused.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}
