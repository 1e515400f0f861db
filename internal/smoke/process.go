package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is a program that runs, in a process group of its own.
type process struct {
	name string
	cmd  *exec.Cmd
	out  *output
	done chan struct{} // closed when it has ended
}

// output keeps what a process prints.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// launch starts a program.
func launch(name, path string, args ...string) (*process, error) {
	p := &process{name: name, cmd: exec.Command(path, args...), out: &output{}, done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait() // how it ended is not what is tested
	}()
	return p, nil
}

// signal sends a signal to the process and its children.
func (p *process) signal(s syscall.Signal) error {
	if err := syscall.Kill(-p.cmd.Process.Pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("signal %s: %w", p.name, err)
	}
	return nil
}

// end kills the process and waits for it.
func (p *process) end() {
	_ = p.signal(syscall.SIGKILL) // gone already is as good
	<-p.done
}

// nginxConf is one nginx with one worker that answers by itself.
const nginxConf = `daemon off; worker_processes 1; pid %[1]s/pid; error_log %[1]s/error.log;
events { worker_connections 1024; }
http {
  access_log off; client_body_temp_path %[1]s; proxy_temp_path %[1]s; fastcgi_temp_path %[1]s; uwsgi_temp_path %[1]s; scgi_temp_path %[1]s;
  keepalive_requests 1000000;
  server { listen 127.0.0.1:%[2]d; location / { default_type text/plain; return 200 "hello from %[2]d\n"; } }
}
`

// nginx starts an nginx in the foreground on a loopback port.
func nginx(dir string, port int) (*process, error) {
	home := filepath.Join(dir, fmt.Sprintf("nginx-%d", port))
	if err := os.MkdirAll(home, 0o755); err != nil {
		return nil, err
	}
	conf := filepath.Join(home, "nginx.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, nginxConf, home, port), 0o600); err != nil {
		return nil, err
	}
	path, err := find("nginx")
	if err != nil {
		return nil, err
	}
	return launch(fmt.Sprintf("nginx %d", port), path, "-e", home+"/error.log", "-p", home, "-c", conf)
}

// find looks a program up on PATH, and where Debian has daemons.
func find(name string) (string, error) {
	for _, candidate := range []string{name, "/usr/sbin/" + name} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not installed", name)
}

// freePorts returns n ports of loopback that were free a moment ago.
func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() //nolint:errcheck // held only so that the ports differ
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// until polls cond until it holds, and fails after d with what was waited for.
func until(ctx context.Context, d time.Duration, what string, cond func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for !cond() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited %v until %s", d, what)
		case <-ticker.C:
		}
	}
	return nil
}

// fetch returns the body of a GET, or "".
func fetch(ctx context.Context, url string) string {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return ""
	}
	client := &http.Client{Timeout: 2 * time.Second}
	response, err := client.Do(request)
	if err != nil {
		return ""
	}
	defer func() { _ = response.Body.Close() }()
	body, _ := io.ReadAll(response.Body)
	return string(body)
}

func say(format string, args ...any) {
	fmt.Println("smoke: " + strings.TrimSpace(fmt.Sprintf(format, args...)))
}
