package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"
)

// versions are those that every behaviour of sessions is tried with.
var versions = map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13}

// peerOf is a peer with a certificate of its own, that takes no part of this package.
func peerOf(t *testing.T, version uint16, pair *issued, change func(*tls.Config)) *echo {
	t.Helper()
	config := &tls.Config{
		MinVersion: tls.VersionTLS12, MaxVersion: version, Time: atToday,
		Certificates: []tls.Certificate{{Certificate: [][]byte{pair.leaf.Raw}, PrivateKey: pair.key}},
	}
	if change != nil {
		change(config)
	}
	return newEcho(t, config)
}

func TestAPeerIsVerified(t *testing.T) {
	dir := t.TempDir()
	ca, foreign := newAuthority(t, "ca"), newAuthority(t, "foreign")
	caFile := put(t, dir+"/ca.pem", ca.cert())
	address := func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.ParseIP("127.0.0.1"), net.IPv6loopback} }
	good := issue(t, ca, wanted{names: []string{"a.test"}, change: address})
	for _, test := range []struct {
		name    string
		peer    *issued
		options ClientOptions
		ask     string
		want    bool
	}{
		{"its name", good, ClientOptions{CA: caFile}, "a.test", true},
		{"its name with a dot", good, ClientOptions{CA: caFile}, "a.test.", true},
		{"its address", good, ClientOptions{CA: caFile}, "127.0.0.1", true},
		{"its address in brackets", good, ClientOptions{CA: caFile}, "[::1]", true},
		{"another name", good, ClientOptions{CA: caFile}, "b.test", false},
		{"no name", good, ClientOptions{CA: caFile}, "", false},
		{"another authority", issue(t, foreign, wanted{names: []string{"a.test"}}), ClientOptions{CA: caFile}, "a.test", false},
		{"the system's authorities do not know it", good, ClientOptions{}, "a.test", false},
		{"one that has ended", issue(t, ca, wanted{names: []string{"a.test"}, to: today.Add(-day)}), ClientOptions{CA: caFile}, "a.test", false},
		{"anything, unverified", issue(t, foreign, wanted{to: today.Add(-day)}), ClientOptions{SkipVerify: true}, "a.test", true},
		{"anything, unverified, without a name", good, ClientOptions{SkipVerify: true}, "", true},
		{"TLS 1.2 where 1.3 is asked for", good, ClientOptions{CA: caFile, MinVersion: "1.3"}, "a.test", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			client := mustClient(t, Open(Options{Now: atToday}), test.options)
			conn, err := dial(t, peerOf(t, tls.VersionTLS12, test.peer, nil), client.Config(test.ask, "peer"))
			if (err == nil) != test.want {
				t.Errorf("got %v, %v", conn, err)
			}
		})
	}
}

// TestSessionsAreResumedUntilTheirAuthorityGoes replaces the authorities of an upstream.
func TestSessionsAreResumedUntilTheirAuthorityGoes(t *testing.T) {
	for name, version := range versions {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			ca, other := newAuthority(t, "ca"), newAuthority(t, "other")
			peer := peerOf(t, version, issue(t, ca, wanted{names: []string{"a.test", "b.test"}}), nil)
			set := Open(Options{Now: atToday})
			file := put(t, dir+"/ca.pem", ca.cert())
			client := mustClient(t, set, ClientOptions{CA: file})
			resumed := func(name, addr string) bool {
				t.Helper()
				return state(t, peer, client.Config(name, addr)).DidResume
			}
			if resumed("a.test", "1") || !resumed("a.test", "1") {
				t.Error("the second connection is to be resumed, and not the first")
			}
			if resumed("b.test", "1") || resumed("a.test", "2") {
				t.Error("a session of another name or another peer was resumed")
			}
			unverified := mustClient(t, set, ClientOptions{SkipVerify: true})
			if state(t, peer, unverified.Config("a.test", "1")).DidResume {
				t.Error("a session was resumed that another client began")
			}
			old := client.Config("a.test", "1")
			put(t, file, other.cert())
			set.Look(today)
			if conn, err := dial(t, peer, client.Config("a.test", "1")); !errors.As(err, new(x509.UnknownAuthorityError)) {
				t.Errorf("the authority is gone: got %v, %v", conn, err)
			}
			// Even a configuration with the old sessions resumes none of them: crypto/tls sees to it.
			changed := client.Config("a.test", "1")
			changed.ClientSessionCache = old.ClientSessionCache
			if conn, err := dial(t, peer, changed); !errors.As(err, new(x509.UnknownAuthorityError)) {
				t.Errorf("with the old sessions: got %v, %v", conn, err)
			}
			put(t, file, ca.cert(other))
			set.Look(today)
			if resumed("a.test", "1") || !resumed("a.test", "1") {
				t.Error("when it is back, sessions are to begin anew")
			}
		})
	}
}

func TestAChangeOfOtherFilesKeepsSessions(t *testing.T) {
	dir := t.TempDir()
	ca := newAuthority(t, "ca")
	peer := peerOf(t, tls.VersionTLS13, issue(t, ca, wanted{names: []string{"a.test"}}), nil)
	set := Open(Options{Now: atToday})
	client := mustClient(t, set, ClientOptions{CA: put(t, dir+"/ca.pem", ca.cert())})
	mustServer(t, set, ServerOptions{Pairs: []Pair{issue(t, ca, wanted{}).save(t, dir, "x")}})
	state(t, peer, client.Config("a.test", "1"))
	before := client.now().generation
	issue(t, ca, wanted{}).save(t, dir, "x")
	set.Look(today)
	if client.now().generation == before {
		t.Fatal("nothing changed, so this test cannot fail")
	}
	if !state(t, peer, client.Config("a.test", "1")).DidResume {
		t.Error("sessions were lost")
	}
}

func TestNoSessionsAreKeptWhenNoneAreWanted(t *testing.T) {
	peer := peerOf(t, tls.VersionTLS13, issue(t, nil, wanted{names: []string{"a.test"}}), nil)
	client := mustClient(t, Open(Options{Now: atToday}), ClientOptions{SkipVerify: true, Sessions: -1})
	state(t, peer, client.Config("a.test", "1"))
	if state(t, peer, client.Config("a.test", "1")).DidResume {
		t.Error("a session was resumed")
	}
}

func TestSessionsAreBounded(t *testing.T) {
	peer := peerOf(t, tls.VersionTLS13, issue(t, nil, wanted{names: []string{"a.test"}}), nil)
	client := mustClient(t, Open(Options{Now: atToday}), ClientOptions{SkipVerify: true, Sessions: 2})
	for _, addr := range []string{"1", "2", "3"} {
		state(t, peer, client.Config("a.test", addr))
	}
	if !state(t, peer, client.Config("a.test", "3")).DidResume || state(t, peer, client.Config("a.test", "1")).DidResume {
		t.Error("of two sessions, that of the third peer is to be kept and that of the first not")
	}
}

// TestAPeerSeesTheCertificateOfNow replaces what is shown to peers that ask for it.
func TestAPeerSeesTheCertificateOfNow(t *testing.T) {
	for name, version := range versions {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			ca := newAuthority(t, "ca")
			first, second := issue(t, ca, wanted{subject: "first"}), issue(t, ca, wanted{subject: "second"})
			peer := peerOf(t, version, issue(t, ca, wanted{names: []string{"a.test"}}), func(c *tls.Config) {
				c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, ca.pool()
			})
			set := Open(Options{Now: atToday})
			client := mustClient(t, set, ClientOptions{CA: put(t, dir+"/ca.pem", ca.cert()), Pair: first.save(t, dir, "me")})
			for range 2 {
				state(t, peer, client.Config("a.test", "1"))
				if got := peer.lastClient(); got != serial(first.leaf) {
					t.Errorf("the peer saw %s, want %s", got, serial(first.leaf))
				}
			}
			second.save(t, dir, "me")
			set.Look(today)
			if state(t, peer, client.Config("a.test", "1")).DidResume {
				t.Error("a session that began with the old certificate was resumed")
			}
			if got := peer.lastClient(); got != serial(second.leaf) {
				t.Errorf("the peer saw %s, want %s", got, serial(second.leaf))
			}
			nobody := mustClient(t, set, ClientOptions{CA: filepath.Join(dir, "ca.pem")})
			if _, err := dial(t, peer, nobody.Config("a.test", "1")); err == nil {
				t.Error("it takes clients without a certificate, so this test cannot fail")
			}
		})
	}
}

func TestWhichProtocolIsSpoken(t *testing.T) {
	dir := t.TempDir()
	pair := issue(t, nil, wanted{names: []string{"a.test"}})
	files := pair.save(t, dir, "a")
	set := Open(Options{Now: atToday})
	for _, mutual := range []ServerOptions{{}, {ClientAuth: ClientAuthRequest, ClientCA: files.Cert}} {
		mutual.Pairs, mutual.ALPN = []Pair{files}, []string{"h2", "http/1.1"}
		server := newEcho(t, mustServer(t, set, mutual).Config())
		for _, offer := range [][]string{{"h2"}, {"http/1.1"}} {
			client := mustClient(t, set, ClientOptions{CA: files.Cert, ALPN: offer})
			if got := state(t, server, client.Config("a.test", "1")).NegotiatedProtocol; got != offer[0] {
				t.Errorf("got %q, want %q", got, offer[0])
			}
		}
	}
}

func TestOptionsThatContradictThemselves(t *testing.T) {
	dir := t.TempDir()
	pair := issue(t, nil, wanted{names: []string{"a.test"}}).save(t, dir, "a")
	set := Open(Options{Now: atToday})
	server := func(o ServerOptions) func() error {
		return func() error { _, err := set.Server("it", o); return err }
	}
	client := func(o ClientOptions) func() error {
		return func() error { _, err := set.Client("it", o); return err }
	}
	for _, test := range []struct {
		name, says string
		make       func() error
	}{
		{"no pair", "needs a certificate", server(ServerOptions{})},
		{"a version of yore", `"1.1": want "1.2" or "1.3"`, server(ServerOptions{Pairs: []Pair{pair}, MinVersion: "1.1"})},
		{"authorities for nobody", "has no meaning", server(ServerOptions{Pairs: []Pair{pair}, ClientCA: pair.Cert})},
		{"clients of nobody", "need a file of the authorities", server(ServerOptions{Pairs: []Pair{pair}, ClientAuth: ClientAuthRequest})},
		{"what is no way to ask", "none of off, request and require", server(ServerOptions{Pairs: []Pair{pair}, ClientAuth: 3})},
		{"a version to come", `"1.4"`, client(ClientOptions{MinVersion: "1.4"})},
		{"authorities that verify nothing", "has no meaning", client(ClientOptions{SkipVerify: true, CA: pair.Cert})},
		{"a certificate alone", "both files are to be named", client(ClientOptions{Pair: Pair{Cert: pair.Cert}})},
		{"a key alone", "both files are to be named", client(ClientOptions{Pair: Pair{Key: pair.Key}})},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := test.make(); !errors.Is(err, ErrOptions) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want %q", err, test.says)
			}
			if held := set.Certificates(); len(held) > 0 {
				t.Errorf("%v is held", held)
			}
		})
	}
}
