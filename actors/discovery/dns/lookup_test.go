package dns

import (
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirproxy/weir/internal/dnstest"
	"github.com/weirproxy/weir/messages"
)

// TestNoFailureMakesANameMeanSomethingElse looks a name up through search domains,
// on a server that stands in for those of resolv.conf.
func TestNoFailureMakesANameMeanSomethingElse(t *testing.T) {
	for _, code := range []string{"SERVFAIL", "REFUSED", "NXDOMAIN"} {
		t.Run(code, func(t *testing.T) {
			server := dnstest.Start(t)
			server.Set("*", "*", dnstest.Code("NXDOMAIN"))
			server.SetAddrs("web.a.test.", 1, "10.0.0.1")
			server.SetAddrs("web.b.test.", 1, "10.0.0.66")
			synctest.Test(t, func(t *testing.T) {
				r, err := New(Config{Timeout: 10 * time.Second, ResolvConf: filepath.Join(t.TempDir(), "absent"), Hosts: filepath.Join(t.TempDir(), "absent")})
				if err != nil {
					t.Fatal(err)
				}
				r.confFile.read = true // it stays as it is
				r.conf = resolvConf{servers: []string{server.Addr()}, search: []string{"x.test", "a.test", "b.test"}, ndots: 1}
				spec := messages.UpstreamSpec{Addrs: messages.ListOf(messages.PeerSpec{Addr: "web:80", Weight: 1})}
				look := func(want string) error {
					t.Helper()
					result, err := r.Find(t.Context(), Request{Spec: spec})
					if len(result.Peers) != 1 || result.Peers[0].Addr != want {
						t.Fatalf("got %v, %v; want %s", result.Peers, err, want)
					}
					time.Sleep(result.Again)
					return err
				}
				if err := look("10.0.0.1:80"); err != nil {
					t.Error(err)
				}
				server.Set("web.a.test.", "A", dnstest.Code(code))
				server.Set("web.a.test.", "AAAA", dnstest.Code(code))
				for range 2 {
					if err := look("10.0.0.1:80"); err == nil {
						t.Errorf("the failure is not told")
					}
				}
				server.SetAddrs("web.x.test.", 1, "10.0.0.2")
				if err := look("10.0.0.2:80"); err != nil {
					t.Errorf("a name in an earlier domain: %v", err)
				}
			})
		})
	}
}
