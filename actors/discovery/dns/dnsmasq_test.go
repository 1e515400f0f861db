package dns_test

import (
	"context"
	"math/rand/v2"
	"net"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/weirproxy/weir/actors/discovery/dns"
	"github.com/weirproxy/weir/internal/part"
)

// TestAChangedRecordOfDnsmasqIsFollowed asks a real name server whose records
// hold for a second.
func TestAChangedRecordOfDnsmasqIsFollowed(t *testing.T) {
	program := part.Need(t, "dnsmasq")
	hosts := filepath.Join(t.TempDir(), "hosts")
	write(t, hosts, "10.0.0.1 web.test\n")
	port := freePort(t)
	me, err := user.Current() // the file is ours alone
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	server := exec.CommandContext(ctx, program, "--keep-in-foreground", "--no-resolv", "--no-hosts", "--conf-file=/dev/null", "--pid-file=",
		"--user="+me.Username, "--addn-hosts="+hosts, "--local=/test/", "--local-ttl=1", "--listen-address=127.0.0.1", "--bind-interfaces", "--port="+strconv.Itoa(port))
	server.Stderr = t.Output()
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cancel()
		_ = server.Wait() // it was killed, and says so
	}()
	r := newResolver(t, dns.Config{Servers: []string{net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}, Timeout: 5 * time.Second})
	follow(t, r, "10.0.0.1:80")
	write(t, hosts, "10.0.0.2 web.test\n")
	if err := server.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	follow(t, r, "10.0.0.2:80")
}

// follow looks, whenever Find says so, until it finds want.
func follow(t *testing.T, r *dns.Resolver, want string) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		result, err := find(t, r, spec("web.test:80"))
		if err == nil && len(result.Peers) == 1 && result.Peers[0].Addr == want {
			return
		}
		select {
		case <-time.After(result.Again):
		case <-deadline:
			t.Fatalf("found %v, %v after 30s; want %s", addrs(result.Peers), err, want)
		}
	}
}

// freePort returns a port that is free for TCP and UDP, below those that the system
// gives to whoever asks for any.
func freePort(t *testing.T) int {
	t.Helper()
	for range 1000 {
		port := 10_000 + rand.IntN(20_000)
		at := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		packets, err := net.ListenPacket("udp", at)
		if err != nil {
			continue
		}
		streams, err := net.Listen("tcp", at)
		_ = packets.Close() // it was only tried
		if err != nil {
			continue
		}
		_ = streams.Close()
		return port
	}
	t.Fatal("no free port")
	return 0
}
