package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/weirproxy/weir/internal/dnstest"
)

// openSite is a weir with a transparent upstream for all of its clients.
func openSite(t *testing.T, names *dnstest.Server, transparent string) *site {
	t.Helper()
	s := newPlace(t)
	s.begin(s.own() + "watch: false\ndns: {servers: [\"" + names.Addr() + "\"], timeout: 500ms, attempts: 1}\nlisteners: [{addr: \"" + s.listener + "\"}]\n" +
		"routes: {all: {path: /, upstream: open}}\nupstreams:\n  open: {discovery: transparent, transparent: " + transparent + "}\n")
	return s
}

// ask sends a request for a host, and returns the status, weir's own code and the body.
func (s *site) ask(client *http.Client, host string) (status int, code, body string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, "http://"+s.listener+"/", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Host = host
	resp, err := client.Do(req)
	if err != nil {
		s.t.Errorf("%s: %v", host, err)
		return 0, "", ""
	}
	defer func() { _ = resp.Body.Close() }()
	text := make([]byte, 4096)
	n, _ := resp.Body.Read(text) // one read has all of these bodies
	return resp.StatusCode, resp.Header.Get("X-Weir-Error"), string(text[:n])
}

func TestATransparentUpstreamGoesWhereTheHostSays(t *testing.T) {
	const one, two = "127.0.0.1", "127.0.0.2"
	port := peersAt(t, one, two)
	names := dnstest.Start(t)
	names.SetAddrs("one.test.", 60, one)
	names.SetAddrs("two.test.", 60, two)
	names.SetAddrs("meta.test.", 60, "169.254.169.254")
	names.Set("gone.test.", "*", dnstest.Code("NXDOMAIN"))
	names.Set("sick.test.", "*", dnstest.Code("SERVFAIL"))
	s := openSite(t, names, `{allow: ["*.test:*", "127.0.0.0/8:`+port+`"], allow_private: true}`)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	_, ownPort, _ := net.SplitHostPort(s.listener)
	_, adminPort, _ := net.SplitHostPort(s.admin)
	names.SetAddrs("self.test.", 60, "127.0.0.1")
	for _, tt := range []struct {
		name, host string
		status     int
		code, body string
	}{
		{"a name", "one.test:" + port, 200, "", one},
		{"another name", "TWO.test.:" + port, 200, "", two},
		{"an address", "127.0.0.2:" + port, 200, "", two},
		{"a name that is not allowed", "example.com", 403, "host_not_allowed", ""},
		{"a port that is not allowed", "127.0.0.2:1", 403, "host_not_allowed", ""},
		{"a name that does not exist", "gone.test", 502, "host_not_found", ""},
		{"name servers that fail", "sick.test", 502, "lookup_failed", ""},
		{"a name of where clouds keep secrets", "meta.test", 403, "address_forbidden", ""},
		{"an address as C libraries read it", "127.1:" + port, 400, "bad_request", ""},
		{"itself", "self.test:" + ownPort, 508, "loop", ""},
		{"its own admin address", "self.test:" + adminPort, 508, "loop", ""},
		{"nobody there", "one.test:1", 502, "connect_refused", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, code, body := s.ask(client, tt.host)
			if status != tt.status || code != tt.code || tt.body != "" && body != tt.body {
				t.Errorf("got %d %s %q", status, code, body)
			}
		})
	}
	_, out, _ := command(t, "upstreams", "open", "--admin", s.adminURL)
	if !strings.Contains(out, "transparent: each request goes where its Host says") {
		t.Errorf("weir upstreams open:\n%s", out)
	}
	if code, out, _ := command(t, "status", "--admin", s.adminURL); code != 0 {
		t.Errorf("weir status: %d\n%s", code, out)
	}
}

func TestANameThatTurnsPrivateIsNotFollowed(t *testing.T) {
	port := peersAt(t, "127.0.0.1")
	names := dnstest.Start(t)
	names.SetAddrs("rebind.test.", 0, "127.0.0.1")
	s := openSite(t, names, `{allow: ["*:*"]}`)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for _, host := range []string{"rebind.test:" + port, "127.0.0.1:" + port, "localhost:" + port, "[::ffff:127.0.0.1]:" + port} {
		if status, code, body := s.ask(client, host); status != 403 || code != "address_forbidden" {
			t.Errorf("%s: got %d %s %q", host, status, code, body)
		}
	}
}

// TestManyHostsCostNoMemory asks for destinations that are all different: one
// listener of a peer answers at every loopback address.
func TestManyHostsCostNoMemory(t *testing.T) {
	const hosts, few = 20_000, 500
	l, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) })}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(l) }()
	defer func() { _ = server.Close(); <-done }()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	s := openSite(t, dnstest.Start(t), `{allow: ["*:*"], allow_private: true}`)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	defer client.CloseIdleConnections()
	var next atomic.Int64
	visit := func(until int64) {
		var clients sync.WaitGroup
		for range 16 {
			clients.Go(func() {
				for n := next.Add(1); n <= until; n = next.Add(1) {
					if status, code, _ := s.ask(client, fmt.Sprintf("127.%d.%d.%d:%s", 1+n>>16, n>>8&255, n&255, port)); status != 200 {
						t.Errorf("host %d: %d %s", n, status, code)
						return
					}
				}
			})
		}
		clients.Wait()
		next.Store(until)
	}
	series := func() int { _, _, body := get(t, s.adminURL+"/metrics"); return strings.Count(body, "\n") }
	files := func() int { fds, _ := os.ReadDir("/proc/self/fd"); return len(fds) }
	visit(few)
	seriesBefore, goroutinesBefore := series(), runtime.NumGoroutine()
	visit(hosts)
	if now := series(); now > seriesBefore+5 {
		t.Errorf("%d series of metrics, %d after %d hosts", now, seriesBefore, few)
	}
	// A connection has a descriptor at each of its ends, and a few goroutines at
	// both; weir keeps 1,000 of them.
	if now := files(); now > 3000 {
		t.Errorf("%d descriptors are open", now)
	}
	if now := runtime.NumGoroutine(); now > goroutinesBefore+4000 {
		t.Errorf("%d goroutines, %d after %d hosts", now, goroutinesBefore, few)
	}
}

func TestCheckKnowsPatternsThatLeadNowhere(t *testing.T) {
	for allow, want := range map[string]string{
		"a..b":         `upstreams.open.transparent.allow[1]: bad pattern "a..b"`,
		"10.0.0.0/8":   `upstreams.open.transparent.allow[1]: "10.0.0.0/8" can never be reached`,
		"169.254.0.1":  "link-local",
		"example.com:": "port of 1 to 65535",
	} {
		s := newPlace(t)
		s.write(s.own() + "listeners: [{addr: \":0\"}]\nroutes: {}\nupstreams: {open: {discovery: transparent, transparent: {allow: [a.org, \"" + allow + "\"]}}}\n")
		if code, _, stderr := command(t, "check", "-c", s.file); code != 1 || !strings.Contains(stderr, want) {
			t.Errorf("%s: status %d, %s", allow, code, stderr)
		}
	}
}
