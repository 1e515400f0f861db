package dns_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/weirproxy/weir/actors/discovery/dns"
	"github.com/weirproxy/weir/messages"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newResolver returns a Resolver that knows no file of this machine.
func newResolver(t *testing.T, cfg dns.Config) *dns.Resolver {
	t.Helper()
	if cfg.ResolvConf == "" {
		cfg.ResolvConf = filepath.Join(t.TempDir(), "absent")
	}
	if cfg.Hosts == "" {
		cfg.Hosts = filepath.Join(t.TempDir(), "absent")
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 10 * time.Second
	}
	r, err := dns.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// spec returns an upstream of kind dns with entries of weight 1.
func spec(addrs ...string) messages.UpstreamSpec {
	var peers []messages.PeerSpec
	for _, a := range addrs {
		peers = append(peers, messages.PeerSpec{Addr: a, Weight: 1})
	}
	return messages.UpstreamSpec{Name: "web", Addrs: messages.ListOf(peers...), Discovery: messages.Discovery{Kind: messages.DiscoverDNS}}
}

// addrs returns "ADDR WEIGHT/TIER" of each peer, the latter two where they are not 1/0.
func addrs(peers []messages.PeerSpec) []string {
	got := []string{}
	for _, p := range peers {
		text := p.Addr
		if p.Weight != 1 || p.Tier != 0 {
			text = p.String()
		}
		if p.Tier != 0 {
			text += "/" + string(rune('0'+p.Tier))
		}
		got = append(got, text)
	}
	return got
}

func find(t *testing.T, r *dns.Resolver, s messages.UpstreamSpec) (dns.Result, error) {
	t.Helper()
	return r.Find(t.Context(), dns.Request{Spec: s})
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
