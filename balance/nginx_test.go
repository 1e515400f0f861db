package balance

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/weirproxy/weir/internal/part"
	"github.com/weirproxy/weir/messages"
)

// TestPlacementEqualsNginx asks a real nginx where "hash $arg_k consistent"
// places keys. Nobody listens on the servers' addresses: nginx says in
// $upstream_addr whom it chose, also when the connection is refused.
func TestPlacementEqualsNginx(t *testing.T) {
	nginx := part.Need(t, "nginx")
	sets := []struct {
		name    string
		addrs   []string
		weights []int
	}{
		{"three equal peers", []string{"127.0.0.1:2", "127.0.0.1:3", "127.0.0.1:4"}, []int{1, 1, 1}},
		{"weights", []string{"127.0.0.1:2", "127.0.0.2:2", "127.0.0.3:2", "127.0.0.4:2"}, []int{1, 2, 5, 10}},
		{"one heavy peer", []string{"127.0.0.9:2", "127.0.0.8:3"}, []int{1, 100}},
		{"IPv6", []string{"[::1]:2", "[::1]:3", "[::1]:4", "127.0.0.1:5"}, []int{1, 3, 1, 2}},
		{"many peers", manyAddrs(200), nil},
		{"many heavy peers", manyAddrs(50), repeat(50, 97)},
		{"one peer", []string{"127.0.0.1:2"}, []int{1}},
	}
	var config strings.Builder
	for i, set := range sets {
		fmt.Fprintf(&config, "upstream u%d {\n hash $arg_k consistent;\n", i)
		for j, addr := range set.addrs {
			fmt.Fprintf(&config, " server %s weight=%d max_fails=0;\n", addr, weightAt(set.weights, j))
		}
		config.WriteString("}\n")
	}
	config.WriteString("server {\n listen unix:SOCKET;\n proxy_next_upstream off;\n proxy_connect_timeout 2s;\n add_header X-Addr $upstream_addr always;\n")
	for i := range sets {
		fmt.Fprintf(&config, " location /%d { proxy_pass http://u%d; }\n", i, i)
	}
	config.WriteString("}\n")
	client := startNginx(t, nginx, config.String())

	for i, set := range sets {
		t.Run(set.name, func(t *testing.T) {
			ref := newTestRef()
			members := make([]Member, len(set.addrs))
			for j, addr := range set.addrs {
				members[j] = Member{Peer: ref.Peer(addr), Weight: weightAt(set.weights, j), Available: true}
			}
			ref.Publish(snapshotOf(messages.Hash, messages.Limits{}, members))
			for k := range 1500 {
				key := fmt.Sprintf("user-%d-%d", i, k*7919)
				want := askNginx(t, client, fmt.Sprintf("http://nginx/%d?k=%s", i, key))
				got := mustAcquire(t, ref, &Ask{HasKey: true, Key: HashKey(key)})
				if got.Addr() != want {
					t.Fatalf("key %q goes to %s, nginx sends it to %s", key, got.Addr(), want)
				}
			}
		})
	}
}

func manyAddrs(n int) []string {
	addrs := make([]string, n)
	for i := range addrs {
		addrs[i] = fmt.Sprintf("127.0.%d.%d:%d", i%3, 1+i/3, 2+i%5)
	}
	return addrs
}

func repeat(n, weight int) []int {
	weights := make([]int, n)
	for i := range weights {
		weights[i] = weight
	}
	return weights
}

func weightAt(weights []int, i int) int {
	if weights == nil {
		return 1
	}
	return weights[i]
}

// startNginx runs nginx with the given http block until the test ends and
// returns a client that reaches it at http://nginx/.
func startNginx(t *testing.T, nginx, block string) *http.Client {
	t.Helper()
	dir := t.TempDir()
	// The path of a socket is limited to about 100 bytes, the test's own directory may be longer.
	short, err := os.MkdirTemp("", "weir") //nolint:usetesting // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(short) })
	socket := filepath.Join(short, "nginx.sock")
	config := fmt.Sprintf(`daemon off; master_process off; pid %[1]s/nginx.pid; error_log %[1]s/error.log crit;
events { worker_connections 128; }
http { access_log off; keepalive_requests 1000000;
client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
%[2]s}
`, dir, strings.ReplaceAll(block, "SOCKET", socket))
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(nginx, "-p", dir, "-c", file, "-e", filepath.Join(dir, "start.log"))
	var output strings.Builder
	cmd.Stderr = &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_ = cmd.Wait() // it is killed below
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-exited
	})
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{Transport: transport, Timeout: 10 * time.Second}
	awaitNginx(t, client, exited, &output)
	return client
}

func awaitNginx(t *testing.T, client *http.Client, exited <-chan struct{}, output *strings.Builder) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		resp, err := client.Get("http://nginx/ready")
		if err == nil {
			resp.Body.Close()
			return
		}
		select {
		case <-exited:
			t.Fatalf("nginx ended: %s", output)
		case <-deadline:
			t.Fatalf("nginx does not answer: %v", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// askNginx returns the address that nginx chose.
func askNginx(t *testing.T, client *http.Client, url string) string {
	t.Helper()
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	addr := resp.Header.Get("X-Addr")
	if addr == "" {
		t.Fatalf("GET %s: %s, and no X-Addr", url, resp.Status)
	}
	return addr
}
