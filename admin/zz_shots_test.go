package admin_test

import (
	"encoding/base64"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/messages"
)

func (b *browser) shot(name string) {
	var out struct{ Data string }
	b.call("Page.captureScreenshot", map[string]any{"format": "png"}, &out)
	raw, _ := base64.StdEncoding.DecodeString(out.Data)
	os.MkdirAll("/tmp/shots", 0o755)
	os.WriteFile("/tmp/shots/"+name+".png", raw, 0o644)
}

func (b *browser) dark(on bool) {
	v := "light"
	if on {
		v = "dark"
	}
	b.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": v}}}, nil)
}

func demoWorld() (*world, func()) {
	w := newWorld()
	H, U, K := messages.Healthy, messages.Unhealthy, messages.Unknown
	refs := []*balance.Ref{w.upstream("api", H, H, U), w.upstream("web", H, H, H, H), w.upstream("payments", U, U), w.upstream("search", H, K)}
	w.set(func() { w.degraded = []string{"nats: the events' stream cannot be written, disk full"} })
	acts := []admin4{{"api", "10.0.0.3:8080", "healthy", "unhealthy", "connect_refused", "dial tcp 10.0.0.3:8080: connect: connection refused"},
		{"payments", "10.0.0.1:8080", "healthy", "unhealthy", "status", "503 Service Unavailable, expected 200-399"},
		{"payments", "10.0.0.2:8080", "healthy", "unhealthy", "head_timeout", "no response head within 3s"},
		{"web", "10.0.0.2:8080", "unhealthy", "healthy", "ok", ""}}
	for i, a := range acts {
		w.feed.add(flip(fmt.Sprint("id", i), a[0], a[1], a[2], a[3], a[4], a[5]))
	}
	w.feed.add(adminEvent("u1", "weir.upstream.v1.changed", map[string]any{"upstream": "payments", "change": "down", "available": 0, "peers": 2}))
	w.feed.add(adminEvent("u2", "weir.actor.v1.restarted", map[string]any{"actor": "system/upstreams/api/health", "change": "restarted"}))
	w.feed.add(adminEvent("u3", "weir.discovery.v1.failed", map[string]any{"upstream": "search", "change": "failed", "detail": "resolve \"search.internal\": no such host"}))
	traffic := func() {
		for i, r := range refs {
			for range 20 + i*11 {
				a := balance.Ask{}
				if p, err := r.Acquire(&a); err == nil {
					r.Release(p, balance.Outcome{Latency: time.Millisecond})
				}
			}
			for range i {
				a := balance.Ask{}
				_, _ = r.Acquire(&a)
			}
			for _, m := range r.Snapshot().Members() {
				if rec, ok := m.Peer.LastProbe(); ok {
					rec.At = time.Now()
					rec.Took = rec.Took + time.Duration(time.Now().UnixNano()%1500)*time.Microsecond
					m.Peer.RecordProbe(rec)
				}
			}
		}
	}
	return w, traffic
}

func TestShots(t *testing.T) {
	w, traffic := demoWorld()
	url := start(t, w)
	b := newBrowser(t, 1400, 1000)
	b.open(url)
	b.wantText("#live", "Live")
	for range 6 {
		traffic()
		time.Sleep(2100 * time.Millisecond)
	}
	b.shot("wide-light")
	b.dark(true)
	b.shot("wide-dark")
	b.resize(390, 2600)
	time.Sleep(300 * time.Millisecond)
	b.shot("narrow-dark")
	b.dark(false)
	b.shot("narrow-light")
	b.resize(900, 1200)
	b.shot("mid-light")
	t.Log(b.pageFaults())

	e := start(t, newWorld())
	b.resize(1400, 700)
	b.open(e)
	b.wantText("#live", "Live")
	time.Sleep(300 * time.Millisecond)
	b.shot("empty-light")
	b.dark(true)
	b.shot("empty-dark")

	big := newWorld()
	vs := make([]messages.Verdict, 200)
	for i := range vs {
		vs[i] = messages.Healthy
		if i%23 == 7 {
			vs[i] = messages.Unhealthy
		}
	}
	big.upstream("fleet", vs...)
	for i := range 20 {
		big.upstream(fmt.Sprintf("svc-%02d", i), messages.Healthy, messages.Healthy)
	}
	u := start(t, big)
	b.dark(false)
	b.resize(1400, 1000)
	b.open(u)
	b.wantText("#live", "Live")
	time.Sleep(2500 * time.Millisecond)
	b.shot("big-light")
	b.eval(`document.querySelector(".more").click()`)
	b.shot("big-all-light")
}

type admin4 [6]string
