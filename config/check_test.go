package config

import (
	"strings"
	"testing"
	"time"

	"github.com/weirproxy/weir/messages"
)

func TestHealthChecks(t *testing.T) {
	check := func(kind messages.CheckKind, change func(*messages.CheckSpec)) messages.CheckSpec {
		c := defaultCheck(kind)
		change(&c)
		return c
	}
	status, err := messages.ParseStatusSet("200,404")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		text string
		want messages.CheckSpec
	}{
		{"off", messages.CheckSpec{Kind: messages.CheckOff}},
		{"tcp://api", defaultCheck(messages.CheckTCP)},
		{`"tcp://?check_frequency=2s&failure=5"`, check(messages.CheckTCP, func(c *messages.CheckSpec) { c.Frequency, c.Failure = 2*time.Second, 5 })},
		{"http://api", check(messages.CheckHTTP, func(c *messages.CheckSpec) { c.HTTP.Host = "api" })},
		{"http:///x", check(messages.CheckHTTP, func(c *messages.CheckSpec) { c.HTTP.Path = "/x" })},
		{`"http://[::1]/"`, check(messages.CheckHTTP, func(c *messages.CheckSpec) { c.HTTP.Host = "[::1]" })},
		{
			`"https://Api.example.com/healthz?a=1&check_frequency=100ms&b=%20x&success=3&failure=4&connection_timeout=1s&read_timeout=2s&c"`,
			check(messages.CheckHTTPS, func(c *messages.CheckSpec) {
				c.HTTP.Host, c.HTTP.Path = "Api.example.com", "/healthz?a=1&b=%20x&c"
				c.Frequency, c.Success, c.Failure = 100*time.Millisecond, 3, 4
				c.ConnectionTimeout, c.ReadTimeout = time.Second, 2*time.Second
			}),
		},
		{"{}", defaultCheck(messages.CheckTCP)},
		{"{type: tcp, port: 81, unhealthy_interval: 1s}", check(messages.CheckTCP, func(c *messages.CheckSpec) { c.Port, c.UnhealthyFrequency = 81, time.Second })},
		{
			`{type: https, path: "/x?y", host: "a:1", method: HEAD, headers: {A: "1", B: "2"}, status: [200, 404], tls: {ca: /a.pem}}`,
			check(messages.CheckHTTPS, func(c *messages.CheckSpec) {
				c.HTTP = messages.HTTPCheck{
					Method: "HEAD", Host: "a:1", Path: "/x?y", Status: status, CA: "/a.pem",
					Headers: messages.ListOf(messages.HeaderField{Name: "A", Value: "1"}, messages.HeaderField{Name: "B", Value: "2"}),
				}
			}),
		},
		{"{type: http, body: {contains: ok, matches: o+k}}", check(messages.CheckHTTP, func(c *messages.CheckSpec) { c.HTTP.BodyContains, c.HTTP.BodyMatches = "ok", "o+k" })},
		{"{type: https, tls: {verify: false}}", check(messages.CheckHTTPS, func(c *messages.CheckSpec) { c.HTTP.SkipVerify = true })},
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			got, faults := readValue(t, test.text, item.check)
			if len(faults) > 0 {
				t.Fatal(faults)
			}
			if !got.Equal(test.want) {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestHealthChecksThatAreRefused(t *testing.T) {
	for _, test := range []struct{ text, fault string }{
		{"http://api:8080/x", "port: 8080"},
		{`"http://[::1]:8080/x"`, "port: 8080"},
		{"http://user:pw@api/", "no user"},
		{"ftp://api/", "want off or a URL"},
		{"api/healthz", "want off or a URL"},
		{`"http://a b/"`, "want off or a URL"},
		{`"http://a/#x"`, "want off or a URL"},
		{"http://a_..b/", "want a host name"},
		{"grpc://api", "grpc"},
		{`"http://a/?service=x"`, "grpc"},
		{`"http://a/?check_freq=5s"`, "did you mean check_frequency?"},
		{`"http://a/?check-frequency=5s"`, "did you mean check_frequency?"},
		{`"http://a/?Success=1"`, "did you mean success?"},
		{`"http://a/?timeout=1s"`, "read_timeout"},
		{`"http://a/?success=1&success=2"`, "twice"},
		{`"http://a/?success=0"`, "from 1 to 100"},
		{`"http://a/?success"`, "from 1 to 100"},
		{`"http://a/?check_frequency=50ms"`, "from 100ms"},
		{`"http://a/?check_frequency=0"`, "from 100ms"},
		{`"http://a/?read_timeout=%zz"`, "badly escaped"},
		{`"http://a/?port=1"`, "mapping form"},
		{`"http://a/?reuse"`, "no such switch"},
		{"tcp://a/x", "no path"},
		{"true", "want off or a URL"},
		{"{type: grpc}", "grpc"},
		{"{type: httpp}", "did you mean http?"},
		{"{status: 200}", "type: http"},
		{"{type: http, check_frequency: 50ms}", "from 100ms"},
		{"{type: http, unhealthy_interval: 50ms}", "from 100ms"},
		{"{type: http, read_timeout: 0}", "from 1ms"},
		{"{type: http, port: 0}", "from 1 to 65535"},
		{"{type: http, path: x}", "begins with /"},
		{"{type: http, host: a/b}", "want a host"},
		{"{type: http, host: a:http}", "want a host"},
		{"{type: http, method: CONNECT}", "capitals"},
		{"{type: http, status: []}", "at least one"},
		{"{type: http, status: 20}", "not a status"},
		{"{type: http, method: HEAD, body: {contains: x}}", "no body"},
		{"{type: http, headers: {Content-Length: 1}}", "belongs to the connection"},
		{`{type: http, headers: {A: " x"}}`, "blank"},
		{`{type: http, headers: {A: "a\nb"}}`, "line break"},
		{"{type: http, tls: {verify: false}}", "no TLS"},
	} {
		t.Run(test.text, func(t *testing.T) {
			got, faults := readValue(t, test.text, item.check)
			if len(faults) != 1 || !strings.Contains(faults[0].Message+" "+faults[0].Hint, test.fault) {
				t.Errorf("got %+v and faults %v, want one with %q", got, faults, test.fault)
			}
		})
	}
}
