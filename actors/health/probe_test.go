package health

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/weirproxy/weir/internal/meter"
	"github.com/weirproxy/weir/messages"
)

func TestAProbeIsRefusedWhenNoRequestCanBeMadeOfIt(t *testing.T) {
	field := func(name, value string) messages.HTTPCheck {
		return messages.HTTPCheck{Headers: messages.ListOf(messages.HeaderField{Name: name, Value: value})}
	}
	of := func(h messages.HTTPCheck) messages.CheckSpec { return httpCheck(h) }
	tests := map[string]struct {
		check messages.CheckSpec
		says  string
	}{
		"an unknown kind":          {messages.CheckSpec{Kind: "smtp"}, `unknown kind "smtp"`},
		"no kind":                  {messages.CheckSpec{}, `unknown kind ""`},
		"off":                      {messages.CheckSpec{Kind: messages.CheckOff}, `unknown kind "off"`},
		"a port above all":         {messages.CheckSpec{Kind: messages.CheckTCP, Port: 65536}, "port 65536"},
		"a port below zero":        {messages.CheckSpec{Kind: messages.CheckTCP, Port: -1}, "port -1"},
		"a bad pattern":            {of(messages.HTTPCheck{BodyMatches: "("}), "body match: error parsing regexp"},
		"a method with a space":    {of(messages.HTTPCheck{Method: "GET /"}), "method"},
		"a path without a slash":   {of(messages.HTTPCheck{Path: "healthz"}), `path "healthz"`},
		"a path with a line break": {of(messages.HTTPCheck{Path: "/\r\nX: y"}), "path"},
		"a host with a line break": {of(messages.HTTPCheck{Host: "a\r\nX: y"}), "host"},
		"a header with a colon":    {of(field("X:", "y")), "header name"},
		"a header without a name":  {of(field("", "y")), "header name"},
		"a value with line breaks": {of(field("X", "a\r\nY: b")), "header X has control characters"},
		"a framing header":         {of(field("Transfer-Encoding", "chunked")), "header Transfer-Encoding cannot be set"},
		"an empty host":            {of(field("host", "")), "host"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := NewProbe(tt.check)
			if !errors.Is(err, ErrBadCheck) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want an ErrBadCheck that says %q", err, tt.says)
			}
			if got := Probe(t.Context(), tt.check, "127.0.0.1:1"); got.Code != messages.CodeInternal || got.Detail == "" {
				t.Errorf("Probe gave %+v, want the error as its result", got)
			}
		})
	}
}

func TestDetailsAreShortCleanLines(t *testing.T) {
	tests := map[string]string{
		"status 503":                "status 503",
		"a\r\nb\x00c\x1b[31m\x7f":   "a  b c [31m ",
		"\xff\xfe bad":              "? bad",
		"line\u2028separator\u0085": "line separator ",
		"zürich":                    "zürich",
	}
	for in, want := range tests {
		if got := clean(in); got != want {
			t.Errorf("clean(%q) = %q, want %q", in, got, want)
		}
	}
	for _, long := range []string{strings.Repeat("x", 201), strings.Repeat("ü", 150), "x" + strings.Repeat("ü", 150), strings.Repeat("\xff", 500), strings.Repeat("日", 100)} {
		got := clean(long)
		assertClean(t, got)
		if len(got) < maxDetail-4 && !strings.HasPrefix(long, "\xff") {
			t.Errorf("clean cut %d bytes to %d", len(long), len(got))
		}
	}
	if exact := strings.Repeat("x", maxDetail); clean(exact) != exact {
		t.Error("a detail of exactly the largest size was cut")
	}
}

func TestStatsCountProbesByResultAndKind(t *testing.T) {
	s := NewStats()
	s.observe(messages.CheckTCP, messages.CodeOK, 1, 2)
	s.observe(messages.CheckHTTP, messages.CodeStatus, 1, 2)
	s.observe(messages.CheckHTTP, "no such code", 1, 2)
	s.observe("no such kind", messages.CodeOK, 1, 2)
	values, counts := map[string]float64{}, map[string]uint64{}
	s.Collect(func(sample meter.Sample) {
		key := sample.Name
		for _, l := range sample.Labels {
			key += " " + l.Name + "=" + l.Value
		}
		values[key], counts[key] = sample.Value, sample.Hist.Count
	})
	for key, want := range map[string]float64{"weir_probes_total result=ok": 2, "weir_probes_total result=status": 1,
		"weir_probes_total result=internal": 1, "weir_probes_total result=reset": 0} {
		if got, there := values[key]; !there || got != want {
			t.Errorf("%s = %v (%v), want %v", key, got, there, want)
		}
	}
	for key, want := range map[string]uint64{"weir_probe_duration_seconds check=tcp": 1, "weir_probe_duration_seconds check=http": 2,
		"weir_probe_duration_seconds check=https": 0, "weir_probe_late_seconds": 4} {
		if got, there := counts[key]; !there || got != want {
			t.Errorf("%s counted %d (%v), want %d", key, got, there, want)
		}
	}
}

func ExampleNewProbe() {
	_, err := NewProbe(messages.CheckSpec{Kind: messages.CheckHTTP, HTTP: messages.HTTPCheck{Path: "healthz"}})
	fmt.Println(err)
	// Output: check cannot be run: path "healthz" must begin with / and have no spaces or control characters
}
