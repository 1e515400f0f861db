package docker

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	api "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"

	"github.com/weirproxy/weir/messages"
)

func TestParseSelector(t *testing.T) {
	for text, want := range map[string]Selector{
		"app":                        {Label: "app"},
		"app=web":                    {Label: "app", Value: "web"},
		"app=web:8080":               {Label: "app", Value: "web", Port: 8080},
		"app:8080":                   {Label: "app", Port: 8080},
		"image=reg.local:5000/x:80":  {Label: "image", Value: "reg.local:5000/x", Port: 80},
		"app=a=b":                    {Label: "app", Value: "a=b"},
		"com.example/x.y=web:latest": {},
		"com.example.x=web:latest":   {Label: "com.example.x", Value: "web:latest"},
	} {
		got, err := ParseSelector(text)
		if want == (Selector{}) {
			if !errors.Is(err, ErrSelector) {
				t.Errorf("%q is taken for %+v", text, got)
			}
			continue
		}
		if err != nil || got != want || got.String() != text {
			t.Errorf("%q: got %+v %v, which prints as %q", text, got, err, got)
		}
	}
	for _, text := range []string{"", " ", "app =x", "=web", ":80", "app=", "app=web:0", "app=web:65536", "app=web:", "app=web:99999999999999999999", "[::1]:80", "a\x00"} {
		if got, err := ParseSelector(text); !errors.Is(err, ErrSelector) || !strings.Contains(err.Error(), "selector") {
			t.Errorf("%q is taken for %+v, %v", text, got, err)
		}
	}
}

func TestBadLabelsAreFaultsOfTheirContainerAlone(t *testing.T) {
	for text, want := range map[string]string{
		"weir.weight=abc":   `label weir.weight: want a number from 1 to 1000, not "abc"`,
		"weir.weight=0":     `label weir.weight: want a number from 1 to 1000, not "0"`,
		"weir.weight=1001":  "weir.weight",
		"weir.weight=+5":    "weir.weight",
		"weir.port=99999":   `label weir.port: want a number from 1 to 65535, not "99999"`,
		"weir.port=":        "weir.port",
		"weir.network=":     "weir.network",
		"weir.network=nope": `label weir.network: it has no address on network "nope", it is on bridge`,
	} {
		t.Run(text, func(t *testing.T) {
			inBubble(t, plain(), func(t *testing.T, e *Engine, f *fakeEngine, start func()) {
				label, value, _ := strings.Cut(text, "=")
				f.has(fresh("good", 0, "app", "web", labelPort, "81"))
				f.has(fresh("bad", 1, "app", "web", label, value))
				sub := mustSubscribe(t, e, "app=web")
				start()
				set, ok := settle(sub, 0)
				if !ok || addrs(set) != "[172.17.0.2:81 1]" || !strings.Contains(set.Faults(), want) || !strings.Contains(set.Faults(), `"name-bad"`) {
					t.Errorf("got %s, faults %q", addrs(set), set.Faults())
				}
			})
		})
	}
}

func TestPortOf(t *testing.T) {
	for name, tt := range map[string]struct {
		s       Selector
		w       wishes
		exposed []int
		want    int
		fault   string
	}{
		"the selector's":       {Selector{Port: 1}, wishes{port: 2}, []int{3}, 1, ""},
		"the label's":          {Selector{}, wishes{port: 2}, []int{3}, 2, ""},
		"the only one exposed": {Selector{}, wishes{}, []int{3}, 3, ""},
		"none exposed":         {Selector{}, wishes{}, nil, 0, "it exposes no port"},
		"two exposed":          {Selector{}, wishes{}, []int{80, 443}, 0, "it exposes 2 ports (80, 443)"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := portOf(tt.s, tt.w, &container{details: &details{exposed: tt.exposed}})
			if got != tt.want || (err != nil) != (tt.fault != "") || (err != nil && !strings.Contains(err.Error(), tt.fault)) {
				t.Errorf("got %d, %v", got, err)
			}
		})
	}
}

func TestParseSignal(t *testing.T) {
	for text, want := range map[string]int{"15": 15, "SIGTERM": 15, "term": 15, "SIGKILL": 9, "HUP": 1, "SIGUSR1": 10, "SIGSYS": 31, "IOT": 6,
		"RTMIN": 34, "SIGRTMIN+3": 37, "RTMAX": 64, "RTMAX-1": 63, "64": 64,
		"": 0, "0": 0, "65": 0, "-9": 0, "SIG": 0, "RTMIN-1": 0, "RTMIN+31": 0, "RTMAX+1": 0, "RTMIN+": 0, "RTMAX-x": 0, "HUP TERM": 0} {
		if got := parseSignal(text); got != want {
			t.Errorf("%q: got %d, want %d", text, got, want)
		}
	}
}

func FuzzParseSelector(f *testing.F) {
	for _, seed := range []string{"app=web:8080", "app", "a=b:c:1", "=:", "a:0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSelector(text)
		if err != nil {
			return
		}
		if again, err := ParseSelector(s.String()); err != nil || again != s || s.Label == "" || s.Port < 0 || s.Port > maxPort {
			t.Errorf("%q is read as %+v, and what that prints as %+v, %v", text, s, again, err)
		}
	})
}

func FuzzLabels(f *testing.F) {
	f.Add("80", "5", "front", "true", "web", "api.example.com", "/v1/")
	f.Add("-1", "x", "", "TRUE", "a b", "*.", "~(")
	f.Add("", "", "", "false", "../x", "[::1]:80", "=/%2e%2e/")
	f.Fuzz(func(t *testing.T, port, weight, network, enable, upstream, host, path string) {
		labels := map[string]string{labelPort: port, labelWeight: weight, labelNetwork: network, labelEnable: enable, labelUpstream: upstream, labelHost: host, labelPath: path}
		c := fresh("a", 0)
		c.labels = labels
		p := newPicture(func(map[string]string) {})
		p.at = place(hostAround(), nil)
		p.listed([]*container{c}, p.next())
		peers, notes := p.peersOf([]Selector{{Label: labelPort}, {Label: labelUpstream}}, PeerAddrAuto, nil, someTime())
		for _, peer := range peers {
			if peer.Weight < 1 || peer.Weight > messages.MaxWeight || peer.Addr == "" {
				t.Errorf("peer %+v", peer)
			}
		}
		asked, more := read([]*container{c})
		for _, n := range append(notes, more...) {
			if n.Text == "" || len(n.String()) > 4096 {
				t.Errorf("note %q", n)
			}
		}
		for name, route := range asked {
			if !validName.MatchString(name) || (route != nil && (route.Name != name || len(route.Host) > 253)) {
				t.Errorf("upstream %q, route %+v", name, route)
			}
		}
	})
}

func FuzzWhatTheEngineSays(f *testing.F) {
	c := appContainer("a", "web", "172.17.0.2")
	f.Add([]byte(c.Summary()))
	f.Add([]byte(c.Inspection()))
	f.Add([]byte(c.Event("kill", time.Unix(1795500000, 0), "signal", "15")))
	f.Add([]byte(`{"Id":"a","Config":{"StopTimeout":-1,"StopSignal":"x","ExposedPorts":{"":{},"80/udp":{},"x/tcp":{}}},"State":{"Health":{}},"HostConfig":{},"NetworkSettings":{"Ports":{"80/tcp":[{"HostPort":"x"}]},"Networks":{"a":null}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var s api.Summary
		if json.Unmarshal(data, &s) == nil {
			if c := fromSummary(&s); c != nil && (c.id == "" || c.name == "") {
				t.Errorf("%+v", c)
			}
		}
		var r api.InspectResponse
		if json.Unmarshal(data, &r) == nil {
			if c, err := fromInspect(&r); err == nil && (c.id == "" || c.details == nil || c.details.stopSignal == 0) {
				t.Errorf("%+v", c)
			}
		}
		var m events.Message
		if json.Unmarshal(data, &m) == nil {
			fromMessage(&m)
		}
	})
}
