package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// web returns a file with listeners, and one upstream behind them.
func (s *site) web(listeners, addr string) string {
	return "listeners: [" + listeners + "]\n" + s.own() + "watch: false\nroutes: {web: {path: /, upstream: web}}\nupstreams: {web: {addrs: [\"" + addr + "\"]}}\n"
}

// metric returns the lines of /metrics that begin with name.
func (s *site) metric(name string) (lines string) {
	_, _, body := get(s.t, s.adminURL+"/metrics")
	for line := range strings.Lines(body) {
		if strings.HasPrefix(line, name) {
			lines += line
		}
	}
	return lines
}

// hold makes a request over a connection that stays.
func hold(t *testing.T, addr string) (status int) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close() // it is read in full by nobody: the connection is
	return resp.StatusCode
}

func TestClientsCountWhenTheirListenerIsChanged(t *testing.T) {
	slow, finish := slowPeer(t)
	s := newPlace(t)
	at := func(more string) string {
		return s.web("{addr: \""+s.listener+"\", limits: {max_connections: 2"+more+"}}", slow)
	}
	s.begin(at(""))
	url := "http://" + s.listener + "/"
	first, second := download(t, url), download(t, url)
	s.write(at(", idle_timeout: 30s"))
	if code, out, stderr := s.reload(); code != 0 || !strings.Contains(out, "limits.idle_timeout") {
		t.Fatalf("status %d, %s%s", code, out, stderr)
	}
	if status := hold(t, s.listener); status != http.StatusServiceUnavailable {
		t.Errorf("a third client got %d", status)
	}
	if got := s.metric("weir_client_connections"); !strings.Contains(got, "weir_client_connections{listener=\""+s.listener+"\"} 2\n") ||
		!strings.Contains(got, "accepted_total{listener=\""+s.listener+"\"} 2\n") {
		t.Errorf("metrics:\n%s", got)
	}
	close(finish)
	for _, body := range []io.Reader{first, second} {
		if rest, err := io.ReadAll(body); string(rest) != "finished\n" || err != nil {
			t.Errorf("a download ends with %q, %v", rest, err)
		}
	}
	eventually(t, "there is room again", func() bool { return hold(t, s.listener) == http.StatusOK })
}

func TestOptionsOfAnOpenSocketNeedARestart(t *testing.T) {
	s := newPlace(t)
	s.begin(s.web("{addr: \""+s.listener+"\"}", echo(t)))
	s.write(strings.Replace(s.text("127.0.0.1:1"), s.listener+"\"", s.listener+"\", reuse_port: true, tcp_recv_buf: 64KiB", 1))
	for range 2 { // it is said each time
		code, out, stderr := s.reload()
		for _, want := range []string{"listeners[" + s.listener + "].reuse_port false -> true", "listeners[" + s.listener + "].tcp_recv_buf 0 -> 64KiB"} {
			if code != 0 || !strings.Contains(out, want) {
				t.Errorf("status %d, %s%s, want %s", code, out, stderr, want)
			}
		}
	}
}

func TestAnAddressThatWeirItselfHas(t *testing.T) {
	s := newPlace(t)
	addr := echo(t)
	s.begin(s.web("{addr: \""+s.listener+"\"}", addr))
	_, port, _ := net.SplitHostPort(s.listener)
	s.write(s.web("{addr: \":"+port+"\"}", addr))
	code, _, stderr := s.reload()
	if want := "listeners[0].addr: :" + port + " cannot be opened while this weir listens at " + s.listener; code != 1 || !strings.Contains(stderr, want) {
		t.Errorf("status %d, %s, want %s", code, stderr, want)
	}
	// The admin API and NATS move only with a restart, whatever the file says.
	old := s.admin
	s.admin = freeAddr(t)
	for _, taken := range []string{old, "0.0.0.0" + old[strings.LastIndex(old, ":"):]} {
		s.write(s.web("{addr: \""+s.listener+"\"}, {addr: \""+taken+"\"}", addr))
		code, _, stderr = s.reload()
		if want := "listeners[1].addr: " + taken + " cannot be opened while this weir has " + old + " for admin.addr"; code != 1 || !strings.Contains(stderr, want) {
			t.Errorf("status %d, %s, want %s", code, stderr, want)
		}
	}
	if status := hold(t, s.listener); status != http.StatusOK {
		t.Errorf("got %d", status)
	}
}

func TestAddressesThatOverlap(t *testing.T) {
	_, port, _ := net.SplitHostPort(freeAddr(t))
	s := newPlace(t)
	for _, tt := range []struct{ listeners, want string }{
		{`{addr: "127.0.0.1:` + port + `"}, {addr: ":` + port + `"}`, "listeners[1].addr: :" + port + " cannot be opened beside 127.0.0.1:" + port + " of listeners[0].addr"},
		{`{addr: "0.0.0.0:` + port + `", reuse_port: true}, {addr: "127.0.0.1:` + port + `"}`, "listeners[1].addr: 127.0.0.1:" + port + " cannot"},
		{`{addr: "[::]:` + port + `"}, {addr: "0.0.0.0:` + port + `"}`, "listeners[1].addr: 0.0.0.0:" + port + " cannot"},
		{`{addr: ":` + port + `", reuse_port: true}, {addr: "127.0.0.1:` + port + `", reuse_port: true}`, ""},
		{`{addr: "0.0.0.0:` + port + `"}, {addr: "[::1]:` + port + `"}`, ""},
		{`{addr: "127.0.0.1:` + port + `"}, {addr: "127.0.0.2:` + port + `"}`, ""},
		{`{addr: ":` + s.admin[strings.LastIndex(s.admin, ":")+1:] + `"}`, "admin.addr: " + s.admin + " cannot be opened beside"},
		{`{addr: "[::1]:` + s.nats[strings.LastIndex(s.nats, ":")+1:] + `"}`, ""},
		{`{addr: ":` + s.nats[strings.LastIndex(s.nats, ":")+1:] + `"}`, "nats.addr: " + s.nats + " cannot be opened beside"},
	} {
		s.write(s.web(tt.listeners, "127.0.0.1:1"))
		code, _, stderr := command(t, "check", "-c", s.file)
		if (code == 1) != (tt.want != "") || !strings.Contains(stderr, tt.want) {
			t.Errorf("%s: status %d, %s, want %q", tt.listeners, code, stderr, tt.want)
		}
	}
	s.nats = "0.0.0.0:" + port // for NATS that is IPv6, too
	s.write(s.web(`{addr: "[::1]:`+port+`"}`, "127.0.0.1:1"))
	if code, _, stderr := command(t, "check", "-c", s.file); code != 1 || !strings.Contains(stderr, "nats.addr: 0.0.0.0:"+port+" cannot") {
		t.Errorf("status %d, %s", code, stderr)
	}
}

func TestAPROXYHeaderThatIsRefusedLeavesATrace(t *testing.T) {
	s := newPlace(t)
	s.begin(s.web("{addr: \""+s.listener+"\", proxy_protocol: {trusted: [\"10.0.0.0/8\"]}}", echo(t)))
	for range 3 {
		if body, err := talk(t, "tcp", s.listener, "PROXY TCP4 192.0.2.7 192.0.2.8 1234 80\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"); err == nil {
			t.Errorf("got %q", body)
		}
	}
	if got := s.metric("weir_client_proxy_headers_refused_total"); !strings.HasSuffix(got, "} 3\n") {
		t.Errorf("metrics: %s", got)
	}
	if log := s.instance.stderr.String(); !strings.Contains(log, "clients are refused for their PROXY header") || !strings.Contains(log, `"remote":"127.0.0.1:`) {
		t.Errorf("the log:\n%s", log)
	}
}

// TestClientsThatAreCutAtTheEndAreNoFailure: shutdown.timeout is what was asked
// for, as it is after the last reload. With reuse_port there are clients in the
// queue to be waited for, too.
func TestClientsThatAreCutAtTheEndAreNoFailure(t *testing.T) {
	for _, tt := range []struct{ timeout, with string }{{"1s", ""}, {"0s", ""}, {"0s", ", reuse_port: true"}, {"300ms", ", reuse_port: true"}} {
		t.Run(tt.timeout+tt.with, func(t *testing.T) {
			slow, _ := slowPeer(t)
			s := newPlace(t)
			text := s.web("{addr: \""+s.listener+"\""+tt.with+"}", slow)
			s.begin(text)
			s.write(text + "shutdown: {timeout: " + tt.timeout + "}\n")
			if code, _, stderr := s.reload(); code != 0 {
				t.Fatal(stderr)
			}
			body := download(t, "http://"+s.listener+"/")
			code := s.instance.end()
			if _, err := io.ReadAll(body); err == nil {
				t.Error("the download ended well")
			}
			log := s.instance.stderr.String()
			for _, want := range []string{`"msg":"weir drains","delay":"0s","timeout":"` + tt.timeout + `"`, `at the end of shutdown.timeout`, `"msg":"weir stopped"`} {
				if code != 0 || !strings.Contains(log, want) {
					t.Errorf("status %d, the log has no %s:\n%s", code, want, log)
				}
			}
		})
	}
}

// TestClientsOfARemovedListenerWithoutATimeout: shutdown.timeout 0 cuts them, too.
func TestClientsOfARemovedListenerWithoutATimeout(t *testing.T) {
	slow, _ := slowPeer(t)
	s := newPlace(t)
	other := freeAddr(t)
	const end = "shutdown: {timeout: 0s}\n"
	s.begin(s.web("{addr: \""+s.listener+"\"}, {addr: \""+other+"\"}", slow) + end)
	body := download(t, "http://"+other+"/")
	s.write(s.web("{addr: \""+s.listener+"\"}", slow) + end)
	if code, _, stderr := s.reload(); code != 0 {
		t.Fatal(stderr)
	}
	if _, err := io.ReadAll(body); err == nil {
		t.Error("the download ended well")
	}
}

// TestAStopDuringTheStartIsNoFailure: whoever starts and at once stops weir, as
// supervisors do, is not told of an error.
func TestAStopDuringTheStartIsNoFailure(t *testing.T) {
	s := newPlace(t)
	s.write(s.web("{addr: \""+s.listener+"\"}", "127.0.0.1:1"))
	ctx, stop := context.WithCancel(t.Context())
	stop()
	var stderr text
	if code := run(ctx, []string{"serve", "-c", s.file}, environment{lookup: noEnv, stdout: &stderr, stderr: &stderr}); code != 0 || !strings.Contains(stderr.String(), "weir was stopped before it served") {
		t.Errorf("status %d, %s", code, stderr.String())
	}
}
