package proxy

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/internal/meter"
	"github.com/weirproxy/weir/messages"
)

// samples returns counters and gauges as "name{values}" -> value, histograms as their count.
func samples(b *bench) map[string]float64 {
	all := map[string]float64{}
	b.core.Collect(func(s meter.Sample) {
		var values []string
		for _, l := range s.Labels {
			values = append(values, l.Name+"="+l.Value)
		}
		key := s.Name + "{" + strings.Join(values, ",") + "}"
		if _, twice := all[key]; twice {
			b.t.Errorf("%s is emitted twice", key)
		}
		all[key] = s.Value
		if s.Kind == meter.Buckets {
			all[key] = float64(s.Hist.Count)
		}
	})
	return all
}

// countOf sums weir_requests_total of a code.
func countOf(b *bench, code string) (n float64) {
	for name, value := range samples(b) {
		if strings.HasPrefix(name, "weir_requests_total{") && strings.HasSuffix(name, "code="+code+"}") {
			n += value
		}
	}
	return n
}

func TestMetrics(t *testing.T) {
	b := newBench(t, 2, nil)
	b.get("/")
	b.get("/")
	b.codec.replies = []reply{failed(messages.CodeConnectRefused, true), {status: 404, body: "x"}}
	x, _ := b.request("GET", "/")
	b.serve(x)
	b.codec.replies = []reply{{status: 799, body: "x"}}
	b.get("/")
	x, _ = b.request("GET", "no path")
	x.Listener = &Listener{Name: ":9090"}
	b.serve(x)
	want := map[string]float64{
		"weir_requests_total{listener=:8080,route=r,upstream=up,code=200}":   2,
		"weir_requests_total{listener=:8080,route=r,upstream=up,code=404}":   1,
		"weir_requests_total{listener=:8080,route=r,upstream=up,code=other}": 1,
		"weir_requests_total{listener=:9090,route=,upstream=,code=400}":      1,
		"weir_request_duration_seconds{route=r,upstream=up}":                 4,
		"weir_request_duration_seconds{route=,upstream=}":                    1,
		"weir_retries_total{upstream=up,reason=connect_refused}":             1,
		"weir_waiting{upstream=up}":                                          0,
	}
	if diff := cmp.Diff(want, samples(b)); diff != "" {
		t.Error(diff)
	}
	if got := b.core.Totals(); got != (Totals{Requests: 5, Retried: 1}) {
		t.Errorf("totals %+v", got)
	}
}

func TestSeriesLiveAsLongAsTheirRoute(t *testing.T) {
	b := newBench(t, 1, nil)
	b.get("/")
	const series = "weir_requests_total{listener=:8080,route=r,upstream=up,code=200}"
	b.apply(b.desired)
	b.get("/")
	if got := samples(b)[series]; got != 2 {
		t.Errorf("%v after Apply, want 2", got)
	}
	b.apply(messages.Desired{Upstreams: b.desired.Upstreams})
	if got := slices.Sorted(maps.Keys(samples(b))); !slices.Equal(got, []string{"weir_waiting{upstream=up}"}) {
		t.Errorf("series of a route that is gone: %v", got)
	}
}

func TestComplaintsAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 0, nil)
		for range 25 {
			x, _ := b.request("GET", "/")
			b.serve(x)
		}
		if n := strings.Count(b.logs.String(), "request failed"); n != linesPerSecond {
			t.Errorf("%d lines in a second, want %d", n, linesPerSecond)
		}
		b.logs.Reset()
		time.Sleep(time.Second)
		x, _ := b.request("GET", "/")
		b.serve(x)
		if log := b.logs.String(); !strings.Contains(log, `"suppressed":15`) || !strings.Contains(log, `"code":"no_peer"`) || !strings.Contains(log, `"upstream":"up"`) {
			t.Errorf("log %q", log)
		}
	})
}

func TestAccessLog(t *testing.T) {
	b := newBench(t, 1, nil)
	var log bytes.Buffer
	b.core = New(Deps{Registry: b.registry, NewPeerCodec: func(messages.Transport, PeerCodec) PeerCodec { return b.codec },
		Logger: slog.New(slog.NewJSONHandler(&log, nil)), AccessLog: true})
	b.apply(b.desired)
	b.get("/a?token=secret", "User-Agent: x")
	var line map[string]any
	if err := json.Unmarshal(log.Bytes(), &line); err != nil {
		t.Fatalf("%v: %q", err, log.String())
	}
	id, _ := line["request_id"].(string)
	for _, changing := range []string{"time", "took", "request_id"} {
		delete(line, changing)
	}
	want := map[string]any{"level": "INFO", "msg": "request", "listener": ":8080", "client": "192.0.2.7", "method": "GET", "host": "example.com",
		"path": "/a", "proto": "HTTP/1.1", "status": 200.0, "code": "", "route": "r", "upstream": "up", "peer": "p1:80", "attempts": 1.0, "bytes": 2.0}
	if diff := cmp.Diff(want, line); diff != "" || len(id) != 32 {
		t.Errorf("id %q, %s", id, diff)
	}
}
