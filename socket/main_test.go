package socket

import (
	"net"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain is also the process that systemd starts: see TestSocketsThatSystemdPassed.
func TestMain(m *testing.M) {
	if os.Getenv("SOCKET_TEST_CHILD") != "" {
		child()
		return
	}
	goleak.VerifyTestMain(m)
}

// pair returns both ends of a connection to a listener.
func pair(t *testing.T, l net.Listener, dial func() (net.Conn, error)) (client, server net.Conn) {
	t.Helper()
	accepted := make(chan net.Conn, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			t.Error(err)
		}
		accepted <- c
	}()
	client, err := dial()
	if err != nil {
		t.Fatal(err)
	}
	server = <-accepted
	t.Cleanup(func() { _, _ = client.Close(), server.Close() })
	return client, server
}
