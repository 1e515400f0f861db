package health

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/weirproxy/weir/messages"
)

func httpCheck(h messages.HTTPCheck) messages.CheckSpec {
	return messages.CheckSpec{Kind: messages.CheckHTTP, ConnectionTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second, HTTP: h}
}

func mustStatuses(t *testing.T, text string) messages.StatusSet {
	t.Helper()
	set, err := messages.ParseStatusSet(text)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestAnHTTPProbeJudgesTheResponse(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nall ok\n"
	chunked := "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nall \r\n3\r\nok\n\r\n0\r\n\r\n"
	far := "HTTP/1.1 200 OK\r\n\r\n" + strings.Repeat("x", maxBody) + "needle"
	tests := map[string]struct {
		answer string
		check  messages.HTTPCheck
		code   messages.Code
		detail string
	}{
		"passes on 200":                          {ok, messages.HTTPCheck{}, messages.CodeOK, "status 200"},
		"passes on a redirect without following": {"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n", messages.HTTPCheck{}, messages.CodeOK, "status 302"},
		"passes on HTTP/1.0":                     {"HTTP/1.0 204 No Content\r\n\r\n", messages.HTTPCheck{}, messages.CodeOK, "status 204"},
		"fails on 404":                           {"HTTP/1.1 404 Not Found\r\n\r\n", messages.HTTPCheck{}, messages.CodeStatus, "status 404"},
		"fails on 503":                           {"HTTP/1.1 503 Busy\r\nContent-Length: 5\r\n\r\nsorry", messages.HTTPCheck{}, messages.CodeStatus, "status 503"},
		"fails on 101 although it is a 1xx":      {"HTTP/1.1 101 Switching Protocols\r\n\r\n", messages.HTTPCheck{}, messages.CodeStatus, "status 101"},
		"passes on a status that was set":        {"HTTP/1.1 404 Not Found\r\n\r\n", messages.HTTPCheck{Status: mustStatuses(t, "404")}, messages.CodeOK, "status 404"},
		"fails on 200 when others were set":      {ok, messages.HTTPCheck{Status: mustStatuses(t, "404")}, messages.CodeStatus, "status 200"},
		"skips informational responses":          {"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + ok, messages.HTTPCheck{}, messages.CodeOK, "status 200"},
		"gives up after many of them":            {strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 20), messages.HTTPCheck{}, messages.CodeBadResponse, "only informational responses"},
		"finds a text in the body":               {ok, messages.HTTPCheck{BodyContains: "all ok"}, messages.CodeOK, "status 200, body as expected"},
		"finds a text in a chunked body":         {chunked, messages.HTTPCheck{BodyContains: "all ok"}, messages.CodeOK, "status 200, body as expected"},
		"misses a text in the body":              {ok, messages.HTTPCheck{BodyContains: "fine"}, messages.CodeBody, `status 200, body does not contain "fine"`},
		"finds a pattern in the body":            {ok, messages.HTTPCheck{BodyMatches: `(?m)^all \w+$`}, messages.CodeOK, "status 200, body as expected"},
		"misses a pattern in the body":           {ok, messages.HTTPCheck{BodyMatches: "^ok"}, messages.CodeBody, `status 200, body does not match "^ok"`},
		"wants text and pattern":                 {ok, messages.HTTPCheck{BodyContains: "fine", BodyMatches: "ok"}, messages.CodeBody, `status 200, body does not contain "fine"`},
		"does not look beyond 64 KiB":            {far, messages.HTTPCheck{BodyContains: "needle"}, messages.CodeBody, `status 200, body does not contain "needle"`},
		"has no body after HEAD":                 {"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", messages.HTTPCheck{Method: "HEAD"}, messages.CodeOK, "status 200"},
		"refuses garbage":                        {"SSH-2.0-OpenSSH_9.6\r\n\r\n", messages.HTTPCheck{}, messages.CodeBadResponse, `malformed HTTP response "SSH-2.0-OpenSSH_9.6"`},
		"refuses broken chunks":                  {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", messages.HTTPCheck{BodyContains: "x"}, messages.CodeBadResponse, "invalid byte in chunk length"},
		"refuses a huge head":                    {"HTTP/1.1 200 OK\r\n" + strings.Repeat("X-Long: "+strings.Repeat("x", 1000)+"\r\n", 100) + "\r\n", messages.HTTPCheck{}, messages.CodeBadResponse, "response head larger than 65536 bytes"},
		"sees an early end":                      {"HTTP/1.1 200 OK\r\nContent-Length: 1", messages.HTTPCheck{}, messages.CodeReset, "connection closed before the response head was complete"},
		"sees an end without an answer":          {"", messages.HTTPCheck{}, messages.CodeReset, "connection closed before the response head was complete"},
		"sees a body that ends early":            {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nall", messages.HTTPCheck{BodyContains: "all"}, messages.CodeReset, "connection closed in the middle of the body"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := Probe(t.Context(), httpCheck(tt.check), servePeer(t, answering(tt.answer)))
			if got.Code != tt.code || got.Detail != tt.detail {
				t.Errorf("got %s %q, want %s %q", got.Code, got.Detail, tt.code, tt.detail)
			}
		})
	}
}

func TestAnHTTPProbeSurvivesPeersThatMisbehave(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\n\r\n"
	wantBody := messages.HTTPCheck{BodyContains: "needle"}
	short := 150 * time.Millisecond
	tests := map[string]struct {
		peer   func(net.Conn)
		check  messages.HTTPCheck
		read   time.Duration
		code   messages.Code
		detail string
	}{
		"silence is a head timeout":                     {silent, messages.HTTPCheck{}, short, messages.CodeHeadTimeout, "no response head within 150ms"},
		"a dripping head is a head timeout":             {forever("HTTP/1.1 200 OK\r\nX: ", "x", 10*time.Millisecond), messages.HTTPCheck{}, short, messages.CodeHeadTimeout, "no response head within 150ms"},
		"a dripping body is a read timeout":             {forever(head, "x", 10*time.Millisecond), wantBody, short, messages.CodeReadTimeout, "response not complete within 150ms"},
		"a dripping body that nobody wants is no fault": {forever(head, "x", 10*time.Millisecond), messages.HTTPCheck{}, 5 * time.Second, messages.CodeOK, "status 200"},
		"an endless body is read in part":               {forever(head+"needle", strings.Repeat("x", 4096), 0), wantBody, 5 * time.Second, messages.CodeOK, "status 200, body as expected"},
		"an endless body in vain is read in part":       {forever(head, strings.Repeat("x", 4096), 0), wantBody, 5 * time.Second, messages.CodeBody, `status 200, body does not contain "needle"`},
		"an endless body that nobody wants is no fault": {forever(head, strings.Repeat("x", 4096), 0), messages.HTTPCheck{}, 5 * time.Second, messages.CodeOK, "status 200"},
		"an endless head is cut":                        {forever("HTTP/1.1 200 OK\r\n", "X-More: "+strings.Repeat("x", 1000)+"\r\n", 0), messages.HTTPCheck{}, 5 * time.Second, messages.CodeBadResponse, "response head larger than 65536 bytes"},
		"an endless first line is cut":                  {forever("HTTP/1.1 200 ", strings.Repeat("x", 1000), 0), messages.HTTPCheck{}, 5 * time.Second, messages.CodeBadResponse, "response head larger than 65536 bytes"},
		"a reset is a reset":                            {resetting("", nil), messages.HTTPCheck{}, 5 * time.Second, messages.CodeReset, "connection closed before the response head was complete"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			check := httpCheck(tt.check)
			check.ReadTimeout = tt.read
			got := Probe(t.Context(), check, servePeer(t, tt.peer))
			if got.Code != tt.code || got.Detail != tt.detail {
				t.Errorf("got %s %q, want %s %q", got.Code, got.Detail, tt.code, tt.detail)
			}
			if got.Took > 4*time.Second {
				t.Errorf("took %v", got.Took)
			}
		})
	}
}

func TestAResetInTheMiddleOfABodyIsAReset(t *testing.T) {
	// The peer must not reset before the head was read: a drip that it waits for shows that.
	read := make(chan struct{})
	addr := servePeer(t, resetting("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", read))
	check := httpCheck(messages.HTTPCheck{BodyContains: "x"})
	p, err := newHTTPProbe(complete(check))
	if err != nil {
		t.Fatal(err)
	}
	conn, failed := p.open(t.Context(), addr)
	if conn == nil {
		t.Fatal(failed)
	}
	defer conn.Close()
	if _, err := conn.Write(p.request.bytes(addr)); err != nil {
		t.Fatal(err)
	}
	got := p.judge(&readSignal{Conn: conn, first: read})
	if got.Code != messages.CodeReset || got.Detail != "connection closed in the middle of the body" {
		t.Errorf("got %s %q", got.Code, got.Detail)
	}
}

// readSignal closes first when its first Read has returned.
type readSignal struct {
	net.Conn
	first chan struct{}
	done  bool
}

func (r *readSignal) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	if !r.done {
		r.done = true
		close(r.first)
	}
	return n, err
}

func TestAnHTTPProbeTellsConnectAndReadTimeoutsApart(t *testing.T) {
	check := httpCheck(messages.HTTPCheck{})
	check.ConnectionTimeout = 100 * time.Millisecond
	if got := Probe(t.Context(), check, fullBacklog(t)); got.Code != messages.CodeConnectTimeout || got.Detail != "not connected within 100ms" {
		t.Errorf("got %s %q, want a connect timeout", got.Code, got.Detail)
	}
	if got := Probe(t.Context(), check, closedPort(t)); got.Code != messages.CodeConnectRefused {
		t.Errorf("got %s %q, want refused", got.Code, got.Detail)
	}
	check.Kind = messages.CheckHTTPS
	if got := Probe(t.Context(), check, servePeer(t, silent)); got.Code != messages.CodeConnectTimeout || got.Detail != "TLS handshake not done within 100ms" {
		t.Errorf("got %s %q, want a timeout of the handshake", got.Code, got.Detail)
	}
}

func TestTheRequestIsAsTheCheckSays(t *testing.T) {
	tests := map[string]struct {
		check messages.HTTPCheck
		want  string // ADDR stands for the peer's address
	}{
		"by default": {messages.HTTPCheck{},
			"GET / HTTP/1.1\r\nHost: ADDR\r\nUser-Agent: weir\r\nAccept: */*\r\nConnection: close\r\n\r\n"},
		"with everything set": {messages.HTTPCheck{Method: "OPTIONS", Host: "api.example.com", Path: "/healthz?full=1",
			Headers: messages.ListOf(messages.HeaderField{Name: "x-Probe", Value: "a"}, messages.HeaderField{Name: "X-Probe", Value: "b"})},
			"OPTIONS /healthz?full=1 HTTP/1.1\r\nHost: api.example.com\r\nUser-Agent: weir\r\nAccept: */*\r\nx-Probe: a\r\nX-Probe: b\r\nConnection: close\r\n\r\n"},
		"with fields that replace the probe's own": {messages.HTTPCheck{Headers: messages.ListOf(
			messages.HeaderField{Name: "user-agent", Value: "me"}, messages.HeaderField{Name: "ACCEPT", Value: "text/plain"}, messages.HeaderField{Name: "Host", Value: "h"})},
			"GET / HTTP/1.1\r\nHost: h\r\nuser-agent: me\r\nACCEPT: text/plain\r\nConnection: close\r\n\r\n"},
		"with a method that has a body elsewhere": {messages.HTTPCheck{Method: "POST", Path: "?a=b"},
			"POST /?a=b HTTP/1.1\r\nHost: ADDR\r\nUser-Agent: weir\r\nAccept: */*\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			sent := make(chan string, 1)
			addr := servePeer(t, func(conn net.Conn) {
				sent <- readRequest(conn)
				_, _ = conn.Write([]byte("HTTP/1.1 200 OK\r\n\r\n"))
			})
			if got := Probe(t.Context(), httpCheck(tt.check), addr); !got.OK() {
				t.Fatalf("got %s %q", got.Code, got.Detail)
			}
			if got, want := <-sent, strings.ReplaceAll(tt.want, "ADDR", addr); got != want {
				t.Errorf("sent %q, want %q", got, want)
			}
		})
	}
}

func TestEachProbeHasAConnectionOfItsOwn(t *testing.T) {
	var connections atomic.Int64
	addr := servePeer(t, func(conn net.Conn) {
		connections.Add(1)
		for readRequest(conn) != "" { // would serve more than one
			_, _ = conn.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
		}
	})
	probe, err := NewProbe(httpCheck(messages.HTTPCheck{}))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if got := probe(t.Context(), addr); !got.OK() {
			t.Fatalf("got %s %q", got.Code, got.Detail)
		}
	}
	if n := connections.Load(); n != 3 {
		t.Errorf("%d connections for 3 probes", n)
	}
}

func TestAnHTTPSProbeVerifies(t *testing.T) {
	cert, pem := newCert(t, "api.example.com")
	dir := t.TempDir()
	ca, junk := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "junk.pem")
	for name, content := range map[string][]byte{ca: pem, junk: []byte("junk")} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, otherPEM := newCert(t, "api.example.com")
	other := filepath.Join(dir, "other.pem")
	if err := os.WriteFile(other, otherPEM, 0o600); err != nil {
		t.Fatal(err)
	}
	secure := serveTLS(t, cert, answering("HTTP/1.1 200 OK\r\n\r\n"))
	plain := servePeer(t, func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 1024)) // what it takes for a request
		_, _ = conn.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
	})
	closing := servePeer(t, func(net.Conn) {})
	tests := map[string]struct {
		addr   string
		check  messages.HTTPCheck
		code   messages.Code
		detail string // a part of it
	}{
		"refuses an authority it does not know":  {secure, messages.HTTPCheck{}, messages.CodeTLS, "certificate signed by unknown authority"},
		"refuses one signed by another":          {secure, messages.HTTPCheck{CA: other}, messages.CodeTLS, "x509"},
		"takes it unverified when told to":       {secure, messages.HTTPCheck{SkipVerify: true}, messages.CodeOK, "status 200"},
		"takes an authority from a file":         {secure, messages.HTTPCheck{CA: ca}, messages.CodeOK, "status 200"},
		"verifies the name in host":              {secure, messages.HTTPCheck{CA: ca, Host: "api.example.com:8443"}, messages.CodeOK, "status 200"},
		"refuses a certificate for another name": {secure, messages.HTTPCheck{CA: ca, Host: "www.example.com"}, messages.CodeTLS, "not www.example.com"},
		"says that a CA file cannot be read":     {secure, messages.HTTPCheck{CA: filepath.Join(dir, "none.pem")}, messages.CodeTLS, "none.pem: no such file"},
		"says that a CA file holds nothing":      {secure, messages.HTTPCheck{CA: junk}, messages.CodeTLS, "holds no PEM certificate"},
		"fails on a peer without TLS":            {plain, messages.HTTPCheck{SkipVerify: true}, messages.CodeTLS, "does not look like a TLS handshake"},
		"fails on a peer that hangs up":          {closing, messages.HTTPCheck{SkipVerify: true}, messages.CodeTLS, "connection closed in the TLS handshake"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			check := httpCheck(tt.check)
			check.Kind = messages.CheckHTTPS
			got := Probe(t.Context(), check, tt.addr)
			if got.Code != tt.code || !strings.Contains(got.Detail, tt.detail) {
				t.Errorf("got %s %q, want %s %q", got.Code, got.Detail, tt.code, tt.detail)
			}
		})
	}
}

func TestACAFileThatAppearsLaterIsTaken(t *testing.T) {
	cert, pem := newCert(t)
	addr := serveTLS(t, cert, answering("HTTP/1.1 200 OK\r\n\r\n"))
	check := httpCheck(messages.HTTPCheck{CA: filepath.Join(t.TempDir(), "ca.pem")})
	check.Kind = messages.CheckHTTPS
	probe, err := NewProbe(check)
	if err != nil {
		t.Fatal(err)
	}
	if got := probe(t.Context(), addr); got.Code != messages.CodeTLS {
		t.Fatalf("got %s %q without the file", got.Code, got.Detail)
	}
	if err := os.WriteFile(check.HTTP.CA, pem, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := probe(t.Context(), addr); !got.OK() {
		t.Errorf("got %s %q with the file", got.Code, got.Detail)
	}
}

func TestAnHTTPSProbeNamesTheHost(t *testing.T) {
	for authority, want := range map[string]string{"api:8443": "api", "api": "api", "[::1]:443": "::1", "[::1]": "::1", "10.0.0.1:80": "10.0.0.1"} {
		if got := hostOf(authority); got != want {
			t.Errorf("host of %q: got %q, want %q", authority, got, want)
		}
	}
}

// scripted is a connection that yields what it was given, then its end.
type scripted struct{ *bytes.Reader }

func (scripted) Write(p []byte) (int, error)      { return len(p), nil }
func (scripted) Close() error                     { return nil }
func (scripted) LocalAddr() net.Addr              { return nil }
func (scripted) RemoteAddr() net.Addr             { return nil }
func (scripted) SetDeadline(time.Time) error      { return nil }
func (scripted) SetReadDeadline(time.Time) error  { return nil }
func (scripted) SetWriteDeadline(time.Time) error { return nil }

func FuzzAnyResponseGivesACleanResult(f *testing.F) {
	for _, seed := range []string{"", "HTTP/1.1 200 OK\r\n\r\nok", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
		"HTTP/1.1 103\r\n\r\nHTTP/1.1 503 x\r\n\r\n", "\x00\x1b[31mred\r\n\r\n", "HTTP/1.1 999 \xff\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n\r\n"} {
		f.Add([]byte(seed))
	}
	p, err := newHTTPProbe(complete(httpCheck(messages.HTTPCheck{BodyContains: "ok", BodyMatches: "^o"})))
	if err != nil {
		f.Fatal(err)
	}
	known := map[messages.Code]bool{messages.CodeOK: true, messages.CodeStatus: true, messages.CodeBody: true, messages.CodeReset: true, messages.CodeBadResponse: true}
	f.Fuzz(func(t *testing.T, response []byte) {
		got := p.judge(scripted{bytes.NewReader(response)})
		if !known[got.Code] {
			t.Errorf("code %q", got.Code)
		}
		assertClean(t, got.Detail)
	})
}

func assertClean(t *testing.T, detail string) {
	t.Helper()
	if len(detail) > maxDetail || !utf8.ValidString(detail) || strings.ContainsFunc(detail, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		t.Errorf("detail %q is too long (%d bytes) or not clean", detail, len(detail))
	}
}
