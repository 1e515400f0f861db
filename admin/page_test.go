package admin_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/messages"
)

func TestThePage(t *testing.T) {
	t.Run("is whole in itself and may load nothing from elsewhere", func(t *testing.T) {
		rec := get(t, newServer(t, admincfg(), newWorld().deps()).Handler(), "/")
		if rec.Code != http.StatusOK || rec.Header().Get("Content-Type") != "text/html; charset=utf-8" {
			t.Fatalf("got %d %s", rec.Code, rec.Header())
		}
		body := rec.Body.String()
		for _, foreign := range []string{"src=\"http", "href=\"http", "@import", "url(http", "{{", "innerHTML", "insertAdjacentHTML", "document.write"} {
			if strings.Contains(body, foreign) {
				t.Errorf("%q is in the page", foreign)
			}
		}
		if strings.Count(body, "<script>") != 1 || strings.Count(body, "</script>") != 1 || strings.Count(body, "</style>") != 1 {
			t.Error("the page has other than one script and one style; does a part close its element?")
		}
		policy := rec.Header().Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "script-src 'sha256-", "style-src 'sha256-", "frame-ancestors 'none'", "trusted-types 'none'"} {
			if !strings.Contains(policy, part) {
				t.Errorf("policy %q lacks %q", policy, part)
			}
		}
	})
}

func TestThePageInABrowser(t *testing.T) {
	w := newWorld()
	w.upstream("web", messages.Healthy, messages.Healthy)
	api := w.upstream("api", messages.Healthy, messages.Unhealthy)
	w.upstream("payments", messages.Unhealthy)
	url, stop := startServer(t, w)
	b := newBrowser(t, 1400, 1000)
	b.open(url)

	b.wantText("#live", "Live")
	b.wantText("#headline", "1 of 3 upstreams is down")
	b.wantText("#sum-available", "3")
	b.wantText("#who", "Member a", "v0.1.0", "up 3h 12m")
	b.wantText("#upstreams article:nth-child(1)", "payments", "down", "0 of 1 available", "10.0.0.1:8080", "unhealthy", "connect refused")
	b.wantText("#upstreams article:nth-child(2)", "api", "degraded", "1 of 2 available", "10.0.0.2:8080", "api.example.com/v1/")
	b.wantText("#upstreams article:nth-child(3)", "web", "healthy", "2 of 2 available")
	b.wantText("#events-empty", "Nothing has happened yet")

	// A flip after the page was loaded, with a detail that would be markup.
	detail := `<script>window.owned=1</script><img src=x onerror="window.owned=1">`
	peer := api.Peer("10.0.0.1:8080")
	peer.SetVerdict(messages.Unhealthy, messages.CodeStatus, detail, time.Now())
	api.Publish(api.Snapshot().Reconsider(time.Now()))
	w.feed.add(flip("f1", "api", peer.Addr(), "healthy", "unhealthy", "status", detail))
	b.wantText("#events", "api 10.0.0.1:8080", "healthy → unhealthy", "status: "+detail)
	b.wantText("#upstreams", "status: "+detail)
	b.wantText("#headline", "2 of 3 upstreams are down")
	b.wantText("#sum-flips", "1")
	b.wantText("#announce", "api 10.0.0.1:8080 is unhealthy, status")
	if got := b.eval("String(window.owned) + document.querySelectorAll('img').length"); got != "undefined0" {
		t.Errorf("a detail became markup: %s", got)
	}

	// An upstream that comes and one that goes.
	w.upstream("late", messages.Healthy)
	api.Withdraw()
	w.set(func() {
		w.specs = append(w.specs[:1], w.specs[2:]...) // without api
	})
	b.wantText("#upstreams", "late")
	b.wantText("#notices", "Route api leads to upstream api, which does not exist")
	if got := b.text("#upstreams"); strings.Contains(got, "degraded") || strings.Contains(got, "10.0.0.2:8080 unhealthy") {
		t.Errorf("the upstream that went is still shown: %s", got)
	}

	// The filter and the choice of what to show.
	b.eval(`document.getElementById("show-unwell").click()`)
	if got := b.text("#upstreams"); strings.Contains(got, "late") || !strings.Contains(got, "payments") {
		t.Errorf("not well: got %q, want payments alone", got)
	}
	if faults := b.pageFaults(); len(faults) > 0 {
		t.Errorf("faults of the page: %v", faults)
	}
	stop()
	b.wantText("#live", "Disconnected")
	b.wantText("#main", "weir does not answer. This is how it was at", "payments")
}

func TestThePageWithManyPeers(t *testing.T) {
	w := newWorld()
	verdicts := make([]messages.Verdict, 1000)
	for i := range verdicts {
		verdicts[i] = messages.Healthy
	}
	verdicts[777] = messages.Unhealthy
	ref := w.upstream("fleet", verdicts...)
	b := newBrowser(t, 1400, 1000)
	b.open(start(t, w))
	b.wantText("#upstreams", "999 of 1,000 available", "Show all 1,000 peers")
	b.wantText("#upstreams tbody tr", ref.Snapshot().Members()[777].Peer.Addr(), "unhealthy")
	b.eval(`document.querySelector(".more").click()`)
	if got := b.eval(`document.querySelectorAll("#upstreams tbody tr").length`); got != "1000" {
		t.Fatalf("rows: got %s, want 1000", got)
	}

	// What is shown again keeps its elements: only what changed is written.
	b.eval(`window.changes = 0; window.row = document.querySelectorAll("#upstreams tbody tr")[500];
		new MutationObserver((list) => { window.changes += list.length; }).observe(document.querySelector("#upstreams tbody"), { subtree: true, childList: true, characterData: true })`)
	ref.Peer("10.0.0.1:8080").RecordProbe(balance.ProbeRecord{At: time.Now(), Took: 1234 * time.Millisecond, Code: messages.CodeOK})
	b.wantText("#upstreams tbody", "1.23 s")
	if got := b.eval(`window.row.isConnected && window.row === document.querySelectorAll("#upstreams tbody tr")[500]`); got != "true" {
		t.Error("the rows were made anew")
	}
	// Relative times may tick: of 1000 peers only those of less than a minute do so each second.
	var changes int
	if _, err := fmt.Sscan(b.eval("window.changes"), &changes); err != nil || changes > 300 {
		t.Errorf("changes for one new probe: got %d (%v), want few", changes, err)
	}
	if faults := b.pageFaults(); len(faults) > 0 {
		t.Errorf("faults of the page: %v", faults)
	}
}

func TestThePageWithoutUpstreams(t *testing.T) {
	b := newBrowser(t, 390, 800)
	b.open(start(t, newWorld()))
	b.wantText("#headline", "No upstreams yet")
	b.wantText("#upstreams-empty", "appear here as soon as the configuration names one")
	if got := b.eval("document.documentElement.scrollWidth <= 390"); got != "true" {
		t.Error("the page is wider than a narrow screen")
	}
}
