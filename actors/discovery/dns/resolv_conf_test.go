package dns

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParsesResolvConf(t *testing.T) {
	tests := []struct {
		name, text string
		want       resolvConf
	}{
		{"everything", "# c\nnameserver 10.0.0.1 ; c\nnameserver fe80::1%eth0\nsearch a.test. B.test\noptions ndots:3 timeout:1 attempts:4 rotate edns0\n",
			resolvConf{servers: []string{"10.0.0.1:53", "[fe80::1%eth0]:53"}, search: []string{"a.test", "b.test"}, ndots: 3, timeout: time.Second, attempts: 4, rotate: true}},
		{"the last of domain and search", "nameserver ::1\nsearch a b\ndomain c\n", resolvConf{servers: []string{"[::1]:53"}, search: []string{"c"}, ndots: 1}},
		{"what makes no sense is left out", "nameserver\nnameserver ns.test\noptions ndots:x timeout:0 attempts:-1 ndots:99\nsearch .\nnonsense\n",
			resolvConf{servers: []string{"127.0.0.1:53", "[::1]:53"}, ndots: 15}},
		{"an empty file", "", resolvConf{servers: []string{"127.0.0.1:53", "[::1]:53"}, ndots: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, parseResolvConf(tt.text), cmp.AllowUnexported(resolvConf{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestNamesAreCompletedBySearchDomains(t *testing.T) {
	s := settings{search: []string{"a.test", "b.test"}, ndots: 2}
	tests := []struct{ name, want string }{
		{"web", "web.a.test. web.b.test. web."},
		{"web.x", "web.x.a.test. web.x.b.test. web.x."},
		{"web.x.y", "web.x.y. web.x.y.a.test. web.x.y.b.test."},
		{"web.", "web."},
	}
	for _, tt := range tests {
		if got := strings.Join(s.candidates(tt.name), " "); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
	if got := (settings{}).candidates("web"); len(got) != 1 || got[0] != "web." {
		t.Errorf("without domains: got %v", got)
	}
}

func FuzzFiles(f *testing.F) {
	f.Add("nameserver 10.0.0.1\nsearch a b\noptions ndots:2 rotate\n10.0.0.1 web web.test\n")
	f.Fuzz(func(t *testing.T, text string) {
		conf := parseResolvConf(text)
		if len(conf.servers) == 0 || conf.ndots < 0 || conf.ndots > maxNdots || conf.timeout < 0 || conf.attempts < 0 {
			t.Errorf("%q gives %+v", text, conf)
		}
		if list := (settings{search: conf.search, ndots: conf.ndots}).candidates("web"); len(list) == 0 {
			t.Errorf("%q leaves nothing to ask for", text)
		}
		for name, addrs := range parseHosts(text) {
			for _, addr := range addrs {
				if !canBePeer(addr) {
					t.Errorf("%q: %s has %s", text, name, addr)
				}
			}
		}
	})
}
