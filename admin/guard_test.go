package admin_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/weirproxy/weir/admin"
)

func TestNewRefuses(t *testing.T) {
	deps := newWorld().deps()
	for _, c := range []struct {
		name string
		cfg  admin.Config
		want error
	}{
		{"every address without a token", admin.Config{Addr: ":9070"}, admin.ErrOpenAdmin},
		{"the any address without a token", admin.Config{Addr: "0.0.0.0:9070"}, admin.ErrOpenAdmin},
		{"the v6 any address without a token", admin.Config{Addr: "[::]:9070"}, admin.ErrOpenAdmin},
		{"a private address without a token", admin.Config{Addr: "10.0.0.1:9070"}, admin.ErrOpenAdmin},
		{"a name without a token", admin.Config{Addr: "localhost.example.com:9070"}, admin.ErrOpenAdmin},
		{"no port", admin.Config{Addr: "127.0.0.1"}, admin.ErrAddr},
		{"no path", admin.Config{Addr: "unix:"}, admin.ErrAddr},
		{"not a word of it", admin.Config{Addr: "http://127.0.0.1:9070/"}, admin.ErrAddr},
		{"the default", admin.Config{}, nil},
		{"loopback", admin.Config{Addr: "127.8.8.8:9070"}, nil},
		{"v6 loopback", admin.Config{Addr: "[::1]:9070"}, nil},
		{"mapped loopback", admin.Config{Addr: "[::ffff:127.0.0.1]:9070"}, nil},
		{"localhost", admin.Config{Addr: "LocalHost:9070"}, nil},
		{"a socket", admin.Config{Addr: "unix:/run/weir.sock"}, nil},
		{"every address with a token", admin.Config{Addr: ":9070", OperatorToken: token}, nil},
		{"every address, open", admin.Config{Addr: ":9070", Open: true}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := admin.New(c.cfg, deps)
			if !errors.Is(err, c.want) || (err == nil) != (s != nil) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
	t.Run("missing collaborators", func(t *testing.T) {
		if _, err := admin.New(admin.Config{}, admin.Deps{}); !errors.Is(err, admin.ErrIncomplete) {
			t.Errorf("got %v, want ErrIncomplete", err)
		}
	})
}

func TestServeRefusesAListenerThatOthersReach(t *testing.T) {
	s := newServer(t, admin.Config{Addr: "127.0.0.1:9070"}, newWorld().deps())
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(l); !errors.Is(err, admin.ErrOpenAdmin) {
		t.Errorf("got %v, want ErrOpenAdmin", err)
	}
	if _, err := l.Accept(); err == nil {
		t.Error("the listener is still open")
	}
}

// TestWhoMayAsk is the matrix of where the server is, what the client brings, and what it asks for.
func TestWhoMayAsk(t *testing.T) {
	public, private := []string{"/healthz", "/readyz"}, []string{"/", "/metrics", "/api/v1/status", "/api/v1/upstreams", "/api/v1/upstreams/x", "/api/v1/events?follow=0", "/nope", "/healthz/", "//healthz"}
	basic := func(user, password string) string {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.SetBasicAuth(user, password)
		return r.Header.Get("Authorization")
	}
	keys := []struct {
		name, authorization string
		right               bool
	}{
		{"nothing", "", false},
		{"the token", "Bearer " + token, true},
		{"the token, scheme in lower case", "bearer " + token, true},
		{"a wrong token", "Bearer wrong", false},
		{"a part of the token", "Bearer " + token[:5], false},
		{"an empty token", "Bearer ", false},
		{"the token without a scheme", token, false},
		{"the token as the operator's password", basic("operator", token), true},
		{"the token as another's password", basic("root", token), false},
		{"a wrong password", basic("operator", "wrong"), false},
		{"an empty password", basic("operator", ""), false},
	}
	for _, place := range []struct {
		name   string
		cfg    admin.Config
		locked bool
	}{
		{"loopback without a token", admin.Config{}, false},
		{"loopback with a token", admin.Config{OperatorToken: token}, false},
		{"a socket with a token", admin.Config{Addr: "unix:/x", OperatorToken: token}, false},
		{"off loopback", admin.Config{Addr: "10.0.0.5:9070", OperatorToken: token}, true},
		{"every address", admin.Config{Addr: ":9070", OperatorToken: token}, true},
		{"off loopback and open", admin.Config{Addr: ":9070", OperatorToken: token, Open: true}, false},
	} {
		t.Run(place.name, func(t *testing.T) {
			h := newServer(t, place.cfg, newWorld().deps()).Handler()
			for _, key := range keys {
				ask := func(path string) *httptest.ResponseRecorder {
					r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1:9070"+path, nil)
					if key.authorization != "" {
						r.Header.Set("Authorization", key.authorization)
					}
					rec := httptest.NewRecorder()
					h.ServeHTTP(rec, r)
					return rec
				}
				for _, path := range public {
					if rec := ask(path); rec.Code != http.StatusOK {
						t.Errorf("%s with %s: got %d, want 200", path, key.name, rec.Code)
					}
				}
				for _, path := range private {
					rec := ask(path)
					if want := place.locked && !key.right; (rec.Code == http.StatusUnauthorized) != want {
						t.Errorf("%s with %s: got %d, want 401: %v", path, key.name, rec.Code, want)
					}
					if rec.Code == http.StatusUnauthorized && !strings.HasPrefix(rec.Header().Get("WWW-Authenticate"), "Basic ") {
						t.Errorf("%s: a browser would not ask for the token: %v", path, rec.Header())
					}
				}
			}
		})
	}
}

func TestHost(t *testing.T) {
	const loopback, private, any, socket = "127.0.0.1:9070", "weir.internal:9070", ":9070", "unix:/x"
	for _, c := range []struct {
		addr, host string
		want       bool
	}{
		{loopback, "127.0.0.1:9070", true},
		{loopback, "127.0.0.1", true},
		{loopback, "localhost:9999", true},
		{loopback, "LOCALHOST", true},
		{loopback, "[::1]:9070", true},
		{loopback, "[::1]", true},
		{loopback, "evil.example.com", false},
		{loopback, "evil.example.com:9070", false},
		{loopback, "127.0.0.1.evil.example.com", false},
		{loopback, "localhost.evil.example.com", false},
		{loopback, "10.0.0.1:9070", false},
		{loopback, "", false},
		{loopback, "[", false},
		{"localhost:9070", "127.0.0.1", true},
		{socket, "whatever", true},
		{socket, "", true},
		{private, "weir.internal:9070", true},
		{private, "Weir.Internal", true},
		{private, "10.0.0.1:9070", true},
		{private, "evil.example.com", false},
		{any, "10.0.0.1:9070", true},
		{any, "[2001:db8::1]:9070", true},
		{any, "evil.example.com", false},
		{any, "", false},
	} {
		t.Run(c.addr+" asked as "+c.host, func(t *testing.T) {
			h := newServer(t, admin.Config{Addr: c.addr, OperatorToken: token}, newWorld().deps()).Handler()
			ask := func(path, authorization string) int {
				r := httptest.NewRequest(http.MethodGet, path, nil)
				r.Host = c.host
				r.Header.Set("Authorization", authorization)
				rec := httptest.NewRecorder()
				h.ServeHTTP(rec, r)
				return rec.Code
			}
			if got := ask("/api/v1/status", ""); (got != http.StatusForbidden) != c.want {
				t.Errorf("got %d, want allowed: %v", got, c.want)
			}
			if got := ask("/api/v1/status", "Bearer "+token); got != http.StatusOK {
				t.Errorf("with the token: got %d, want 200", got)
			}
			if got := ask("/readyz", ""); c.addr != loopback && got != http.StatusOK {
				t.Errorf("readyz off loopback: got %d, want 200", got)
			}
		})
	}
}

func TestTheTokenStaysSecret(t *testing.T) {
	var log bytes.Buffer
	deps := newWorld().deps()
	deps.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	h := newServer(t, admin.Config{Addr: ":9070", OperatorToken: token}, deps).Handler()
	for _, path := range []string{"/", "/metrics", "/api/v1/status", "/readyz", "/nope?" + token} {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("Authorization", "Bearer "+token)
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		if strings.Contains(rec.Body.String(), token) {
			t.Errorf("%s tells the token", path)
		}
	}
	if strings.Contains(log.String(), token) {
		t.Error("the log tells the token")
	}
}
