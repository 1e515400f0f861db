package admin

import (
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/weirproxy/weir/internal/meter"
)

// newMetricsHandler returns what answers /metrics.
func newMetricsHandler(s *Server) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		&collector{sources: append([]meter.Source{instanceSource{s}, peerSource{s.deps.Registry}}, s.deps.Metrics...), log: s.deps.Logger})
	// What scrape lets through is consistent. Should the library still find a
	// fault in one series, the others are more use than none.
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 4})
}

// collector hands the samples of sources to Prometheus. Series live as long as
// their source emits them. It describes nothing in advance (an "unchecked"
// collector), so each scrape checks what comes.
type collector struct {
	sources []meter.Source
	log     *slog.Logger
	dropped atomic.Uint64
	told    sync.Once
}

func (c *collector) Describe(chan<- *prometheus.Desc) {}

func (c *collector) Collect(out chan<- prometheus.Metric) {
	s := scrape{families: map[string]*family{}, series: map[string]struct{}{}, out: out, drop: c.drop}
	for _, source := range c.sources {
		s.collect(source)
	}
	s.take(meter.Sample{Name: "weir_metrics_dropped_total", Kind: meter.Counter, Value: float64(c.dropped.Load()),
		Help: "Samples left out of scrapes because they contradict others or cannot be written."})
}

// drop counts what was left out. It logs the first, which is a fault in weir;
// each scrape would repeat it.
func (c *collector) drop(fault error) {
	c.dropped.Add(1)
	c.told.Do(func() { c.log.Warn("metric left out", "error", fault) })
}

// scrape is one pass over all sources. The first sample of a name decides what
// the others of that name must be like.
type scrape struct {
	families map[string]*family
	series   map[string]struct{}
	out      chan<- prometheus.Metric
	drop     func(fault error)
}

// family is all samples of one name.
type family struct {
	kind   meter.Kind
	labels []string
	desc   *prometheus.Desc
}

// collect takes the samples of one source. A source that panics costs the rest
// of its own samples.
func (s *scrape) collect(source meter.Source) {
	defer func() {
		if r := recover(); r != nil {
			s.drop(fmt.Errorf("%T panicked: %v", source, r))
		}
	}()
	source.Collect(s.take)
}

// take passes a sample on, or drops and counts it.
func (s *scrape) take(sample meter.Sample) {
	metric, err := s.metric(sample)
	if err != nil {
		s.drop(err)
		return
	}
	s.out <- metric
}

// metric makes a metric of a sample that fits what was taken before it.
func (s *scrape) metric(sample meter.Sample) (prometheus.Metric, error) {
	names, values := make([]string, len(sample.Labels)), make([]string, len(sample.Labels))
	for i, l := range sample.Labels {
		names[i], values[i] = l.Name, strings.ToValidUTF8(l.Value, string(utf8.RuneError))
	}
	f, err := s.family(sample, names)
	if err != nil {
		return nil, err
	}
	id := sample.Name + "\xff" + strings.Join(values, "\xff") // \xff is in no valid text
	if _, twice := s.series[id]; twice {
		return nil, fmt.Errorf("%s: twice with the labels %q", sample.Name, values)
	}
	metric, err := newMetric(f, sample, values)
	if err == nil {
		s.series[id] = struct{}{}
	}
	return metric, err
}

// family returns the family of a sample and makes it if the sample is the first.
func (s *scrape) family(sample meter.Sample, labels []string) (*family, error) {
	f := s.families[sample.Name]
	if f == nil {
		if err := checkNames(sample, labels); err != nil {
			return nil, err
		}
		if other := s.clash(sample); other != "" {
			return nil, fmt.Errorf("%s: its series read like those of %s", sample.Name, other)
		}
		f = &family{kind: sample.Kind, labels: labels, desc: prometheus.NewDesc(sample.Name, sample.Help, labels, nil)}
		s.families[sample.Name] = f
	}
	if f.kind != sample.Kind || !slices.Equal(f.labels, labels) {
		return nil, fmt.Errorf("%s: kind %d with labels %q after kind %d with %q", sample.Name, sample.Kind, labels, f.kind, f.labels)
	}
	return f, nil
}

// clash returns the name of a family whose series a new one would be mistaken
// for: a histogram x is written as x_bucket, x_sum and x_count.
func (s *scrape) clash(sample meter.Sample) string {
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		if base, ok := strings.CutSuffix(sample.Name, suffix); ok && s.families[base] != nil && s.families[base].kind == meter.Buckets {
			return base
		}
		if sample.Kind == meter.Buckets && s.families[sample.Name+suffix] != nil {
			return sample.Name + suffix
		}
	}
	return ""
}

// checkNames holds what is ours apart from what the library itself emits (go_,
// process_), and refuses what has no place in the format.
func checkNames(sample meter.Sample, labels []string) error {
	if !strings.HasPrefix(sample.Name, "weir_") || !plainName(sample.Name) {
		return fmt.Errorf("%q: not a name of a metric of ours", sample.Name)
	}
	for i, label := range labels {
		if !plainName(label) || strings.HasPrefix(label, "__") || slices.Contains(labels[:i], label) || label == "le" && sample.Kind == meter.Buckets {
			return fmt.Errorf("%s: label %q is not a label's name, or there twice", sample.Name, label)
		}
	}
	return nil
}

// plainName tells whether text is [a-zA-Z_][a-zA-Z0-9_]*.
func plainName(text string) bool {
	for i, c := range []byte(text) {
		letter := c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return text != ""
}

func newMetric(f *family, sample meter.Sample, values []string) (prometheus.Metric, error) {
	switch sample.Kind {
	case meter.Counter:
		return prometheus.NewConstMetric(f.desc, prometheus.CounterValue, sample.Value, values...)
	case meter.Gauge:
		return prometheus.NewConstMetric(f.desc, prometheus.GaugeValue, sample.Value, values...)
	case meter.Buckets:
		h := sample.Hist
		if len(h.Bounds) != len(h.Counts) || !slices.IsSorted(h.Bounds) || !slices.IsSorted(h.Counts) {
			return nil, fmt.Errorf("%s: bounds %v with counts %v", sample.Name, h.Bounds, h.Counts)
		}
		buckets := make(map[float64]uint64, len(h.Bounds))
		for i, bound := range h.Bounds {
			buckets[bound] = h.Counts[i]
		}
		return prometheus.NewConstHistogram(f.desc, h.Count, h.Sum, buckets, values...)
	}
	return nil, fmt.Errorf("%s: unknown kind %d", sample.Name, sample.Kind)
}
