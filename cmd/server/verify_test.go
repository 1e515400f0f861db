package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFaultsOfFilesHaveTheirPlaces: relative paths count from the folder of the
// file that names them, and all that is wrong is told at once.
func TestFaultsOfFilesHaveTheirPlaces(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	writePair(t, filepath.Join(dir, "sub"), "good", 1, 60, "good.test")
	writePair(t, filepath.Join(dir, "sub"), "other", 2, 60, "good.test")
	file := filepath.Join(dir, "sub", "weir.yaml")
	check := func(text string) (code int, out string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		code, out, stderr := command(t, "check", "--json", "-c", file)
		if stderr != "" {
			t.Errorf("stderr: %s", stderr)
		}
		return code, out
	}
	code, out := check(`listeners:
  - addr: ":1"
    tls:
      certs:
        - {cert: good.pem, key: good.key}
        - {cert: nope.pem, key: nope.key}
        - {cert: good.pem, key: nope.key}
      client_ca: nope-ca.pem
      client_auth: require
upstreams:
  a: {addrs: ["10.0.0.1"], sni: a, ca: nope.pem}
  b: {addrs: ["10.0.0.1"], sni: a, client_cert: good.pem, client_key: other.key}
  c: {discovery: transparent, transparent: {allow: ["a.test", "127.0.0.1"]}}
`)
	var got struct {
		OK     bool
		Faults []struct {
			Line, Column  int
			Path, Message string
		}
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != 1 || got.OK {
		t.Fatalf("status %d, %s, %v", code, out, err)
	}
	type place struct {
		line, column int
		path         string
	}
	var places []place
	for _, f := range got.Faults {
		places = append(places, place{f.Line, f.Column, f.Path})
		if strings.Contains(f.Message, "nope") && !strings.Contains(f.Message, filepath.Join(dir, "sub", "nope")) {
			t.Errorf("%s: %s", f.Path, f.Message)
		}
	}
	want := []place{{6, 18, "listeners[0].tls.certs[1].cert"}, {6, 33, "listeners[0].tls.certs[1].key"}, {7, 33, "listeners[0].tls.certs[2].key"}, {8, 18, "listeners[0].tls.client_ca"},
		{11, 40, "upstreams.a.ca"}, {12, 49, "upstreams.b.client_cert"}, {13, 63, "upstreams.c.transparent.allow[1]"}}
	if diff := cmp.Diff(want, places, cmp.AllowUnexported(place{})); diff != "" {
		t.Errorf("places (-want +got):\n%s\n%s", diff, out)
	}
	if code, out = check(`listeners: [{addr: ":1", tls: {certs: [{cert: good.pem, key: good.key}, {cert: other.pem, key: other.key}]}}]
upstreams: {a: {addrs: ["10.0.0.1"]}}
`); code != 0 || !strings.Contains(out, "good.test is also in "+filepath.Join(dir, "sub", "good.pem")) {
		t.Errorf("status %d, %s", code, out)
	}
}

func TestFilesOfNATSAreLookedAt(t *testing.T) {
	file := filepath.Join(t.TempDir(), "weir.yaml")
	if err := os.WriteFile(file, []byte(`listeners: [{addr: ":1"}]
nats:
  url: nats://127.0.0.1:1
  creds: nope.creds
  tls:
    ca: weir.yaml
`), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := command(t, "check", "-c", file)
	for _, want := range []string{"weir.yaml:4:10", "nats.creds", "nope.creds: no such file", "weir.yaml:6:9", "nats.tls.ca"} {
		if code != 1 || !strings.Contains(stderr, want) {
			t.Errorf("status %d, without %q:\n%s", code, want, stderr)
		}
	}
}

func TestAllFilesThatAreMissingAreTold(t *testing.T) {
	file := filepath.Join(t.TempDir(), "weir.yaml")
	if err := os.WriteFile(file, []byte(`listeners:
- {addr: ":1", tls: {certs: [{cert: a.pem, key: a.key}], client_ca: ca.pem}}
upstreams:
  u: {addrs: ["127.0.0.1:1"], sni: a, ca: ca.pem, client_cert: c.pem, client_key: c.key}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := command(t, "check", "-c", file)
	for _, want := range []string{"6 faults", "tls.certs[0].cert: ", "tls.certs[0].key: ", "tls.client_ca: ", "upstreams.u.ca: ", "upstreams.u.client_cert: ", "upstreams.u.client_key: "} {
		if code != 1 || !strings.Contains(stderr, want) {
			t.Errorf("status %d, without %q:\n%s", code, want, stderr)
		}
	}
}

func TestFilesOfDockerAreLookedAt(t *testing.T) {
	file := filepath.Join(t.TempDir(), "weir.yaml")
	for auto, want := range map[string]string{"true": "docker.tls.ca", "false": ""} { // nobody asks the engine then
		if err := os.WriteFile(file, []byte("listeners: [{addr: \":1\"}]\ndocker:\n  auto: "+auto+"\n  host: tcp://127.0.0.1:2376\n  tls: {ca: nope.pem}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		code, _, stderr := command(t, "check", "-c", file)
		if (code == 1) != (want != "") || !strings.Contains(stderr, want) || want != "" && !strings.Contains(stderr, "weir.yaml:5:13") {
			t.Errorf("auto %s: status %d:\n%s", auto, code, stderr)
		}
	}
}

func TestArgumentsThatNobodyTakes(t *testing.T) {
	for arg, want := range map[string]string{"p.yaml": "weir check takes no arguments: say -c p.yaml", "x": `weir check takes no arguments, and got "x"`} {
		if code, _, stderr := command(t, "check", arg); code != 1 || !strings.Contains(stderr, want) {
			t.Errorf("status %d, %s, want %s", code, stderr, want)
		}
	}
}

// What is cut off without a word looks like all there is.
func TestOutputThatCannotBeWritten(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no /dev/full on this platform")
	}
	defer func() { _ = full.Close() }()
	var stderr text
	code := run(t.Context(), []string{"version"}, environment{lookup: noEnv, stdout: full, stderr: &stderr})
	if want := "weir: write the output: "; code != 1 || !strings.HasPrefix(stderr.String(), want) {
		t.Errorf("status %d, %q, want 1, %q", code, stderr.String(), want)
	}
}
