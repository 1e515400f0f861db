package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// storm writes random configurations of one site.
type storm struct {
	*site
	rand  *rand.Rand
	peers []string
}

// some returns a random choice of the peers, at least one, with weights.
func (s *storm) some() string {
	var chosen []string
	for _, i := range s.rand.Perm(len(s.peers))[:1+s.rand.IntN(len(s.peers))] {
		chosen = append(chosen, fmt.Sprintf("%q", fmt.Sprintf("%s %d", s.peers[i], 1+s.rand.IntN(3))))
	}
	return strings.Join(chosen, ", ")
}

func (s *storm) pick(of ...string) string { return of[s.rand.IntN(len(of))] }

// valid returns a file in which the host "load" always has peers.
func (s *storm) valid() string {
	var b strings.Builder
	fmt.Fprintf(&b, "listeners: [{addr: %q, h2c: %s, trusted_proxies: [%s]}]\nadmin: {addr: %q}\nnats: {addr: %q}\ndata_dir: %s\nwatch: false\n",
		s.listener, s.pick("true", "false"), s.pick("", `"10.0.0.0/8"`), s.admin, s.nats, s.dir+"/data")
	b.WriteString("log: {level: " + s.pick("info", "debug") + "}\nroutes:\n")
	fmt.Fprintf(&b, "  load: {host: load, upstream: load, timeout: %s}\n", s.pick("20s", "30s"))
	names := []string{"a", "b", "c"}[:s.rand.IntN(4)]
	for _, name := range names {
		fmt.Fprintf(&b, "  %s: {host: %s, path: %s, upstream: %s}\n", name, s.pick("x", "y", "z"), "/"+name, s.pick("load", "a", "b", "gone"))
	}
	b.WriteString("upstreams:\n")
	for _, name := range append(names, "load") {
		fmt.Fprintf(&b, "  %s:\n    addrs: [%s]\n    algo: %s\n    health_check: %s\n    remark: %d\n    response_timeout: %s\n    max_requests: %s\n    drain_timeout: %s\n",
			name, s.some(), s.pick("round_robin", "least_conn", "p2c", "random", "hash:ip", "hash:path"),
			s.pick("off", `"tcp://x?check_frequency=100ms"`, `"http://x/?check_frequency=150ms"`, `"tcp://x?check_frequency=1s&success=2"`),
			s.rand.Int(), s.pick("10s", "20s"), s.pick("0", "500"), s.pick("10s", "30s"))
	}
	return b.String()
}

// spoil makes a valid file invalid.
func (s *storm) spoil(text string) string {
	switch s.rand.IntN(5) {
	case 0:
		return strings.Replace(text, "addrs:", "adrs:", 1)
	case 1:
		return text[:s.rand.IntN(len(text)/2)] + "\x00"
	case 2:
		return strings.Replace(text, "health_check:", "health_check: [", 1)
	case 3:
		return text + "upstreams: {}\n"
	}
	return strings.Replace(text, "timeout: ", "timeout: -", 1)
}

// load sends requests until done is closed, and counts them.
func (s *storm) load(clients *sync.WaitGroup, done <-chan struct{}, sent *atomic.Int64) {
	clients.Go(func() {
		transport := &http.Transport{}
		defer transport.CloseIdleConnections()
		client := &http.Client{Transport: transport, Timeout: 20 * time.Second}
		for {
			select {
			case <-done:
				return
			default:
			}
			request, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, "http://"+s.listener+"/", nil)
			if err != nil {
				s.t.Error(err)
				return
			}
			request.Host = "load"
			response, err := client.Do(request)
			if err != nil {
				s.t.Errorf("request: %v", err)
				return
			}
			body, err := io.ReadAll(response.Body)
			_ = response.Body.Close()
			if response.StatusCode != http.StatusOK || err != nil {
				s.t.Errorf("got %d %q %v, X-Weir-Error %s", response.StatusCode, body, err, response.Header.Get("X-Weir-Error"))
				return
			}
			sent.Add(1)
		}
	})
}

// TestAThousandRandomReloadsUnderLoad: no request fails, whatever the file says,
// and what is in force in the end is what a fresh start with the last valid file has.
func TestAThousandRandomReloadsUnderLoad(t *testing.T) {
	s := &storm{rand: rand.New(rand.NewPCG(20, 26))}
	for i := range 6 {
		addr, _ := peer(t, fmt.Sprint(i))
		s.peers = append(s.peers, addr)
	}
	s.site = newSite(t, "watch: false", s.peers...)
	last := s.valid()
	s.write(last)
	if code, _, stderr := s.reload(); code != 0 {
		t.Fatalf("the first file is refused:\n%s\n%s", last, stderr)
	}
	var clients sync.WaitGroup
	var sent atomic.Int64
	done := make(chan struct{})
	for range 6 {
		s.load(&clients, done, &sent)
	}
	const reloads = 1000
	refused := 0
	for i := range reloads {
		text, good := s.valid(), s.rand.IntN(4) > 0
		if !good {
			text = s.spoil(text)
		}
		s.write(text)
		status, answer := s.post()
		switch {
		case good && status == http.StatusOK:
			last = text
		case !good && status == http.StatusUnprocessableEntity:
			refused++
		default:
			t.Fatalf("reload %d (valid: %v): %d %s\n%s", i, good, status, answer, text)
		}
		if t.Failed() {
			break
		}
	}
	close(done)
	clients.Wait()
	t.Logf("%d reloads, %d of them refused, %d requests", reloads, refused, sent.Load())
	if sent.Load() < reloads {
		t.Errorf("only %d requests were sent", sent.Load())
	}
	s.write(last) // what a fresh start reads
	fresh := &site{t: t, dir: t.TempDir(), listener: freeAddr(t), admin: freeAddr(t), nats: freeAddr(t)}
	fresh.file, fresh.adminURL = fresh.dir+"/weir.yaml", "http://"+fresh.admin
	fresh.write(strings.NewReplacer(s.listener, fresh.listener, s.admin, fresh.admin, s.nats, fresh.nats, s.dir, fresh.dir).Replace(last))
	fresh.instance = background(t, "serve", "-c", fresh.file)
	var diff string
	eventually(t, "both are settled", func() bool {
		a, settledA := s.state()
		b, settledB := fresh.state()
		diff = cmp.Diff(b, a)
		return settledA && settledB && diff == ""
	})
	if diff != "" {
		t.Errorf("in force (-fresh start +after the reloads):\n%s\n%s", diff, last)
	}
}

// post asks for a reload without a process in between.
func (s *site) post() (status int, body string) {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.adminURL+"/api/v1/reload", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+s.operator)
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second}).Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// upstreamState is what the file decides about an upstream, and its health.
type upstreamState struct {
	Name, State, Algo string
	Check             map[string]any
	Routes            []map[string]any
	Peers             []struct {
		Addr, Verdict string
		Weight, Tier  int
		Available     bool
	}
}

// state returns what is in force, and whether every peer that is probed has a verdict.
func (s *site) state() (upstreams []upstreamState, settled bool) {
	s.t.Helper()
	_, _, body := get(s.t, s.adminURL+"/api/v1/upstreams")
	var list struct{ Upstreams []upstreamState }
	if json.Unmarshal([]byte(body), &list) != nil {
		return nil, false // it is about to begin
	}
	settled = len(list.Upstreams) > 0
	for _, u := range list.Upstreams {
		for i, p := range u.Peers {
			if u.Check["kind"] == "off" {
				u.Peers[i].Verdict = "" // what was known before the check was switched off stays
			} else if p.Verdict != "healthy" {
				settled = false
			}
		}
	}
	return list.Upstreams, settled
}
