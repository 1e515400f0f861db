package natstest

import (
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Server is a NATS server. Make it with Start.
type Server struct {
	t      testing.TB
	change func(*server.Options)
	dir    string
	port   int
	s      *server.Server
}

// Start starts a server on a free port, with JetStream, and stops it when the
// test ends. change may be nil; it is called again at each start.
func Start(t testing.TB, change func(*server.Options)) *Server {
	t.Helper()
	s := Prepare(t, change)
	s.Restart()
	return s
}

// Prepare is like Start, but does not start it yet. Its port is free.
func Prepare(t testing.TB, change func(*server.Options)) *Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	s := &Server{t: t, change: change, dir: t.TempDir(), port: port}
	t.Cleanup(s.Stop)
	return s
}

// Dir is where it stores; its content may be changed while it is stopped.
func (s *Server) Dir() string { return s.dir }

// URL is where clients connect to, running or not.
func (s *Server) URL() string { return "nats://" + s.Addr() }

// Addr is its host:port.
func (s *Server) Addr() string {
	return (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: s.port}).String()
}

// Stop stops it; what it stored stays.
func (s *Server) Stop() {
	if s.s == nil {
		return
	}
	s.s.Shutdown()
	s.s.WaitForShutdown()
	s.s = nil
}

// Restart starts it, again or for the first time, at the same port.
func (s *Server) Restart() {
	s.t.Helper()
	s.Stop()
	opts := &server.Options{Host: "127.0.0.1", Port: s.port, ServerName: "test", NoSigs: true, NoLog: true,
		JetStream: true, StoreDir: s.dir, JetStreamMaxMemory: 64 << 20, JetStreamMaxStore: 1 << 30, DisableJetStreamBanner: true}
	if s.change != nil {
		s.change(opts)
	}
	running, err := server.NewServer(opts)
	if err != nil {
		s.t.Fatalf("NATS server: %v", err)
	}
	running.Start()
	if !running.ReadyForConnections(20 * time.Second) {
		running.Shutdown()
		s.t.Fatalf("the NATS server at %s does not start", s.Addr())
	}
	s.s = running
}
