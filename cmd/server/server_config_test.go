package main

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/config"
	"github.com/weirproxy/weir/proxy/nethttp"
)

// TestLimitsReachTheServer reads limits of a listener and looks at what its server is given.
func TestLimitsReachTheServer(t *testing.T) {
	type limits struct {
		conns, head, fields, streams, rate int
		headTime, idle, body, write        time.Duration
	}
	for text, want := range map[string]limits{
		"{}": {0, 64 << 10, 100, 128, 240, 10 * time.Second, 75 * time.Second, time.Minute, time.Minute},
		"{max_connections: 1, max_head: 2KiB, max_fields: 3, max_h2_streams: 4, min_body_rate: 5kB, head_timeout: 6s, idle_timeout: 7s, body_timeout: 8s, write_timeout: 9s}": {
			1, 2048, 3, 4, 5000, 6 * time.Second, 7 * time.Second, 8 * time.Second, 9 * time.Second},
		"{min_body_rate: 0, head_timeout: 0, idle_timeout: 0, body_timeout: 0, write_timeout: 0}": {
			0, 64 << 10, 100, 128, 0, -1, -1, -1, -1}, // none
	} {
		cfg, err := config.Parse("weir.yaml", []byte(fmt.Sprintf("listeners: [{addr: \":8080\", h2c: true, limits: %s}]\nupstreams: {a: {addrs: [\"127.0.0.1:1\"]}}\n", text)),
			func(string) (string, bool) { return "", false })
		if err != nil {
			t.Fatal(err)
		}
		c := serverConfig(&listening{cfg: cfg.Listeners[0], door: &door{clients: nethttp.NewClients()}}, "8080", slog.New(slog.DiscardHandler))
		got := limits{c.MaxConnections, c.MaxHeadBytes, c.MaxFields, c.MaxH2Streams, c.MinBodyRate, c.HeadTimeout, c.IdleTimeout, c.BodyTimeout, c.WriteTimeout}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(limits{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}
