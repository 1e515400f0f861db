package nethttp_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/weirproxy/weir/messages"
)

// Peers close each connection after so many requests, and say so (nginx's
// keepalive_requests): no request fails for that, none is handled twice, and each
// comes whole.
func TestConnectionsThatAreClosedAfterAWhileCostNothing(t *testing.T) {
	var seen sync.Map
	var handled, twice atomic.Int32
	peer := serve(t, serving{h2: true}, func(w http.ResponseWriter, r *http.Request) {
		if _, had := seen.LoadOrStore(r.Header.Get("X-Id"), true); had {
			twice.Add(1)
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // it is answered with a reset
		}
		if handled.Add(1)%15 == 0 {
			w.Header().Set("Connection", "close")
		}
		_, _ = w.Write(body) // the client sees whether it came
	})
	h := open(t, plan{transport: messages.Transport{ALPN: messages.H2, MaxH2Streams: 100},
		retry: messages.RetrySpec{Attempts: 2, BudgetPercent: 20, BudgetPerSecond: 3}}, peer.addr)
	transport := &http.Transport{MaxIdleConnsPerHost: 100}
	defer transport.CloseIdleConnections()
	const clients, each = 32, 50
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			for k := range each {
				body := bytes.Repeat([]byte{byte('a' + i%26)}, (i*each+k)*7919%30_000)
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+h.addr+"/", bytes.NewReader(body))
				if err != nil {
					t.Error(err)
					return
				}
				req.Header.Set("X-Id", fmt.Sprint(i, "-", k))
				resp, err := (&http.Client{Transport: transport}).Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				got, err := io.ReadAll(resp.Body)
				_ = resp.Body.Close() // it was read
				if err != nil || resp.StatusCode != http.StatusOK || !bytes.Equal(got, body) {
					t.Errorf("got %d, %d bytes of %d, %v: %s", resp.StatusCode, len(got), len(body), err, resp.Header.Get("X-Weir-Error"))
				}
			}
		})
	}
	all.Wait()
	if twice.Load() > 0 {
		t.Errorf("%d requests came twice", twice.Load())
	}
	// Some request may have come six times to a connection that was at its end.
	if n := h.registry.Ref("u").Peer(peer.addr).Failures(); n > 5 {
		t.Errorf("%d failures of a peer that had none", n)
	}
	if got := peer.accepted.Load(); got < clients*each/15/2 {
		t.Errorf("%d connections: they were not closed", got)
	}
}
