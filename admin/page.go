package admin

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

//go:embed page
var pageFiles embed.FS

// pageScripts are the parts of the script, in order.
func pageScripts() []string {
	return []string{"format.js", "traffic.js", "peers.js", "upstreams.js", "summary.js", "events.js", "live.js"}
}

// page is the one document that people look at. It is whole in itself: style
// and script stand in it, and its policy lets it run those two by their hashes
// and ask this server, nothing else.
type page struct {
	body   []byte
	policy string
}

func newPage() (page, error) {
	parts := map[string]string{}
	for _, name := range append(pageScripts(), "page.html", "page.css") {
		text, err := pageFiles.ReadFile("page/" + name)
		if err != nil {
			return page{}, fmt.Errorf("read the page: %w", err)
		}
		parts[name] = string(text)
	}
	style, script := parts["page.css"], ""
	for _, name := range pageScripts() {
		script += parts[name]
	}
	text := strings.NewReplacer("{{style}}", style, "{{script}}", script).Replace(parts["page.html"])
	return page{body: []byte(text), policy: "default-src 'none'; connect-src 'self'; img-src data:; " +
		"style-src " + sourceHash(style) + "; script-src " + sourceHash(script) +
		"; require-trusted-types-for 'script'; trusted-types 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"}, nil
}

// sourceHash names a text the way a content security policy does.
func sourceHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

func (p page) serve(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", p.policy)
	h.Set("Content-Length", strconv.Itoa(len(p.body)))
	_, _ = w.Write(p.body) // the client is gone: nobody to tell
}
