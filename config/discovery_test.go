package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/messages"
)

const hour = time.Hour

func TestPeersOfEachDiscovery(t *testing.T) {
	peer := func(addr string, weight, tier int) messages.PeerSpec {
		return messages.PeerSpec{Addr: addr, Weight: weight, Tier: tier}
	}
	parser := func(kind messages.DiscoveryKind) func(item) (messages.PeerSpec, bool) {
		return func(v item) (messages.PeerSpec, bool) { return v.peer(peerForm{kind, defaultPort}) }
	}
	runValues(t, parser(messages.DiscoverDNS), []valueTest[messages.PeerSpec]{
		{text: "Web.internal:8080 5", want: peer("web.internal:8080", 5, 0)},
		{text: "web", want: peer("web:80", 1, 0)},
		{text: "{addr: web, tier: 2}", want: peer("web:80", 1, 2)},
		{text: "_http._tcp.Web.internal", want: peer("_http._tcp.web.internal", 1, 0)},
		{text: "{addr: _http._TCP.web.}", want: peer("_http._tcp.web.", 1, 0)},
		{text: "_web:80", want: peer("_web:80", 1, 0)},
		{text: "_http._tcp.web:80", fault: "say the port"},
		{text: "_http._tcp.web 2", fault: "say weight"},
		{text: "{addr: _http._tcp.web, weight: 2}", fault: "say weight"},
		{text: "_http._tcp", fault: "not the name of a service"},
		{text: "__._tcp.web", want: peer("__._tcp.web", 1, 0)},
		{text: "_._tcp.web", fault: "not the name of a service"},
		{text: "_dns._udp.web", fault: "over TCP"},
		{text: "unix:/run/a", fault: "needs no lookup"},
		{text: "10.0.0.1:80", fault: "needs no lookup"},
		{text: `"[::1]:80"`, fault: "needs no lookup"},
	})
	runValues(t, parser(messages.DiscoverDocker), []valueTest[messages.PeerSpec]{
		{text: "app", want: peer("app", 1, 0)},
		{text: "app 5", want: peer("app", 5, 0)},
		{text: "App=Web:8080 5", want: peer("App=Web:8080", 5, 0)},
		{text: "app:8080", want: peer("app:8080", 1, 0)},
		{text: "com.example.image=web:latest", want: peer("com.example.image=web:latest", 1, 0)},
		{text: "com.example.image=web:latest:80", want: peer("com.example.image=web:latest:80", 1, 0)},
		{text: "{addr: app=10.0.0.1, weight: 2, tier: 1}", want: peer("app=10.0.0.1", 2, 1)},
		{text: "unix:80", want: peer("unix:80", 1, 0)},
		{text: "unix:/run/a", fault: "needs no lookup"},
		{text: "app:0", fault: "port from 1"},
		{text: `"app:"`, fault: "port from 1"},
		{text: "app:99999999999999999999", fault: "port from 1"},
		{text: "app 0", fault: "weight from 1"},
		{text: "app=", fault: "no value"},
		{text: "=web", fault: "not the name of a label"},
		{text: "10.0.0.1:80", fault: "is an address"},
		{text: `"[::1]:80"`, fault: "is an address"},
		{text: "tcp://a", fault: "not the name of a label"},
		{text: `""`, fault: "want"},
	})
	runValues(t, parser(messages.DiscoverStatic), []valueTest[messages.PeerSpec]{
		{text: "_http._tcp.web", fault: "discovery: dns"},
	})
}

func TestDNSAndDockerSettings(t *testing.T) {
	env := mapEnv(map[string]string{"DOCKER_HOST": "tcp://d:2375"})
	cfg, err := Parse("", []byte(`listeners: [{addr: ":1"}]
dns: {servers: ["10.0.0.53:5353", 10.0.0.54, "::1", "[::1]:54"], max_stale: 1h, timeout: 500ms, attempts: 3}
docker: {peer_addr: network, auto: true, tls: {ca: a}}
`), env)
	if err != nil {
		t.Fatal(err)
	}
	dns := DNS{Servers: []string{"10.0.0.53:5353", "10.0.0.54:53", "[::1]:53", "[::1]:54"}, MaxStale: hour, Timeout: 500 * time.Millisecond, Attempts: 3}
	docker := Docker{Host: "tcp://d:2375", PeerAddr: "network", Auto: true, TLS: TLSFiles{CA: "a"}}
	if diff := cmp.Diff(dns, cfg.DNS); diff != "" {
		t.Errorf("dns (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(docker, cfg.Docker); diff != "" {
		t.Errorf("docker (-want +got):\n%s", diff)
	}
}

func TestABadDockerHostOfTheEnvironmentCountsWhereDockerIsUsed(t *testing.T) {
	env := mapEnv(map[string]string{"DOCKER_HOST": "ssh://d"})
	for _, test := range []struct{ text, path string }{
		{"", ""},
		{"upstreams: {u: {addrs: [x]}}", ""},
		{"docker: {host: \"unix:///x\"}\nupstreams: {u: {discovery: docker, addrs: [x]}}", ""},
		{"upstreams: {u: {discovery: docker, addrs: [x]}}", "upstreams.u"},
		{"docker: {auto: true}", "docker"},
	} {
		cfg, err := Parse("", []byte("listeners: [{addr: \":1\"}]\n"+test.text+"\n"), env)
		if test.path != "" {
			if faults := faultsOf(t, err); len(faults) != 1 || faults[0].Path != test.path || !strings.Contains(faults[0].Message, "DOCKER_HOST: ssh://") {
				t.Errorf("%s: %v", test.text, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		checkEffective(t, cfg)
	}
}

func TestLookupsOfLiteralsAreOdd(t *testing.T) {
	for text, want := range map[string]int{
		"addrs: [10.0.0.1], update_frequency: 5s":                  1,
		"addrs: [10.0.0.1], update_frequency: 5s, ipv4_only: true": 2,
		"addrs: [10.0.0.1], update_frequency: 0, ipv4_only: false": 0,
		"addrs: [10.0.0.1, x], update_frequency: 5s":               0,
		"addrs: [x], ipv4_only: true":                              0,
	} {
		cfg := mustParse(t, "{listeners: [{addr: \":1\"}], upstreams: {u: {"+text+"}}}")
		if len(cfg.Warnings) != want {
			t.Errorf("%s: warnings %v, want %d", text, cfg.Warnings, want)
		}
	}
}
