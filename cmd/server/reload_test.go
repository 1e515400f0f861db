package main

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// site is a weir that serves a file, for tests that edit it.
type site struct {
	*instance
	t                         *testing.T
	dir, file                 string
	listener, admin, nats     string
	adminURL, operator, extra string
}

// newSite starts weir with one route to the peers given. more are top-level lines of the file.
func newSite(t *testing.T, more string, peers ...string) *site {
	t.Helper()
	s := newPlace(t)
	s.extra = more
	s.begin(s.text(peers...))
	return s
}

// newPlace is a site where nothing runs yet.
func newPlace(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), listener: freeAddr(t), admin: freeAddr(t), nats: freeAddr(t)}
	s.file, s.adminURL = filepath.Join(s.dir, "weir.yaml"), "http://"+s.admin
	return s
}

// begin writes the file and starts weir.
func (s *site) begin(text string) {
	t := s.t
	t.Helper()
	s.write(text)
	s.instance = background(t, "serve", "-c", s.file)
	eventually(t, "it is ready", func() bool {
		_, _, body := get(t, s.adminURL+"/readyz")
		return strings.Contains(body, `"ready":true`)
	})
	token, err := os.ReadFile(filepath.Join(s.dir, "data", "operator.token"))
	if err != nil {
		t.Fatal(err)
	}
	s.operator = strings.TrimSpace(string(token))
}

// own returns the lines of the file that keep sites apart.
func (s *site) own() string {
	return "admin: {addr: \"" + s.admin + "\"}\nnats: {addr: \"" + s.nats + "\"}\ndata_dir: " + filepath.Join(s.dir, "data") + "\n"
}

// text returns the file with some peers.
func (s *site) text(peers ...string) string {
	return "listeners: [{addr: \"" + s.listener + "\"}]\n" + s.own() + "routes: {web: {path: /, upstream: web}}\n" + s.extra +
		"\nupstreams:\n  web:\n    health_check: \"tcp://web?check_frequency=1s\"\n    addrs: [\"" + strings.Join(peers, `", "`) + "\"]\n"
}

// write replaces the file as editors do: whole.
func (s *site) write(text string) {
	s.t.Helper()
	if err := os.WriteFile(s.file+".new", []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Rename(s.file+".new", s.file); err != nil {
		s.t.Fatal(err)
	}
}

// reload runs weir reload.
func (s *site) reload() (code int, stdout, stderr string) {
	s.t.Helper()
	return command(s.t, "reload", "-c", s.file, "--admin", s.adminURL)
}

// reloadWithToken runs weir reload without the file.
func (s *site) reloadWithToken() (code int, stdout, stderr string) {
	s.t.Helper()
	var out, err text
	code = run(s.t.Context(), []string{"reload", "--admin", s.adminURL}, environment{stdout: &out, stderr: &err, lookup: func(name string) (string, bool) {
		return s.operator, name == "WEIR_OPERATOR_TOKEN"
	}})
	return code, out.String(), err.String()
}

// answers returns what answers behind the listener.
func (s *site) answers() string {
	s.t.Helper()
	_, _, body := get(s.t, "http://"+s.listener+"/")
	return body
}

func TestReloadSaysWhatChangedAndWhatIsWrong(t *testing.T) {
	a, _ := peer(t, "a")
	b, _ := peer(t, "b")
	s := newSite(t, "watch: false", a)
	if code, out, stderr := s.reload(); code != 0 || out != "nothing changed\n" {
		t.Errorf("an untouched file: status %d, %q, %q", code, out, stderr)
	}
	s.write(strings.Replace(s.text(a), "  web:\n", "  web:\n    remark: edited\n", 1))
	if code, out, _ := s.reload(); code != 0 || out != "nothing changed\n" {
		t.Errorf("an edited remark: status %d, %q", code, out)
	}
	s.write(s.text(b))
	if code, out, stderr := s.reload(); code != 0 || !strings.Contains(out, "upstream web") {
		t.Errorf("another peer: status %d, %q, %q", code, out, stderr)
	}
	eventually(t, "the other peer answers", func() bool { return s.answers() == "b" })

	s.write(strings.Replace(s.text(a), "addrs:", "adrs:", 1))
	if code, _, stderr := s.reload(); code != 1 || !strings.Contains(stderr, "adrs") || !strings.Contains(stderr, "what was in force stays") {
		t.Errorf("a bad file that names the way to weir: status %d, %q", code, stderr)
	}
	code, out, stderr := s.reloadWithToken()
	if code != 1 || !strings.Contains(stderr, "weir.yaml:") || !strings.Contains(stderr, "adrs") || !strings.Contains(stderr, "what was in force stays") {
		t.Errorf("a bad file: status %d, %q, %q", code, out, stderr)
	}
	if got := s.answers(); got != "b" {
		t.Errorf("after a refused file %q answers, want b", got)
	}
	if _, _, body := get(t, s.adminURL+"/readyz"); !strings.Contains(body, `"ready":true`) || !strings.Contains(body, "is refused since") {
		t.Errorf("/readyz says %s; want ready, and that the file is refused", body)
	}
	if _, _, body := get(t, s.adminURL+"/metrics"); !strings.Contains(body, "weir_config_last_apply_success 0") {
		t.Error("weir_config_last_apply_success is not 0")
	}
	s.write(s.text(b))
	if code, _, stderr := s.reload(); code != 0 {
		t.Errorf("mended: status %d, %q", code, stderr)
	}
	if _, _, body := get(t, s.adminURL+"/readyz"); strings.Contains(body, "is refused") {
		t.Errorf("mended, and /readyz says %s", body)
	}
}

func TestReloadNamesWhatNeedsARestart(t *testing.T) {
	a, _ := peer(t, "a")
	s := newSite(t, "watch: false", a)
	other := freeAddr(t)
	s.write(strings.Replace(s.text(a), s.nats, other, 1))
	for range 2 { // it stays true
		code, out, stderr := s.reload()
		if code != 0 || !regexp.MustCompile(`needs a restart: nats\.addr.*`+regexp.QuoteMeta(other)).MatchString(out) {
			t.Errorf("another nats.addr: status %d, %q, %q", code, out, stderr)
		}
	}
}

func TestAnEditedFileIsPutInForceByItself(t *testing.T) {
	a, _ := peer(t, "a")
	b, _ := peer(t, "b")
	s := newSite(t, "", a)
	s.write(s.text(b))
	eventually(t, "the other peer answers", func() bool { return s.answers() == "b" })
	s.write(s.text(b) + "nonsense: true\n")
	eventually(t, "the bad file is told", func() bool { return strings.Contains(s.stderr.String(), "configuration refused") })
	if got := s.answers(); got != "b" {
		t.Errorf("after a bad file %q answers, want b", got)
	}
}

func TestAHangupReloads(t *testing.T) {
	a, _ := peer(t, "a")
	b, _ := peer(t, "b")
	s := newSite(t, "watch: false", a)
	s.write(s.text(b))
	s.hangups <- syscall.SIGHUP
	eventually(t, "the other peer answers", func() bool { return s.answers() == "b" })
}

func TestListenersComeAndGoWithTheFile(t *testing.T) {
	a, _ := peer(t, "a")
	s := newSite(t, "watch: false", a)
	second, taken := freeAddr(t), freeAddr(t)
	s.write(strings.Replace(s.text(a), `"}]`, `"}, {addr: "`+second+`"}]`, 1))
	if code, out, stderr := s.reload(); code != 0 || !strings.Contains(out, second) {
		t.Fatalf("a second listener: status %d, %q, %q", code, out, stderr)
	}
	if _, _, body := get(t, "http://"+second+"/"); body != "a" {
		t.Errorf("the second listener answers %q", body)
	}
	blocker := &http.Server{Addr: taken}
	l, err := listenTCP(t.Context(), "test", taken, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = blocker.Close(); _ = l.Close() })
	s.write(strings.Replace(s.text(a), `"}]`, `"}, {addr: "`+taken+`"}]`, 1))
	if code, _, stderr := s.reload(); code != 1 || !strings.Contains(stderr, "listeners[1].addr: "+taken+" is taken") {
		t.Errorf("a taken port: status %d, %q", code, stderr)
	}
	if _, _, body := get(t, "http://"+second+"/"); body != "a" {
		t.Errorf("after a refused file the second listener answers %q", body)
	}
	s.write(s.text(a))
	if code, _, stderr := s.reload(); code != 0 {
		t.Errorf("back to one: status %d, %q", code, stderr)
	}
	if status, _, body := get(t, "http://"+second+"/"); status != 0 {
		t.Errorf("the removed listener answers %d %q", status, body)
	}
	if got := s.answers(); got != "a" {
		t.Errorf("the other listener answers %q", got)
	}
}

func TestOnlyTheOperatorReloads(t *testing.T) {
	a, _ := peer(t, "a")
	s := newSite(t, "watch: false", a)
	for _, file := range []string{"operator.token", "running.json"} { // as for another user of the machine
		if err := os.Rename(filepath.Join(s.dir, "data", file), filepath.Join(s.dir, file)); err != nil {
			t.Fatal(err)
		}
	}
	if code, _, stderr := s.reload(); code != 1 || !strings.Contains(stderr, "not allowed, needs operator") {
		t.Errorf("without the token: status %d, %q", code, stderr)
	}
}

func TestACheckThatChangesKeepsWhatIsKnown(t *testing.T) {
	a, _ := peer(t, "a")
	s := newSite(t, "watch: false", a)
	view := func() string {
		_, _, body := get(t, s.adminURL+"/api/v1/upstreams/web")
		return body
	}
	eventually(t, "the peer is healthy", func() bool { return strings.Contains(view(), `"verdict":"healthy"`) })
	for range 5 {
		s.answers()
	}
	since := regexp.MustCompile(`"since":"[^"]*"`)
	before := since.FindString(view())
	s.write(strings.NewReplacer("check_frequency=1s", "check_frequency=2s", a, a+" 7").Replace(s.text(a)))
	if code, out, stderr := s.reload(); code != 0 {
		t.Fatalf("status %d, %q, %q", code, out, stderr)
	}
	eventually(t, "the new weight is in force", func() bool { return strings.Contains(view(), `"weight":7`) })
	after := view()
	if diff := cmp.Diff(before, since.FindString(after)); diff != "" {
		t.Errorf("since (-before +after):\n%s", diff)
	}
	if !strings.Contains(after, `"requests":5`) {
		t.Errorf("the counter of requests was lost: %s", after)
	}
}

// TestReloadFindsTheWeirThatRuns asks by a file that says something else by now,
// or that only the service can read whole.
func TestReloadFindsTheWeirThatRuns(t *testing.T) {
	a, _ := peer(t, "a")
	s := newSite(t, "watch: false", a)
	moved := strings.Replace(s.text(a), s.admin, freeAddr(t), 1) + "auth: {operator_token: another-token}\n"
	s.write(moved)
	if code, out, stderr := command(t, "reload", "-c", s.file); code != 0 || !strings.Contains(out, "needs a restart: admin.addr") || !strings.Contains(out, "auth.operator_token") {
		t.Errorf("another admin address and token: status %d, %s%s", code, out, stderr)
	}
	other := filepath.Join(s.dir, "other.yaml")
	if err := os.WriteFile(other, []byte(s.text(a)), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, stderr := command(t, "reload", "-c", other); code != 0 || !strings.Contains(out, "warning: "+s.file+" was read") || !strings.Contains(out, "and not "+other) {
		t.Errorf("another file: status %d, %s%s", code, out, stderr)
	}
	s.write(strings.Replace(s.text(a), a, "${PEER_OF_THE_SERVICE}", 1))
	code, _, stderr := command(t, "reload", "-c", s.file)
	if code != 1 || !strings.Contains(stderr, s.adminURL+" refused the file") || !strings.Contains(stderr, "PEER_OF_THE_SERVICE") {
		t.Errorf("a variable that is not set: status %d, %s", code, stderr)
	}
	s.write(strings.Replace(s.text(a), "admin: {", "admin: {adr: x, ", 1))
	if code, out, _ := command(t, "reload", "-c", s.file, "--json"); code != 1 || !strings.HasPrefix(out, `{"error":`) {
		t.Errorf("faults as JSON: status %d, %s", code, out)
	}
}

// TestAFileThatWasAwayForAMomentIsNotRefusedForEver takes the file away between
// two looks of the watcher.
func TestAFileThatWasAwayForAMomentIsNotRefusedForEver(t *testing.T) {
	a, _ := peer(t, "a")
	s := newSite(t, "", a)
	if err := os.Rename(s.file, s.file+".away"); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := s.reloadWithToken(); code != 1 {
		t.Errorf("status %d, %s", code, stderr)
	}
	if err := os.Rename(s.file+".away", s.file); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the file is in force again", func() bool {
		_, _, body := get(t, s.adminURL+"/readyz")
		return strings.Contains(body, `"degraded":[]`)
	})
}
