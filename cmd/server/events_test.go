package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// flipsOf returns who flipped to what in lines of JSON events; each line must be an event.
func flipsOf(t *testing.T, lines string) []string {
	t.Helper()
	var flips []string
	for line := range strings.Lines(lines) {
		var e struct{ Type, Peer, To string }
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Type == "" {
			t.Fatalf("not an event: %q (%v)", line, err)
		}
		if e.Type == "weir.health.v1.flip" {
			flips = append(flips, e.Peer+" "+e.To)
		}
	}
	return flips
}

func TestEventsOutliveARestart(t *testing.T) {
	a, kill := peer(t, "a")
	s := newSite(t, "watch: false", a)
	read := func(args ...string) string {
		code, out, stderr := command(t, append([]string{"events", "--no-follow", "--json"}, args...)...)
		if code != 0 {
			t.Fatalf("%v: status %d, %s", args, code, stderr)
		}
		return out
	}
	since := []string{"--admin", s.adminURL, "--since", "1h", "--upstream", "web"}
	eventually(t, "the first flip is stored", func() bool { return len(flipsOf(t, read(since...))) == 1 })
	kill()
	eventually(t, "the second flip is stored", func() bool { return len(flipsOf(t, read(since...))) == 2 })
	if code := s.end(); code != 0 {
		t.Fatalf("ended with %d: %s", code, s.stderr)
	}
	s.instance = background(t, "serve", "-c", s.file)
	eventually(t, "it is ready", func() bool { _, _, body := get(t, s.adminURL+"/readyz"); return strings.Contains(body, `"ready":true`) })

	want := a + " healthy, " + a + " unhealthy"
	for name, args := range map[string][]string{
		"over the API":           since,
		"the last ones":          {"--admin", s.adminURL, "--last", "1000"},
		"over NATS":              {"--nats", "nats://" + s.nats, "--since", "1h"},
		"over NATS, one of them": {"--nats", "nats://" + s.nats, "--upstream", "web", "--last", "1000"},
	} {
		t.Run(name, func(t *testing.T) {
			eventually(t, "both flips are read", func() bool { return strings.HasPrefix(strings.Join(flipsOf(t, read(args...)), ", "), want) })
		})
	}
	if got := flipsOf(t, read("--admin", s.adminURL, "--since", "1h", "--upstream", "other")); len(got) != 0 {
		t.Errorf("another upstream has %v", got)
	}
	if got := read("--admin", s.adminURL, "--last", "0"); got != "" {
		t.Errorf("the last 0 are %q", got)
	}
}

func TestEventsSayWhatIsWrong(t *testing.T) {
	free := freeAddr(t)
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"a time that is none":           {[]string{"--since", "yesterday", "--nats", "nats://" + free}, "neither a duration"},
		"a time that is none, over API": {[]string{"--since", "yesterday"}, "neither a duration"},
		"both a time and a number":      {[]string{"--since", "1h", "--last", "5"}, "since last"},
		"nobody there":                  {[]string{"--nats", "nats://" + free}, free},
		"nobody there, over API":        {[]string{"--admin", "http://" + free}, "is weir running there?"},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, stderr := command(t, append([]string{"events", "--no-follow"}, c.args...)...)
			if code != 1 || out != "" || !strings.Contains(stderr, c.says) {
				t.Errorf("status %d, %q, %q; want 1 and %q", code, out, stderr, c.says)
			}
		})
	}
}
