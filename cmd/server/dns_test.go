package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/weirproxy/weir/internal/dnstest"
)

// peersAt starts a peer on each of some loopback addresses, all at one port. A
// peer answers with its address.
func peersAt(t *testing.T, addrs ...string) (port string) {
	t.Helper()
	port = "0"
	for _, addr := range addrs {
		l, err := net.Listen("tcp", net.JoinHostPort(addr, port))
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ = net.SplitHostPort(l.Addr().String()) // a TCP address has a port
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, addr) })}
		done := make(chan struct{})
		go func() { defer close(done); _ = server.Serve(l) }()
		t.Cleanup(func() { _ = server.Close(); <-done })
	}
	return port
}

func TestANameIsFollowedAndOutlivesItsNameServer(t *testing.T) {
	const one, two = "127.0.0.1", "127.0.0.2"
	port := peersAt(t, one, two)
	names := dnstest.Start(t)
	names.SetAddrs("app.test.", 1, one)
	s := newSite(t, "watch: false\ndns: {servers: [\""+names.Addr()+"\"], timeout: 500ms}", "app.test:"+port)
	eventually(t, "the first address answers", func() bool { return s.answers() == one })

	names.SetAddrs("app.test.", 1, two)
	begun := time.Now()
	eventually(t, "the second address answers", func() bool { return s.answers() == two })
	t.Logf("a change of a name with a TTL of 1 s reached traffic after %v", time.Since(begun).Round(10*time.Millisecond))

	names.Stop()
	view := func() string { _, _, body := get(t, s.adminURL+"/api/v1/upstreams/web"); return body }
	eventually(t, "the set is shown as stale", func() bool { return strings.Contains(view(), `"stale":true`) })
	if got := s.answers(); got != two {
		t.Errorf("without the name server %q answers", got)
	}
	if code, out, stderr := command(t, "upstreams", "web", "--admin", s.adminURL); code != 0 || !strings.Contains(out, "found by dns") || !strings.Contains(out, "stale: ") {
		t.Errorf("weir upstreams web: status %d, %s%s", code, out, stderr)
	}
	s.write(strings.Replace(s.text("app.test:"+port), "addrs: [", `addrs: ["gone.test:1", `, 1))
	if code, _, stderr := s.reload(); code != 0 {
		t.Errorf("a reload without the name server: %s", stderr)
	}
	if got := s.answers(); got != two {
		t.Errorf("after a reload without the name server %q answers", got)
	}

	names.SetAddrs("app.test.", 1, one)
	names.Resume()
	eventually(t, "the first address answers again", func() bool { return s.answers() == one })
}

// TestTheTiersOfSRVRecordsReachTraffic has a backup in the records' priority:
// it serves when the peers of the first priority are gone, and not before.
func TestTheTiersOfSRVRecordsReachTraffic(t *testing.T) {
	first, killFirst := peer(t, "first")
	backup, _ := peer(t, "backup")
	record := func(priority int, addr, host string) string {
		_, port, _ := net.SplitHostPort(addr) // as listened at
		return fmt.Sprintf("_http._tcp.shop.test. 1 IN SRV %d 10 %s %s", priority, port, host)
	}
	names := dnstest.Start(t)
	names.Set("_http._tcp.shop.test.", "SRV", dnstest.Records(record(10, first, "a.shop.test."), record(20, backup, "b.shop.test.")))
	names.SetAddrs("a.shop.test.", 1, "127.0.0.1")
	names.SetAddrs("b.shop.test.", 1, "127.0.0.1")
	s := newSite(t, "watch: false\ndns: {servers: [\""+names.Addr()+"\"], timeout: 500ms}", backup)
	s.write(strings.Replace(s.text("_http._tcp.shop.test"), "  web:\n", "  web:\n    discovery: dns\n", 1))
	if code, _, stderr := s.reload(); code != 0 {
		t.Fatal(stderr)
	}
	eventually(t, "the first tier answers", func() bool { return s.answers() == "first" })
	for range 50 {
		if got := s.answers(); got != "first" {
			t.Fatalf("%q answers while a peer of the first tier is there", got)
		}
	}
	killFirst()
	eventually(t, "the backup answers", func() bool { return s.answers() == "backup" })
	eventually(t, "the first tier is shown as gone", func() bool {
		_, out, _ := command(t, "upstreams", "web", "--admin", s.adminURL)
		return strings.Contains(out, backup) && strings.Contains(out, "connect_refused")
	})
}
