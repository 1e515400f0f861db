package bench_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/weirproxy/weir/internal/part"
)

// BenchmarkProxies measures the CPU that a proxy spends on a request, in one
// run on one machine, against nginx: one nginx as the peer, wrk as the client
// with 64 keep-alive connections, a small response. It prints µs of CPU per
// request, and the ratio to nginx as the first of them. Seconds per proxy:
// WEIR_BENCH_SECONDS, default 5. HAProxy is left out where it is not installed.
func BenchmarkProxies(b *testing.B) {
	nginxPath, wrk := part.Need(b, "nginx"), part.Need(b, "wrk")
	dir := b.TempDir()
	peerPort, port := freePort(b), 0
	start(b, peerPort, nginxPath, nginxArgs(b, dir, "peer", nginxPeer(peerPort))...)
	peer := fmt.Sprintf("127.0.0.1:%d", peerPort)

	weir := buildWeir(b)
	proxies := []struct {
		name, path string
		args       func(port int) []string
	}{
		{"nginx", nginxPath, func(port int) []string {
			return nginxArgs(b, dir, "proxy", fmt.Sprintf(`upstream web { server %s; keepalive 128; }
				server { listen 127.0.0.1:%d; location / { proxy_pass http://web; proxy_http_version 1.1; proxy_set_header Connection "";
				proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Request-Id $request_id; } }`, peer, port))
		}},
		{"haproxy", optional("haproxy"), func(port int) []string {
			conf := filepath.Join(dir, "haproxy.cfg")
			write(b, conf, fmt.Sprintf("global\n nbthread 1\ndefaults\n mode http\n timeout connect 3s\n timeout client 60s\n timeout server 60s\n option forwardfor\n"+
				"frontend f\n bind 127.0.0.1:%d\n default_backend web\nbackend web\n server a %s\n", port, peer))
			return []string{"-db", "-f", conf}
		}},
		{"weir", weir, func(port int) []string {
			conf := filepath.Join(dir, "weir.yaml")
			write(b, conf, fmt.Sprintf("listeners: [{addr: \"127.0.0.1:%d\"}]\nroutes: {web: {path: /, upstream: web}}\nupstreams: {web: {addrs: [\"%s\"]}}\n"+
				"nats: {addr: \"127.0.0.1:%d\"}\nadmin: {addr: \"127.0.0.1:%d\"}\ndata_dir: %s\nlog: {level: error}\n",
				port, peer, freePort(b), freePort(b), filepath.Join(dir, "data")))
			return []string{"serve", "-c", conf}
		}},
	}
	nginxCPU := 0.0
	for _, p := range proxies {
		if p.path == "" {
			b.Logf("%s is not installed: left out", p.name)
			continue
		}
		port = freePort(b)
		b.Run(p.name, func(b *testing.B) {
			pid := start(b, port, p.path, p.args(port)...)
			load(b, wrk, port, 1) // warm: connections, caches
			before := cpu(b, pid)
			requests := load(b, wrk, port, seconds())
			perRequest := (cpu(b, pid) - before).Seconds() * 1e6 / float64(requests)
			if p.name == "nginx" {
				nginxCPU = perRequest
			}
			b.ReportMetric(0, "ns/op") // one load, not b.N operations
			b.ReportMetric(perRequest, "cpu-µs/req")
			b.ReportMetric(perRequest/nginxCPU, "x-nginx")
		})
	}
}

// answer is the body of every response: 64 bytes.
const answer = "0123456789012345678901234567890123456789012345678901234567890123"

// nginxPeer is an nginx that answers each request by itself.
func nginxPeer(port int) string {
	return fmt.Sprintf(`server { listen 127.0.0.1:%d; location / { return 200 "%s"; } }`, port, answer)
}

// buildWeir returns the path of a weir made of this tree.
func buildWeir(b *testing.B) string {
	b.Helper()
	weir := filepath.Join(b.TempDir(), "weir")
	if out, err := exec.Command("go", "build", "-o", weir, "../cmd/server").CombinedOutput(); err != nil {
		b.Fatalf("build weir: %v\n%s", err, out)
	}
	return weir
}

func seconds() int {
	if n, err := strconv.Atoi(os.Getenv("WEIR_BENCH_SECONDS")); err == nil && n > 0 {
		return n
	}
	return 5
}

func optional(name string) string {
	for _, candidate := range []string{name, "/usr/sbin/" + name} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	return ""
}

// nginxArgs writes a configuration with one worker and returns how to run it.
func nginxArgs(b *testing.B, dir, name, http string) []string {
	b.Helper()
	home := filepath.Join(dir, name)
	if err := os.MkdirAll(home, 0o755); err != nil {
		b.Fatal(err)
	}
	conf := filepath.Join(home, "nginx.conf")
	write(b, conf, fmt.Sprintf(`daemon off; worker_processes 1; pid %[1]s/pid; error_log %[1]s/error.log;
events { worker_connections 4096; }
http { access_log off; keepalive_requests 10000000; client_body_temp_path %[1]s; proxy_temp_path %[1]s; fastcgi_temp_path %[1]s; uwsgi_temp_path %[1]s; scgi_temp_path %[1]s; %[2]s }`, home, http))
	return []string{"-e", home + "/error.log", "-p", home, "-c", conf}
}

func write(b *testing.B, path, text string) {
	b.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
}

func freePort(b *testing.B) int {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

// start runs a program in a process group of its own until the benchmark ends,
// and returns when it listens.
func start(b *testing.B, port int, path string, args ...string) (pid int) {
	b.Helper()
	cmd := exec.Command(path, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // gone already is as good
		_ = cmd.Wait()
	})
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = conn.Close()
			return cmd.Process.Pid
		}
		if ctx.Err() != nil {
			b.Fatalf("%s does not listen: %v", path, err)
		}
	}
}

// load runs wrk and returns how many requests it made; a failed one fails the benchmark.
func load(b *testing.B, wrk string, port, seconds int) int {
	b.Helper()
	out, err := exec.Command(wrk, "-t1", "-c64", fmt.Sprintf("-d%ds", seconds), fmt.Sprintf("http://127.0.0.1:%d/", port)).CombinedOutput()
	if err != nil {
		b.Fatalf("wrk: %v\n%s", err, out)
	}
	if strings.Contains(string(out), "Non-2xx") || strings.Contains(string(out), "Socket errors") {
		b.Fatalf("requests failed\n%s", out)
	}
	m := regexp.MustCompile(`(\d+) requests in`).FindSubmatch(out)
	if m == nil {
		b.Fatalf("wrk did not run\n%s", out)
	}
	n, _ := strconv.Atoi(string(m[1])) // digits only
	return n
}

// cpu returns the CPU time that a process and its children have used (Linux: /proc).
func cpu(b *testing.B, pid int) time.Duration {
	b.Helper()
	const perTick = 10 * time.Millisecond // USER_HZ is 100 on every Linux that Go runs on
	var ticks int64
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(stats) == 0 {
		b.Skip("no /proc: CPU time cannot be read here")
	}
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		own, _, _ := strings.Cut(string(text), " ")
		_, rest, _ := strings.Cut(string(text), ") ")
		fields := strings.Fields(rest)
		if own == strconv.Itoa(pid) || fields[1] == strconv.Itoa(pid) { // itself, or its parent is pid
			user, _ := strconv.ParseInt(fields[11], 10, 64)
			system, _ := strconv.ParseInt(fields[12], 10, 64)
			ticks += user + system
		}
	}
	return time.Duration(ticks) * perTick
}
