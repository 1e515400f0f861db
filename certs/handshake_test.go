package certs

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// echo is a TLS server that sends back each byte.
type echo struct {
	addr string
	mu   sync.Mutex
	// clients are the serial numbers of the certificates that clients showed; "" = none.
	clients []string
}

func newEcho(t *testing.T, config *tls.Config) *echo {
	t.Helper()
	l := tls.NewListener(listen(t), config)
	e := &echo{addr: l.Addr().String()}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { e.serve(conn.(*tls.Conn)) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		all.Wait()
	})
	return e
}

func (e *echo) serve(conn *tls.Conn) {
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	if conn.Handshake() != nil {
		return
	}
	shown := ""
	if certificates := conn.ConnectionState().PeerCertificates; len(certificates) > 0 {
		shown = serial(certificates[0])
	}
	e.mu.Lock()
	e.clients = append(e.clients, shown)
	e.mu.Unlock()
	_, _ = io.Copy(conn, conn)
}

// lastClient is the serial number that the last client showed.
func (e *echo) lastClient() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.clients[len(e.clients)-1]
}

// dial connects, and has one byte echoed: so it also sees what TLS 1.3 says after
// the client's part of the handshake, a refusal or a session ticket.
func dial(t *testing.T, e *echo, config *tls.Config) (*tls.Conn, error) {
	t.Helper()
	raw, err := net.Dial("tcp", e.addr)
	if err != nil {
		t.Fatal(err)
	}
	conn := tls.Client(raw, config)
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	if err := conn.Handshake(); err != nil {
		_ = raw.Close()
		return nil, err
	}
	if err := ping(conn); err != nil {
		_ = raw.Close()
		return nil, err
	}
	t.Cleanup(func() { _ = raw.Close() })
	return conn, nil
}

func ping(conn *tls.Conn) error {
	if _, err := conn.Write([]byte{7}); err != nil {
		return err
	}
	var answer [1]byte
	if _, err := io.ReadFull(conn, answer[:]); err != nil {
		return err
	}
	if answer[0] != 7 {
		return errors.New("it is no echo")
	}
	return nil
}

// state is that of a connection that must succeed, and is closed.
func state(t *testing.T, e *echo, config *tls.Config) tls.ConnectionState {
	t.Helper()
	conn, err := dial(t, e, config)
	if err != nil {
		t.Fatalf("handshake: %v", err)
	}
	defer func() { _ = conn.Close() }()
	return conn.ConnectionState()
}

// shown is the serial number of the certificate that the server shows.
func shown(t *testing.T, e *echo, config *tls.Config) string {
	t.Helper()
	return serial(state(t, e, config).PeerCertificates[0])
}

// anyone is a client that verifies nothing.
func anyone(name string) *tls.Config {
	return &tls.Config{ServerName: name, InsecureSkipVerify: true, Time: atToday} //nolint:gosec // a test
}

// refusedWith tells whether a handshake failed by an alert of the other side.
func refusedWith(err error, alert string) bool {
	var remote *net.OpError
	return errors.As(err, &remote) && remote.Op == "remote error" && remote.Err.Error() == "tls: "+alert
}
