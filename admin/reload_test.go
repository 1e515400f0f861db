package admin_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/weirproxy/weir/admin"
)

func TestReload(t *testing.T) {
	refusal := &admin.Refusal{Code: "invalid", Message: "weir.yaml:3:5: unknown key", Faults: []map[string]int{{"line": 3}}}
	cases := map[string]struct {
		reload func(context.Context) (admin.Reloaded, error)
		status int
		body   string
	}{
		"what changed is told": {
			func(context.Context) (admin.Reloaded, error) {
				return admin.Reloaded{File: "/etc/weir.yaml", Changes: []string{"upstream web changed: algo"}, NeedsRestart: []string{"nats.addr"}}, nil
			},
			200, `{"file":"/etc/weir.yaml","changes":["upstream web changed: algo"],"needs_restart":["nats.addr"],"warnings":[]}`},
		"a refused file says why": {
			func(context.Context) (admin.Reloaded, error) { return admin.Reloaded{}, refusal },
			422, `{"error":{"code":"invalid","message":"weir.yaml:3:5: unknown key","faults":[{"line":3}]}}`},
		"without a file there is nothing to reload": {nil,
			422, `{"error":{"code":"no_file","message":"this weir runs without a configuration file: there is nothing to reload"}}`},
		"another failure is weir's": {
			func(context.Context) (admin.Reloaded, error) { return admin.Reloaded{}, errors.New("control crashed") },
			500, `{"error":{"code":"internal","message":"control crashed"}}`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			status, body := postReload(t, admin.Config{OperatorToken: token}, c.reload, http.Header{"Authorization": {"Bearer " + token}})
			if status != c.status || body != c.body {
				t.Errorf("got %d %s\nwant %d %s", status, body, c.status, c.body)
			}
		})
	}
}

func TestOnlyTheOperatorMayReload(t *testing.T) {
	asBearer := http.Header{"Authorization": {"Bearer " + token}}
	fromPage := http.Header{"Authorization": {"Bearer " + token}, "Origin": {"http://127.0.0.1:9070"}}
	asPassword := (&http.Request{Header: http.Header{}})
	asPassword.SetBasicAuth("operator", token)
	cases := map[string]struct {
		cfg    admin.Config
		header http.Header
		status int
	}{
		"anonymous on loopback":                  {admin.Config{OperatorToken: token}, nil, 401},
		"a wrong token":                          {admin.Config{OperatorToken: token}, http.Header{"Authorization": {"Bearer wrong-token"}}, 401},
		"a password, as browsers send by itself": {admin.Config{OperatorToken: token}, asPassword.Header, 401},
		"a page, even with the token":            {admin.Config{OperatorToken: token}, fromPage, 403},
		"the token":                              {admin.Config{OperatorToken: token}, asBearer, 200},
		"everybody, when it is open":             {admin.Config{Open: true}, nil, 200},
		"a page, when it is open":                {admin.Config{Open: true}, http.Header{"Origin": {"http://evil.example"}}, 403},
		"nobody, when there is no token":         {admin.Config{}, http.Header{"Authorization": {"Bearer "}}, 401},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			called := false
			status, body := postReload(t, c.cfg, func(context.Context) (admin.Reloaded, error) {
				called = true
				return admin.Reloaded{}, nil
			}, c.header)
			if status != c.status || called != (c.status == 200) {
				t.Errorf("got %d %s (reloaded: %v), want %d", status, body, called, c.status)
			}
		})
	}
}

func postReload(t *testing.T, cfg admin.Config, reload func(context.Context) (admin.Reloaded, error), header http.Header) (status int, body string) {
	t.Helper()
	deps := newWorld().deps()
	deps.Reload = reload
	s, err := admin.New(cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:9070/api/v1/reload", nil)
	for name, values := range header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	text, _ := io.ReadAll(w.Body)
	return w.Code, strings.TrimSpace(string(text))
}
