package dnstest

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// Server is a real DNS server on a port of 127.0.0.1, over UDP and TCP.
type Server struct {
	t    testing.TB
	addr string

	mu        sync.Mutex
	script    map[string]Reply
	questions []Question
	changed   chan struct{} // closed and replaced at each question
	closing   chan struct{} // closed when answers must not be held any more
	running   []*dns.Server
	serving   sync.WaitGroup
}

// Question is a question that the server saw.
type Question struct {
	Name, Type string // "web.test." "A"
	TCP        bool
	// ID and Port are those of the client's message and socket.
	ID   uint16
	Port int
	// EDNS is the size of answers that the client takes over UDP; 0 = it did not say.
	EDNS int
}

// Start starts a server that refuses all questions. It ends with the test.
func Start(t testing.TB) *Server {
	t.Helper()
	s := &Server{t: t, script: map[string]Reply{}, changed: make(chan struct{})}
	s.addr = s.listen("127.0.0.1:0")
	t.Cleanup(s.Stop)
	return s
}

// Addr returns the server's host:port. It stays the same over Stop and Resume.
func (s *Server) Addr() string { return s.addr }

// Set says how questions for name and type ("web.test.", "A") are answered from
// now on. Name "*" stands for all names that are not set, type "*" for all types.
func (s *Server) Set(name, rrtype string, reply Reply) {
	s.t.Helper()
	if _, err := reply.message(new(dns.Msg).SetQuestion("check.test.", dns.TypeA)); err != nil {
		s.t.Fatalf("dnstest: the reply for %s %s: %v", name, rrtype, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script[strings.ToLower(name)+" "+rrtype] = reply
}

// SetAddrs answers A and AAAA questions for name by addrs, with that TTL in seconds.
func (s *Server) SetAddrs(name string, ttl int, addrs ...string) {
	s.t.Helper()
	byType := map[string][]string{}
	for _, addr := range addrs {
		rrtype := "A"
		if strings.Contains(addr, ":") {
			rrtype = "AAAA"
		}
		byType[rrtype] = append(byType[rrtype], fmt.Sprintf("%s %d IN %s %s", name, ttl, rrtype, addr))
	}
	for _, rrtype := range []string{"A", "AAAA"} {
		reply := NoData()
		if records := byType[rrtype]; len(records) > 0 {
			reply = Records(records...)
		}
		s.Set(name, rrtype, reply)
	}
}

// Questions returns the questions so far.
func (s *Server) Questions() []Question {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Question(nil), s.questions...)
}

// Await waits until n questions were seen in all, and returns them; 10 s at most.
func (s *Server) Await(n int) []Question {
	s.t.Helper()
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	for {
		s.mu.Lock()
		seen, changed := append([]Question(nil), s.questions...), s.changed
		s.mu.Unlock()
		if len(seen) >= n {
			return seen
		}
		select {
		case <-changed:
		case <-deadline.C:
			s.t.Fatalf("dnstest: waited 10s for %d questions, saw %v", n, seen)
		}
	}
}

// Stop closes the sockets: nobody listens there until Resume. Stopping twice is fine.
func (s *Server) Stop() {
	s.mu.Lock()
	running := s.running
	s.running = nil
	if running != nil {
		close(s.closing)
	}
	s.mu.Unlock()
	for _, server := range running {
		if err := server.Shutdown(); err != nil {
			s.t.Errorf("dnstest: stop %s: %v", s.addr, err)
		}
	}
	s.serving.Wait()
}

// Resume listens on the same port again.
func (s *Server) Resume() {
	s.t.Helper()
	s.listen(s.addr)
}

// listen opens both sockets on one port. One that is taken for TCP is tried again.
func (s *Server) listen(addr string) string {
	s.t.Helper()
	for range 50 {
		udp, err := net.ListenPacket("udp", addr)
		if err != nil {
			s.t.Fatalf("dnstest: %v", err)
		}
		tcp, err := net.Listen("tcp", udp.LocalAddr().String())
		if err != nil {
			_ = udp.Close()
			continue
		}
		s.serve(&dns.Server{PacketConn: udp, Handler: s.handler(false)}, &dns.Server{Listener: tcp, Handler: s.handler(true)})
		return udp.LocalAddr().String()
	}
	s.t.Fatalf("dnstest: no port is free for UDP and TCP")
	return ""
}

func (s *Server) serve(servers ...*dns.Server) {
	s.mu.Lock()
	s.running, s.closing = servers, make(chan struct{})
	s.mu.Unlock()
	for _, server := range servers {
		ready := make(chan struct{})
		server.NotifyStartedFunc = func() { close(ready) }
		s.serving.Go(func() {
			if err := server.ActivateAndServe(); err != nil {
				s.t.Errorf("dnstest: serve: %v", err)
			}
		})
		<-ready
	}
}

func (s *Server) handler(tcp bool) dns.Handler {
	return dns.HandlerFunc(func(w dns.ResponseWriter, query *dns.Msg) {
		reply, closing := s.note(w, query, tcp)
		if reply.Hold != nil {
			select {
			case <-reply.Hold:
			case <-closing:
				return
			}
		}
		// A client that is gone does not hear the answer, and that is its right.
		_ = reply.write(w, query, tcp)
	})
}

// note records a question and returns the reply to it.
func (s *Server) note(w dns.ResponseWriter, query *dns.Msg, tcp bool) (Reply, <-chan struct{}) {
	q := Question{Name: query.Question[0].Name, Type: dns.TypeToString[query.Question[0].Qtype], TCP: tcp, ID: query.Id}
	switch from := w.RemoteAddr().(type) {
	case *net.UDPAddr:
		q.Port = from.Port
	case *net.TCPAddr:
		q.Port = from.Port
	}
	if opt := query.IsEdns0(); opt != nil {
		q.EDNS = int(opt.UDPSize())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.questions = append(s.questions, q)
	close(s.changed)
	s.changed = make(chan struct{})
	name := strings.ToLower(q.Name)
	for _, key := range []string{name + " " + q.Type, name + " *", "* " + q.Type, "* *"} {
		if reply, found := s.script[key]; found {
			return reply, s.closing
		}
	}
	return Reply{Code: "REFUSED"}, s.closing
}
