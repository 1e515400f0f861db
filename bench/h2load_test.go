package bench_test

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// client is a way to ask a proxy with h2load. Each has 64 requests under way.
type client struct {
	name   string
	tls    bool
	args   []string
	speaks string // what h2load says of the protocol
}

// The clients: HTTP/1.1 takes a connection for each request that is under way,
// HTTP/2 has eight of them on each of eight.
var (
	h1    = client{name: "h1", args: []string{"--h1", "-c64"}, speaks: "http/1.1"}
	h1TLS = client{name: "h1-tls", tls: true, args: []string{"--h1", "-c64"}, speaks: "http/1.1"}
	h2TLS = client{name: "h2-tls", tls: true, args: []string{"-c8", "-m8"}, speaks: "h2"}
	h2c   = client{name: "h2c", args: []string{"-c8", "-m8"}, speaks: "h2c"}
)

// ask makes n requests and fails the benchmark unless all of them got a 2xx
// with a body of 64 bytes, in the protocol of c. Over TLS both proxies must
// have chosen the same version, cipher and group, or they did different work.
func (c client) ask(b *testing.B, h2load string, port int, path string, n int) {
	b.Helper()
	scheme := "http"
	wanted := []string{
		"Application protocol: " + c.speaks + "\n",
		fmt.Sprintf("status codes: %d 2xx, 0 3xx, 0 4xx, 0 5xx\n", n),
		fmt.Sprintf(" %d succeeded, 0 failed, 0 errored, 0 timeout\n", n),
		fmt.Sprintf("(%d) data\n", n*len(answer)),
	}
	if c.tls {
		scheme = "https"
		wanted = append(wanted, "TLS Protocol: TLSv1.3\n", "Cipher: TLS_AES_128_GCM_SHA256\n", "Server Temp Key: X25519 253 bits\n")
	}
	ctx, cancel := context.WithTimeout(b.Context(), 5*time.Minute)
	defer cancel()
	args := append([]string{"-n", strconv.Itoa(n), fmt.Sprintf("%s://127.0.0.1:%d%s", scheme, port, path)}, c.args...)
	out, err := exec.CommandContext(ctx, h2load, args...).CombinedOutput()
	if err != nil {
		b.Fatalf("h2load: %v\n%s", err, out)
	}
	for _, line := range wanted {
		if !strings.Contains(string(out), line) {
			b.Fatalf("%s: h2load does not say %q\n%s", c.name, line, progress.ReplaceAll(out, nil))
		}
	}
}

// progress is what h2load prints while it works.
var progress = regexp.MustCompile(`(?m)^progress: .*\n`)
