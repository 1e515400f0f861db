package nethttp_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/weirproxy/weir/internal/part"
	"github.com/weirproxy/weir/internal/peertest"
)

// TestCurl has a client that is not Go's send, over each protocol, a body that
// is larger than any buffer and a head that comes in several frames.
func TestCurl(t *testing.T) {
	curl := part.Need(t, "curl")
	ca, peer := newListenerCA(t), peertest.Start(t)
	peer.AnswerWith(func(r peertest.Request) peertest.Response { return peertest.Response{Body: r.Body} })
	body := strings.Repeat("0123456789abcdef", 100_000)
	name := t.TempDir() + "/body"
	if err := os.WriteFile(name, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, m := range manners() {
		t.Run(m.name, func(t *testing.T) {
			p := plan{}
			m.apply(&p, ca)
			h := open(t, p, peer.Addr())
			how, version := "--http1.1", "1.1"
			if m.http2 {
				how, version = "--http2-prior-knowledge", "2"
			}
			if m.http2 && m.tls {
				how = "--http2"
			}
			cmd := exec.CommandContext(t.Context(), curl, "-sS", how, "--cacert", ca.file(), "--max-time", "30", "--write-out", "\n%{http_version} %{response_code}",
				"-H", "X-Long: "+strings.Repeat("x", 30_000), "--data-binary", "@"+name, m.scheme()+"://"+h.addr+"/a?b")
			out, err := cmd.Output()
			if want := body + "\n" + version + " 200"; err != nil || string(out) != want {
				t.Errorf("got %d bytes that end with %q, %v, want %d", len(out), out[max(0, len(out)-50):], err, len(want))
			}
		})
	}
}
