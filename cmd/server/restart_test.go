package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// process is weir as a process of its own.
type process struct {
	*site
	passed *os.File // the socket that systemd would pass; nil = none
	cmd    *exec.Cmd
	output *text
}

// newProcess starts weir with s's file, and waits until it serves.
func newProcess(s *site, passed *os.File) *process {
	s.t.Helper()
	p := &process{site: s, passed: passed, output: &text{}}
	p.start()
	s.t.Cleanup(func() {
		if s.t.Failed() {
			s.t.Logf("%s:\n%s", s.file, p.output)
		}
	})
	return p
}

func (p *process) start() {
	p.t.Helper()
	p.cmd = exec.Command(os.Args[0], "serve", "-c", p.file)
	p.cmd.Env = append(os.Environ(), "WEIR_TEST_PROCESS=1")
	if p.passed != nil {
		p.cmd.Env = append(p.cmd.Env, "LISTEN_FDS=1", "LISTEN_FDNAMES=web")
		p.cmd.ExtraFiles = []*os.File{p.passed}
	}
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	started := p.cmd
	p.t.Cleanup(func() { _ = started.Process.Kill() }) // it has ended, if all went well
	eventually(p.t, "the process serves", func() bool {
		_, _, body := get(p.t, p.adminURL+"/readyz")
		return strings.Contains(body, `"ready":true`)
	})
}

// stop ends the process as an operator does, and waits until it is gone.
func (p *process) stop() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("weir ended with %v", err)
	}
}

// overHTTP2 is the last kind of clients in a crowd. Go's client of HTTP/2 must be
// able to send a body again even where it has not sent it yet: when GOAWAY comes
// between its choice of a connection and its first frame.
const overHTTP2 = 2

// crowd sends requests that no client repeats by itself once they were sent, until
// stop: over connections that stay, over one for each request, and over HTTP/2.
type crowd struct {
	t        *testing.T
	answered [3]atomic.Int64
	cancel   context.CancelFunc
	clients  sync.WaitGroup
}

func newCrowd(t *testing.T, addr string) *crowd {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	c := &crowd{t: t, cancel: cancel}
	var http2 http.Protocols
	http2.SetUnencryptedHTTP2(true)
	for kind, tr := range []*http.Transport{{}, {DisableKeepAlives: true}, {Protocols: &http2}} {
		client := &http.Client{Transport: tr, Timeout: 20 * time.Second}
		for range 4 {
			c.clients.Go(func() {
				defer tr.CloseIdleConnections()
				for ctx.Err() == nil && c.ask(client, kind, "http://"+addr+"/") {
					c.answered[kind].Add(1)
				}
			})
		}
	}
	t.Cleanup(c.stop)
	return c
}

func (c *crowd) ask(client *http.Client, kind int, url string) bool {
	body := io.Reader(strings.NewReader("?"))
	if kind != overHTTP2 {
		body = io.NopCloser(body) // which cannot be sent again
	}
	resp, err := client.Post(url, "text/plain", body)
	if err != nil {
		c.t.Errorf("kind %d after %d: %v", kind, c.total(), err)
		return false
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		c.t.Errorf("kind %d after %d: status %d, %q, %v", kind, c.total(), resp.StatusCode, answer, err)
		return false
	}
	return true
}

func (c *crowd) total() (n int64) {
	for kind := range c.answered {
		n += c.answered[kind].Load()
	}
	return n
}

// await waits until each kind of client got n more answers.
func (c *crowd) await(n int64) {
	c.t.Helper()
	for kind := range c.answered {
		from := c.answered[kind].Load()
		eventually(c.t, "clients of all kinds are answered", func() bool { return c.answered[kind].Load() >= from+n })
	}
}

func (c *crowd) stop() {
	c.cancel()
	c.clients.Wait()
}

// TestOneOfTwoProcessesRestartsUnderLoad has two processes share an address, and
// each of them restart in turn.
func TestOneOfTwoProcessesRestartsUnderLoad(t *testing.T) {
	web := echo(t)
	shared := freeAddr(t)
	var both [2]*process
	for i := range both {
		s := newPlace(t)
		s.write("listeners: [{addr: \"" + shared + "\", reuse_port: true, h2c: true}]\n" + s.own() + "watch: false\nroutes: {web: {path: /, upstream: web}}\nupstreams: {web: {addrs: [\"" + web + "\"]}}\n")
		both[i] = newProcess(s, nil)
	}
	c := newCrowd(t, shared)
	c.await(50)
	for _, p := range both {
		p.stop()
		c.await(50)
		p.start()
		c.await(50)
	}
	// One that cannot start takes nobody from the others.
	s := newPlace(t)
	s.write("listeners: [{addr: \"" + shared + "\", reuse_port: true}]\n" + strings.Replace(s.own(), s.admin, both[0].admin, 1) + "upstreams: {web: {addrs: [\"" + web + "\"]}}\n")
	if code, _, stderr := command(t, "serve", "-c", s.file); code == 0 || !strings.Contains(stderr, "admin.addr") {
		t.Errorf("status %d, %s", code, stderr)
	}
	c.await(50)
	c.stop()
	for _, p := range both {
		p.stop()
	}
	t.Logf("%d answers", c.total())
}

// TestAProcessRestartsBehindASocketOfSystemd has the socket outlive the process:
// clients wait in its queue.
func TestAProcessRestartsBehindASocketOfSystemd(t *testing.T) {
	opened, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	file, err := opened.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	s := newPlace(t)
	s.write("listeners: [{addr: \"fd:web\", h2c: true}]\n" + s.own() + "watch: false\nroutes: {web: {path: /, upstream: web}}\nupstreams: {web: {addrs: [\"" + echo(t) + "\"]}}\n")
	p := newProcess(s, file)
	c := newCrowd(t, opened.Addr().String())
	for range 2 {
		c.await(50)
		p.stop()
		p.start()
	}
	c.await(50)
	c.stop()
	// A reload without it lets go of it, and one with it has it back.
	with, err := os.ReadFile(s.file)
	if err != nil {
		t.Fatal(err)
	}
	token, err := os.ReadFile(filepath.Join(s.dir, "data", "operator.token"))
	if err != nil {
		t.Fatal(err)
	}
	s.operator = strings.TrimSpace(string(token))
	for _, text := range []string{strings.Replace(string(with), "fd:web", s.listener, 1), string(with)} {
		s.write(text)
		if code, _, stderr := s.reload(); code != 0 {
			t.Errorf("status %d, %s", code, stderr)
		}
	}
	if status, _, body := get(t, "http://"+opened.Addr().String()+"/"); status != http.StatusOK {
		t.Errorf("got %d, %s", status, body)
	}
	p.stop()
	t.Logf("%d answers", c.total())
}
