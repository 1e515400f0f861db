package admin_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weirproxy/weir/internal/part"
)

// browser is a real browser without a window, driven over its debugging pipe.
type browser struct {
	t       *testing.T
	session string
	out     *os.File

	mu      sync.Mutex
	last    int
	waiting map[int]chan reply
	faults  []string
}

type reply struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// newBrowser starts a browser with one empty page of the given size. It ends with the test.
func newBrowser(t *testing.T, width, height int) *browser {
	t.Helper()
	cmd := exec.Command(part.Need(t, "chromium"), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
		"--user-data-dir="+t.TempDir(), "--remote-debugging-pipe")
	theirIn, ourOut := mustPipe(t)
	ourIn, theirOut := mustPipe(t)
	cmd.ExtraFiles = []*os.File{theirIn, theirOut}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = theirIn.Close(), theirOut.Close() // the browser has its own
	b := &browser{t: t, out: ourOut, waiting: map[int]chan reply{}}
	var reading sync.WaitGroup
	reading.Go(func() { b.read(ourIn) })
	t.Cleanup(func() {
		b.session = ""
		_, _ = b.try("Browser.close", nil) // if it cannot answer any more, it is killed
		_ = ourOut.Close()
		killed := time.AfterFunc(5*time.Second, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait() // how it ends does not matter
		killed.Stop()
		_ = ourIn.Close()
		reading.Wait()
	})
	var target struct{ TargetID string }
	b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log"} {
		b.call(domain+".enable", nil, nil)
	}
	b.resize(width, height)
	return b
}

func mustPipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	return r, w
}

// read hands answers to who waits for them, and keeps faults of the page.
func (b *browser) read(from *os.File) {
	for in := bufio.NewReader(from); ; {
		text, err := in.ReadBytes(0)
		if err != nil {
			return
		}
		var r reply
		if json.Unmarshal(text[:len(text)-1], &r) != nil {
			continue
		}
		b.mu.Lock()
		// When an interface comes or goes on the machine, a Docker network for one, the
		// browser ends its requests; that is no fault of the page, which asks again.
		ofMachine := strings.Contains(string(r.Params), "net::ERR_NETWORK_CHANGED")
		if (r.Method == "Runtime.exceptionThrown" || r.Method == "Log.entryAdded") && !ofMachine {
			b.faults = append(b.faults, string(r.Params))
		}
		if waiting := b.waiting[r.ID]; waiting != nil {
			waiting <- r
			delete(b.waiting, r.ID)
		}
		b.mu.Unlock()
	}
}

// try sends a command and waits for its answer.
func (b *browser) try(method string, params any) (json.RawMessage, error) {
	b.mu.Lock()
	b.last++
	id, answer := b.last, make(chan reply, 1)
	b.waiting[id] = answer
	b.mu.Unlock()
	command := map[string]any{"id": id, "method": method}
	if params != nil {
		command["params"] = params
	}
	if b.session != "" {
		command["sessionId"] = b.session
	}
	text, err := json.Marshal(command)
	if err != nil {
		return nil, err
	}
	if _, err := b.out.Write(append(text, 0)); err != nil {
		return nil, err
	}
	select {
	case r := <-answer:
		if r.Error != nil {
			return nil, fmt.Errorf("%s: %s", method, r.Error.Message)
		}
		return r.Result, nil
	case <-time.After(30 * time.Second):
		return nil, fmt.Errorf("%s: no answer in 30s", method)
	}
}

func (b *browser) call(method string, params, result any) {
	b.t.Helper()
	text, err := b.try(method, params)
	if err != nil {
		b.t.Fatal(err)
	}
	if result != nil {
		if err := json.Unmarshal(text, result); err != nil {
			b.t.Fatal(err)
		}
	}
}

func (b *browser) open(url string) {
	b.t.Helper()
	var loaded struct{ ErrorText string }
	for range 5 {
		b.call("Page.navigate", map[string]any{"url": url}, &loaded)
		if loaded.ErrorText != "net::ERR_NETWORK_CHANGED" {
			break
		}
	}
	if loaded.ErrorText != "" {
		b.t.Fatalf("open %s: %s", url, loaded.ErrorText)
	}
}

func (b *browser) resize(width, height int) {
	b.t.Helper()
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}, nil)
}

// eval returns the value of an expression as text.
func (b *browser) eval(expression string) string {
	b.t.Helper()
	var out struct {
		Result           struct{ Value any }
		ExceptionDetails *struct{ Text string }
	}
	b.call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true}, &out)
	if out.ExceptionDetails != nil {
		b.t.Fatalf("%s: %s", expression, out.ExceptionDetails.Text)
	}
	return fmt.Sprint(out.Result.Value)
}

// text returns what a reader sees of the first element that the selector finds.
func (b *browser) text(selector string) string {
	b.t.Helper()
	return b.eval(fmt.Sprintf(`(document.querySelector(%q)?.innerText ?? "").replace(/\s+/g, " ")`, selector))
}

// wantText waits until the text of an element has all parts.
func (b *browser) wantText(selector string, parts ...string) {
	b.t.Helper()
	got := ""
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); <-tick.C {
		got = b.text(selector)
		missing := false
		for _, part := range parts {
			missing = missing || !strings.Contains(got, part)
		}
		if !missing {
			return
		}
	}
	b.t.Fatalf("%s: got %q, want %q in it; faults of the page: %v", selector, got, parts, b.pageFaults())
}

// pageFaults returns errors and warnings of the page so far: exceptions,
// violations of the content security policy, requests that failed.
func (b *browser) pageFaults() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.faults...)
}
