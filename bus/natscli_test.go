package bus_test

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/weirproxy/weir/bus"
	"github.com/weirproxy/weir/internal/part"
)

// natsCLI runs the nats command as anonymous.
func natsCLI(t *testing.T, b *bus.Bus, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, part.Need(t, "natscli"), append([]string{"--server", b.ClientURL()}, args...)...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "XDG_CONFIG_HOME="+t.TempDir()) // no context of whoever runs the test
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("nats %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func TestTheNATSCommandReplays(t *testing.T) {
	part.Need(t, "natscli")
	b := ready(t, start(t, nil))
	for _, subject := range []string{"weir.evt.health.web.x", "weir.evt.health.web.y", "weir.evt.health.web.x"} {
		store(t, b, subject, subject+time.Now().Format(time.RFC3339Nano))
	}
	for _, test := range []struct {
		args  []string
		words []string
		n     int // how often the first is said
	}{
		{[]string{"sub", "weir.evt.>", "--stream", "WEIR_EVENTS", "--all", "--count", "3"}, []string{"Received JetStream message", "seq: 1 /", "weir.evt.health.web.y"}, 3},
		{[]string{"sub", "weir.evt.>", "--stream", "WEIR_EVENTS", "--last-per-subject", "--count", "2"}, []string{"Received JetStream message", "seq: 3 /"}, 2},
		{[]string{"sub", "weir.evt.>", "--stream", "WEIR_EVENTS", "--since", "1h", "--count", "3"}, []string{"Received JetStream message"}, 3},
		{[]string{"stream", "info", "WEIR_EVENTS"}, []string{"weir.evt.>"}, 1},
		{[]string{"stream", "get", "WEIR_EVENTS", "2"}, []string{"WEIR_EVENTS#2", "weir.evt.health.web.y"}, 1},
		{[]string{"stream", "get", "WEIR_EVENTS", "--last-for", "weir.evt.health.web.x"}, []string{"WEIR_EVENTS#3"}, 1},
		{[]string{"stream", "subjects", "WEIR_EVENTS"}, []string{"weir.evt.health.web.x", "weir.evt.health.web.y"}, 1},
		{[]string{"stream", "ls"}, []string{"WEIR_EVENTS"}, 1},
	} {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			out := natsCLI(t, b, test.args...)
			for _, words := range test.words {
				if !strings.Contains(out, words) {
					t.Errorf("it does not say %q:\n%s", words, out)
				}
			}
			if n := strings.Count(out, test.words[0]); n != test.n {
				t.Errorf("%q is said %d times, want %d:\n%s", test.words[0], n, test.n, out)
			}
		})
	}
}

func TestTheNATSCommandFindsTheService(t *testing.T) {
	part.Need(t, "natscli")
	b := start(t, nil)
	serve(t, b, endpoint("state.status", func(bus.Request) ([]byte, error) { return []byte(`{"ok":true}`), nil }))
	for _, test := range []struct {
		args  []string
		words []string
	}{
		{[]string{"service", "ls"}, []string{"weir", "1.2.3"}},
		{[]string{"service", "info", "weir"}, []string{"weir.svc.state.status", "a test"}},
		{[]string{"req", "weir.svc.state.status", ""}, []string{`{"ok":true}`}},
	} {
		out := natsCLI(t, b, test.args...)
		for _, words := range test.words {
			if !strings.Contains(out, words) {
				t.Errorf("nats %s does not say %q:\n%s", strings.Join(test.args, " "), words, out)
			}
		}
	}
}
