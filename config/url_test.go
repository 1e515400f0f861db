package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCredentialsOfURLsAreMasked(t *testing.T) {
	for text, want := range map[string]string{
		"nats://a:4222":                        "nats://a:4222",
		"nats://u:secret@a:4222":               "nats://u:(secret)@a:4222",
		"nats://token@a":                       "nats://(secret)@a",
		"nats://:secret@a":                     "nats://(secret)@a",
		"nats://u:@a":                          "nats://u:@a",
		"nats://u:se@cret@a":                   "nats://u:(secret)@a",
		"nats://u:se/cret@a":                   "nats://u:(secret)@a",
		"x nats://u:s@a y nats://v:t@b":        "x nats://u:(secret)@a y nats://v:(secret)@b",
		"nats://u:s@a,nats://v:t@b":            "nats://u:(secret)@b",
		"mail@example.com":                     "mail@example.com",
		`{a: "http://x", b: "mail@example.com`: `{a: "http://x", b: "mail@example.com`,
		"://@":                                 "://@",
		"":                                     "",
	} {
		if got := maskURLs(text); got != want {
			t.Errorf("%s became %s, want %s", text, got, want)
		}
		if stars := eachCredentials(text, stars); len([]rune(stars)) != len([]rune(text)) {
			t.Errorf("%s became %s: another length", text, stars)
		}
	}
}

func TestAURLNeverPrintsItsPassword(t *testing.T) {
	const secret = "hunter2"
	u := NewURL("nats://me:" + secret + "@a")
	holder := struct{ NATS NATS }{NATS{URLs: []URL{u}, Password: NewSecret(secret)}}
	var logged bytes.Buffer
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "url", u, "holder", holder)
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "url", u, "holder", holder)
	encoded, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	shown := []string{logged.String(), string(encoded)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		shown = append(shown, fmt.Sprintf(verb, holder), fmt.Sprintf(verb, &holder), fmt.Sprintf(verb, u))
	}
	for _, text := range shown {
		if strings.Contains(text, secret) || strings.Contains(strings.ToLower(text), fmt.Sprintf("%x", secret)) {
			t.Errorf("printed: %s", text)
		}
	}
	if u.Reveal() != "nats://me:"+secret+"@a" || !u.HasSecret() || NewURL("nats://a").HasSecret() {
		t.Error("Reveal or HasSecret is wrong")
	}
}

func TestNATSElsewhere(t *testing.T) {
	cfg, err := Parse("weir.yaml", []byte(`listeners: [{addr: ":1"}]
nats: {url: "${NATS_URL}", tls: {ca: /ca.pem, cert: c, key: k}, prefix: p, events: {max_age: 24h, max_bytes: 1GiB, per_subject: 7}}
`), mapEnv(map[string]string{"NATS_URL": "tls://me:hunter2@a:1"}))
	if err != nil {
		t.Fatal(err)
	}
	want := NATS{
		URLs: []URL{NewURL("tls://me:hunter2@a:1")}, TLS: TLSFiles{CA: "/ca.pem", Cert: "c", Key: "k"}, Prefix: "p",
		Events: Events{MaxAge: 24 * hour, MaxBytes: 1 << 30, PerSubject: 7},
	}
	if diff := cmp.Diff(want, cfg.NATS, cmp.AllowUnexported(URL{}, Secret{})); diff != "" {
		t.Errorf("nats (-want +got):\n%s", diff)
	}
	effective := cfg.Effective()
	if strings.Contains(effective, "hunter2") || !strings.Contains(squeeze(effective), `# url: ["tls://me:(secret)@a:1"] # line 2, env NATS_URL`) {
		t.Errorf("got\n%s", effective)
	}
	if again := mustParse(t, effective); len(again.NATS.URLs) > 0 || again.NATS.Prefix != "p" || again.NATS.Events != want.Events {
		t.Errorf("reads as %+v", again.NATS)
	}
	cfg = mustParse(t, "listeners: [{addr: \":1\"}]\nnats: {url: [\"nats://a\", \"nats://[::1]:2\"], user: me, password: hunter2}\n")
	if cfg.NATS.User != "me" || cfg.NATS.Password.Reveal() != "hunter2" || len(cfg.NATS.URLs) != 2 || cfg.NATS.Addr != "" {
		t.Errorf("got %+v", cfg.NATS)
	}
}

func TestNATSURLsThatAreRefused(t *testing.T) {
	runValues(t, item.natsURLs, []valueTest[[]URL]{
		{text: "[]", fault: "want 1 to 100"},
		{text: `""`, fault: "want a URL"},
		{text: `"a:4222"`, fault: `"nats://a:4222"`},
		{text: `"http://a"`, fault: "want nats://"},
		{text: `"nats://"`, fault: "is not HOST"},
		{text: `"nats://@a"`, fault: "nothing before the @"},
		{text: `"nats://a:x"`, fault: "not a URL"},
		{text: `"nats://a/b"`, fault: "no path"},
		{text: `"nats://a?b"`, fault: "no path"},
		{text: `"nats://u:(secret)@a"`, fault: "placeholder"},
		{text: `["nats://a", "wss://b"]`, fault: "want nats:// or tls://"},
	})
}
