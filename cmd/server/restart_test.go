package main

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
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
	c := newCrowd(t, "http://"+shared+"/", nil)
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
	c := newCrowd(t, "http://"+opened.Addr().String()+"/", nil)
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
