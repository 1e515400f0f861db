package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// What net/http writes by itself is a line of the log like others.
func TestTheLogOfLibrariesIsAdopted(t *testing.T) {
	var out text
	adopt(slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})))
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	_, err := server.Client().Get(strings.Replace(server.URL, "127.0.0.1", "localhost", 1)) //nolint:noctx // it ends with the handshake
	if err == nil {
		t.Fatal("the handshake was to fail")
	}
	eventually(t, "it is logged", func() bool {
		return strings.Contains(out.String(), `"level":"DEBUG","msg":"http: TLS handshake error`)
	})
}
