package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

// echo starts a peer that tells where requests come from.
func echo(t *testing.T) (addr string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "for %s port %s", r.Header.Get("X-Forwarded-For"), r.Header.Get("X-Forwarded-Port"))
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// talk sends text on a connection of its own and returns the body of the answer.
func talk(t *testing.T, network, addr, text string) (body string, err error) {
	t.Helper()
	c, err := net.Dial(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := io.WriteString(c, text); err != nil {
		return "", err
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	read, err := io.ReadAll(resp.Body)
	return string(read), err
}

func TestListenersOfOtherKinds(t *testing.T) {
	const request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
	s := newPlace(t)
	path, friends, strangers := filepath.Join(s.dir, "weir.sock"), freeAddr(t), freeAddr(t)
	s.begin("listeners:\n  - {addr: \"" + s.listener + "\"}\n  - {addr: \"unix:" + path + "\"}\n" +
		"  - {addr: \"" + friends + "\", proxy_protocol: {trusted: [\"127.0.0.0/8\"]}, reuse_port: true, tcp_user_timeout: 5s}\n" +
		"  - {addr: \"" + strangers + "\", proxy_protocol: {trusted: [\"10.0.0.0/8\"]}}\n" + s.own() +
		"watch: false\nroutes: {web: {path: /, upstream: web}}\nupstreams: {web: {addrs: [\"" + echo(t) + "\"]}}\n")
	if body, err := talk(t, "unix", path, request); err != nil || body != "for  port " {
		t.Errorf("a unix socket: %q, %v", body, err)
	}
	_, port, _ := net.SplitHostPort(friends)
	if body, err := talk(t, "tcp", friends, "PROXY TCP4 192.0.2.7 192.0.2.8 1234 80\r\n"+request); err != nil || body != "for 192.0.2.7 port "+port {
		t.Errorf("with a header: %q, %v", body, err)
	}
	if body, err := talk(t, "tcp", friends, request); err == nil && strings.HasPrefix(body, "for") {
		t.Errorf("without a header: %q", body)
	}
	if body, err := talk(t, "tcp", strangers, "PROXY TCP4 192.0.2.7 192.0.2.8 1234 80\r\n"+request); err == nil && strings.HasPrefix(body, "for") {
		t.Errorf("a stranger's header: %q", body)
	}
	if body, err := talk(t, "tcp", strangers, request); err != nil || !strings.HasPrefix(body, "for 127.0.0.1 ") {
		t.Errorf("a stranger: %q, %v", body, err)
	}
}
