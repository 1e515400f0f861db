package admin_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/weirproxy/weir/admin"
	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/internal/meter"
	"github.com/weirproxy/weir/messages"
)

type fakeSource func(emit func(meter.Sample))

func (f fakeSource) Collect(emit func(meter.Sample)) { f(emit) }

// series is one line of /metrics, or the lines of one histogram.
type series struct {
	labels  string // "a=1,b=2", by name
	value   float64
	count   uint64
	buckets []uint64
}

// scrape reads /metrics the way Prometheus does: series by metric.
func scrape(t *testing.T, s *admin.Server) map[string][]series {
	t.Helper()
	rec := get(t, s.Handler(), "/metrics")
	if rec.Code != http.StatusOK || !strings.HasPrefix(rec.Header().Get("Content-Type"), "text/plain; version=0.0.4") {
		t.Fatalf("got %d %s", rec.Code, rec.Header().Get("Content-Type"))
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(rec.Body)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]series{}
	for name, family := range families {
		for _, m := range family.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			h := m.GetHistogram()
			one := series{labels: strings.Join(labels, ","), value: m.GetGauge().GetValue() + m.GetCounter().GetValue() + h.GetSampleSum(), count: h.GetSampleCount()}
			for _, b := range h.GetBucket() {
				one.buckets = append(one.buckets, b.GetCumulativeCount())
			}
			all[name] = append(all[name], one)
		}
	}
	return all
}

// lint fails for names and helps that Prometheus advises against.
func lint(t *testing.T, s *admin.Server) {
	t.Helper()
	problems, err := promlint.New(get(t, s.Handler(), "/metrics").Body).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// value returns the value of a series, -1 when it is not there.
func value(all map[string][]series, name string, labels ...string) float64 {
	for _, one := range all[name] {
		if one.labels == strings.Join(labels, ",") {
			return one.value
		}
	}
	return -1
}

func TestMetricsOfPeers(t *testing.T) {
	w := newWorld()
	ref := w.upstream("web", messages.Healthy, messages.Unhealthy, messages.Unknown)
	var ask balance.Ask
	p, err := ref.Acquire(&ask)
	if err != nil {
		t.Fatal(err)
	}
	ref.RecordDiscovery(balance.DiscoveryRecord{LastSuccess: time.UnixMilli(1_700_000_000_500), Stale: true})
	s := newServer(t, admin.Config{}, w.deps())
	lint(t, s)
	got := scrape(t, s)
	peer := func(n int) string { return fmt.Sprintf("peer=10.0.0.%d:8080", n) }
	for _, c := range []struct {
		name   string
		labels []string
		want   float64
	}{
		{"weir_peer_available", []string{peer(1), "upstream=web"}, 1},
		{"weir_peer_available", []string{peer(2), "upstream=web"}, 0},
		{"weir_peer_available", []string{peer(3), "upstream=web"}, 1},
		{"weir_peer_verdict", []string{peer(1), "upstream=web"}, 1},
		{"weir_peer_verdict", []string{peer(2), "upstream=web"}, 2},
		{"weir_peer_verdict", []string{peer(3), "upstream=web"}, 0},
		{"weir_peer_in_flight", []string{"peer=" + p.Addr(), "upstream=web"}, 1},
		{"weir_peer_requests_total", []string{"peer=" + p.Addr(), "upstream=web"}, 1},
		{"weir_peer_failures_total", []string{"peer=" + p.Addr(), "upstream=web"}, 0},
		{"weir_upstream_peers", []string{"state=available", "upstream=web"}, 2},
		{"weir_upstream_peers", []string{"state=unavailable", "upstream=web"}, 1},
		{"weir_upstream_parked", []string{"upstream=web"}, 0},
		{"weir_discovery_last_success_seconds", []string{"upstream=web"}, 1_700_000_000.5},
		{"weir_discovery_stale", []string{"upstream=web"}, 1},
		{"weir_per_peer_series", nil, 1},
		{"weir_info", []string{"member=a", "version=v0.1.0"}, 1},
		{"weir_ready", nil, 1},
		{"weir_metrics_dropped_total", nil, 0},
	} {
		if v := value(got, c.name, c.labels...); v != c.want {
			t.Errorf("%s%v: got %v, want %v", c.name, c.labels, v, c.want)
		}
	}
	for _, name := range []string{"go_goroutines", "process_cpu_seconds_total"} {
		if got[name] == nil {
			t.Errorf("%s is missing", name)
		}
	}

	t.Run("vanish with the peer and with the upstream", func(t *testing.T) {
		ref.Publish(balance.NewSnapshot(balance.SnapshotConfig{Members: ref.Snapshot().Members()[:1]}))
		if n := len(scrape(t, s)["weir_peer_verdict"]); n != 1 {
			t.Errorf("series after two peers went: got %d, want 1", n)
		}
		ref.Withdraw()
		if got := scrape(t, s); got["weir_peer_verdict"] != nil || got["weir_upstream_peers"] != nil {
			t.Error("an upstream that is gone still has series")
		}
	})
}

func TestMetricsOfManyPeers(t *testing.T) {
	for n, want := range map[int]bool{1000: true, 1001: false} {
		t.Run(fmt.Sprintf("%d peers", n), func(t *testing.T) {
			w := newWorld()
			w.upstream("one", make([]messages.Verdict, n-1)...)
			w.upstream("two", messages.Healthy)
			got := scrape(t, newServer(t, admin.Config{}, w.deps()))
			if there := got["weir_peer_verdict"] != nil; there != want || (value(got, "weir_per_peer_series") == 1) != want {
				t.Errorf("series per peer: got %v, want %v", there, want)
			}
			if v := value(got, "weir_upstream_peers", "state=available", "upstream=two"); v != 1 {
				t.Errorf("weir_upstream_peers: got %v, want 1", v)
			}
		})
	}
}

func TestMetricsOfSources(t *testing.T) {
	took := meter.NewHistogram(10*time.Millisecond, time.Second)
	for _, d := range []time.Duration{time.Millisecond, 500 * time.Millisecond, 5 * time.Second} {
		took.Observe(d)
	}
	deps := newWorld().deps()
	deps.Metrics = []meter.Source{fakeSource(func(emit func(meter.Sample)) {
		emit(meter.Sample{Name: "weir_things_total", Help: "Things.", Kind: meter.Counter, Value: 7, Labels: []meter.Label{{Name: "kind", Value: "a\"\n\xff"}}})
		emit(meter.Sample{Name: "weir_took_seconds", Help: "Took.", Kind: meter.Buckets, Hist: took.Data()})
	})}
	s := newServer(t, admin.Config{}, deps)
	lint(t, s)
	got := scrape(t, s)
	if v := value(got, "weir_things_total", "kind=a\"\n\uFFFD"); v != 7 {
		t.Errorf("counter: got %v, want 7 (%v)", v, got["weir_things_total"])
	}
	h := got["weir_took_seconds"][0]
	if h.count != 3 || math.Abs(h.value-5.501) > 1e-9 || !slices.Equal(h.buckets, []uint64{1, 2, 3}) {
		t.Errorf("histogram: got %+v", h)
	}
}

func TestMetricsThatAreWrong(t *testing.T) {
	label := func(pairs ...string) (labels []meter.Label) {
		for i := 0; i < len(pairs); i += 2 {
			labels = append(labels, meter.Label{Name: pairs[i], Value: pairs[i+1]})
		}
		return labels
	}
	hist := func(bounds []float64, counts ...uint64) meter.HistogramData {
		return meter.HistogramData{Bounds: bounds, Counts: counts, Count: 9}
	}
	good := meter.Sample{Name: "weir_good", Help: "Good.", Kind: meter.Gauge, Labels: label("a", "1"), Value: 1}
	for _, c := range []struct {
		name string
		bad  func(emit func(meter.Sample))
	}{
		{"other labels than before", func(emit func(meter.Sample)) {
			emit(meter.Sample{Name: "weir_good", Help: "Good.", Kind: meter.Gauge, Labels: label("b", "1")})
		}},
		{"fewer labels than before", func(emit func(meter.Sample)) { emit(meter.Sample{Name: "weir_good", Help: "Good.", Kind: meter.Gauge}) }},
		{"another kind than before", func(emit func(meter.Sample)) {
			emit(meter.Sample{Name: "weir_good", Help: "Good.", Kind: meter.Counter, Labels: label("a", "2")})
		}},
		{"the same series twice", func(emit func(meter.Sample)) { emit(good) }},
		{"values that are the same once they are valid", func(emit func(meter.Sample)) {
			emit(meter.Sample{Name: "weir_v", Help: "V.", Kind: meter.Gauge, Labels: label("a", "\xff")})
			emit(meter.Sample{Name: "weir_v", Help: "V.", Kind: meter.Gauge, Labels: label("a", "\xfe")})
		}},
		{"a name that is not ours", func(emit func(meter.Sample)) { emit(meter.Sample{Name: "go_goroutines", Help: "x", Kind: meter.Gauge}) }},
		{"a name that is none", func(emit func(meter.Sample)) { emit(meter.Sample{Name: "weir_a-b", Help: "x", Kind: meter.Gauge}) }},
		{"a label name that is none", func(emit func(meter.Sample)) {
			emit(meter.Sample{Name: "weir_x", Help: "x", Kind: meter.Gauge, Labels: label("1a", "")})
		}},
		{"a reserved label", func(emit func(meter.Sample)) {
			emit(meter.Sample{Name: "weir_x", Help: "x", Kind: meter.Gauge, Labels: label("__name__", "")})
		}},
		{"a label twice", func(emit func(meter.Sample)) {
			emit(meter.Sample{Name: "weir_x", Help: "x", Kind: meter.Gauge, Labels: label("a", "", "a", "")})
		}},
		{"le in a histogram", func(emit func(meter.Sample)) {
			emit(meter.Sample{Name: "weir_x", Help: "x", Kind: meter.Buckets, Labels: label("le", "")})
		}},
		{"an unknown kind", func(emit func(meter.Sample)) { emit(meter.Sample{Name: "weir_x", Help: "x", Kind: 77}) }},
		{"fewer counts than bounds", func(emit func(meter.Sample)) {
			emit(meter.Sample{Name: "weir_x", Help: "x", Kind: meter.Buckets, Hist: hist([]float64{1, 2}, 1)})
		}},
		{"counts that fall", func(emit func(meter.Sample)) {
			emit(meter.Sample{Name: "weir_x", Help: "x", Kind: meter.Buckets, Hist: hist([]float64{1, 2}, 5, 3)})
		}},
		{"a name that a histogram's series have", func(emit func(meter.Sample)) {
			emit(meter.Sample{Name: "weir_x", Help: "x", Kind: meter.Buckets, Hist: hist([]float64{1}, 1)})
			emit(meter.Sample{Name: "weir_x_sum", Help: "x", Kind: meter.Gauge})
		}},
		{"a histogram whose series have a name", func(emit func(meter.Sample)) {
			emit(meter.Sample{Name: "weir_x_bucket", Help: "x", Kind: meter.Gauge})
			emit(meter.Sample{Name: "weir_x", Help: "x", Kind: meter.Buckets, Hist: hist([]float64{1}, 1)})
		}},
		{"a source that panics", func(func(meter.Sample)) { panic("broken") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log bytes.Buffer
			deps := newWorld().deps()
			deps.Logger = slog.New(slog.NewTextHandler(&log, nil))
			deps.Metrics = []meter.Source{fakeSource(func(emit func(meter.Sample)) { emit(good) }), fakeSource(c.bad),
				fakeSource(func(emit func(meter.Sample)) {
					emit(meter.Sample{Name: "weir_later", Help: "Later.", Kind: meter.Gauge, Value: 3})
				})}
			s := newServer(t, admin.Config{}, deps)
			got := scrape(t, s)
			if value(got, "weir_good", "a=1") != 1 || value(got, "weir_later") != 3 {
				t.Error("a wrong sample took others with it")
			}
			if v := value(got, "weir_metrics_dropped_total"); v != 1 {
				t.Errorf("dropped: got %v, want 1", v)
			}
			if v := value(scrape(t, s), "weir_metrics_dropped_total"); v != 2 {
				t.Errorf("dropped after two scrapes: got %v, want 2", v)
			}
			if n := strings.Count(log.String(), "metric left out"); n != 1 {
				t.Errorf("log lines: got %d, want 1", n)
			}
		})
	}
}
