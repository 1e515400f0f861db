package main

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// What a start refuses, each with the key and what helps.
func TestAStartThatIsRefused(t *testing.T) {
	s := newPlace(t)
	for name, c := range map[string]struct{ text, want string }{
		"a file with a fault":              {s.web("{addr: \""+s.listener+"\"}", "127.0.0.1:1") + "rotes: {}\n", "unknown key"},
		"an address of another machine":    {s.web("{addr: \"192.0.2.1:18080\"}", "127.0.0.1:1"), "listeners[0].addr: "},
		"an admin address of another one":  {strings.Replace(s.web("{addr: \""+s.listener+"\"}", "127.0.0.1:1"), s.admin, "192.0.2.1:19070", 1), "admin.addr: "},
		"a socket that systemd never gave": {s.web("{addr: \"fd:weir.socket\"}", "127.0.0.1:1"), "listeners[0].addr: "},
		"a certificate that is not there":  {s.web("{addr: \""+s.listener+"\", tls: {certs: [{cert: no.pem, key: no.key}]}}", "127.0.0.1:1"), "listeners[0].tls.certs[0].cert"},
	} {
		s.write(c.text)
		if code, _, stderr := command(t, "serve", "-c", s.file); code != 1 || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: status %d, %s, want %s", name, code, stderr, c.want)
		}
	}
}

// Without those it finds peers by, weir starts, serves what it has, and says so.
func TestAStartWithoutDockerAndNameServer(t *testing.T) {
	s := newPlace(t)
	s.begin("listeners: [{addr: \"" + s.listener + "\"}]\n" + s.own() + "watch: false\ndns: {servers: [\"" + freeAddr(t) + "\"], timeout: 200ms, attempts: 1}\n" +
		"docker: {host: \"unix://" + filepath.Join(s.dir, "nobody.sock") + "\"}\n" +
		"routes: {a: {path: /a, upstream: a}, b: {path: /b, upstream: b}, c: {path: /c, upstream: c}}\nupstreams:\n  a: {addrs: [\"" + tells(t) + "\"]}\n" +
		"  b: {discovery: docker, addrs: [app], queue_timeout: 1s}\n  c: {discovery: dns, addrs: [\"c.test:80\"], queue_timeout: 1s}\n")
	for path, want := range map[string]int{"/a": http.StatusOK, "/b": http.StatusServiceUnavailable, "/c": http.StatusServiceUnavailable} {
		if status, header, _ := get(t, "http://"+s.listener+path); status != want {
			t.Errorf("%s: got %d %s, want %d", path, status, header.Get("X-Weir-Error"), want)
		}
	}
	eventually(t, "each is told", func() bool {
		_, out, _ := command(t, "events", "--admin", s.adminURL, "--since", "1h", "--no-follow")
		return strings.Contains(out, "nobody.sock") && strings.Contains(out, "c.test") && strings.Contains(out, "b  down") && strings.Contains(out, "c  down")
	})
}

// log.level counts at once.
func TestTheLevelOfTheLog(t *testing.T) {
	s := newPlace(t)
	text := s.web("{addr: \""+s.listener+"\"}", tells(t))
	s.begin(text)
	if log := s.instance.stderr.String(); strings.Contains(log, `"level":"DEBUG"`) {
		t.Errorf("the log:\n%s", log)
	}
	s.write(text + "log: {level: debug}\n")
	for range 2 { // the second changes nothing, which is worth a DEBUG
		if code, _, stderr := s.reload(); code != 0 {
			t.Fatal(stderr)
		}
	}
	if log := s.instance.stderr.String(); !strings.Contains(log, `"level":"DEBUG"`) {
		t.Errorf("the log:\n%s", log)
	}
}
