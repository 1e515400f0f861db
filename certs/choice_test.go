package certs

import (
	"crypto/tls"
	"testing"
)

// TestWhichCertificateAClientGets makes real handshakes with a listener of many
// certificates.
func TestWhichCertificateAClientGets(t *testing.T) {
	dir := t.TempDir()
	ca := newAuthority(t, "ca")
	all := []struct {
		name string
		want wanted
	}{
		{"default", wanted{names: []string{"default.test"}}},
		{"exact-ecdsa", wanted{names: []string{"A.example.test", "other.test"}}},
		{"exact-rsa", wanted{names: []string{"a.example.test"}, key: rsaKey()}},
		{"wild", wanted{names: []string{"*.example.test"}}},
		{"wild-rsa", wanted{names: []string{"*.example.test"}, key: rsaKey()}},
		{"old", wanted{names: []string{"old.test"}, to: today.Add(-day)}},
		{"new-rsa", wanted{names: []string{"old.test"}, key: rsaKey()}},
		{"later", wanted{names: []string{"b.example.test"}, from: today.Add(day)}},
		{"ed25519", wanted{names: []string{"ed.test"}, key: ed25519Key(t)}},
		{"ed-rsa", wanted{names: []string{"ed.test"}, key: rsaKey()}},
		{"twice-1", wanted{names: []string{"twice.test"}}},
		{"twice-2", wanted{names: []string{"twice.test"}}},
		{"half", wanted{names: []string{"half.test"}}},
		{"half-rsa", wanted{names: []string{"half.test"}, key: rsaKey(), to: today.Add(-day)}},
		{"c-rsa", wanted{names: []string{"c.example.test"}, key: rsaKey()}},
		{"order-rsa", wanted{names: []string{"order.test"}, key: rsaKey()}},
		{"order", wanted{names: []string{"order.test"}}},
		{"gone", wanted{names: []string{"gone.test"}, to: today.Add(-day)}},
	}
	var pairs []Pair
	serials := map[string]string{}
	for _, c := range all {
		one := issue(t, ca, c.want)
		pairs = append(pairs, one.save(t, dir, c.name))
		serials[serial(one.leaf)] = c.name
	}
	set := Open(Options{Now: atToday})
	loose := newEcho(t, mustServer(t, set, ServerOptions{Pairs: pairs}).Config())
	strict := newEcho(t, mustServer(t, set, ServerOptions{Pairs: pairs, StrictSNI: true}).Config())
	mutual := newEcho(t, mustServer(t, set, ServerOptions{Pairs: pairs, ClientAuth: ClientAuthRequest, ClientCA: put(t, dir+"/ca", ca.cert())}).Config())
	onlyRSA := func(c *tls.Config) {
		c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
	}
	old := func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }
	for _, test := range []struct {
		name, ask string
		client    func(*tls.Config)
		want      string
		strict    string // "" = refused
	}{
		{"the exact name", "other.test", nil, "exact-ecdsa", "exact-ecdsa"},
		{"the exact name before the wildcard", "a.example.test", nil, "exact-ecdsa", "exact-ecdsa"},
		{"in whatever case", "A.EXAMPLE.Test", nil, "exact-ecdsa", "exact-ecdsa"},
		{"with a dot at its end", "a.example.test.", nil, "exact-ecdsa", "exact-ecdsa"},
		{"with TLS 1.2", "a.example.test", old, "exact-ecdsa", "exact-ecdsa"},
		{"with RSA for a client that has no ECDSA", "a.example.test", onlyRSA, "exact-rsa", "exact-rsa"},
		{"a wildcard of one label", "x.example.test", nil, "wild", "wild"},
		{"a wildcard with RSA", "x.example.test", onlyRSA, "wild-rsa", "wild-rsa"},
		{"a wildcard does not cover two labels", "x.y.example.test", nil, "default", ""},
		{"nor none", "example.test", nil, "default", ""},
		{"what is valid, though it is RSA", "old.test", nil, "new-rsa", "new-rsa"},
		{"a wildcard rather than the name of one that begins later", "b.example.test", nil, "wild", "wild"},
		{"what the client can use, though it has ended", "half.test", onlyRSA, "half-rsa", "half-rsa"},
		{"the exact name with RSA before a wildcard", "c.example.test", nil, "c-rsa", "c-rsa"},
		{"ECDSA, though RSA comes first", "order.test", nil, "order", "order"},
		{"Ed25519 where the client can", "ed.test", nil, "ed25519", "ed25519"},
		{"RSA where it cannot", "ed.test", onlyRSA, "ed-rsa", "ed-rsa"},
		{"the first of two alike", "twice.test", nil, "twice-1", "twice-1"},
		{"one that has ended rather than that of another name", "gone.test", nil, "gone", "gone"},
		{"the first for an unknown name", "unknown.test", nil, "default", ""},
		{"the first without a name", "", nil, "default", ""},
		{"the first for an address", "127.0.0.1", nil, "default", ""},
		{"the first that a client can use without a name", "", onlyRSA, "exact-rsa", ""},
		{"the first that a client can use for an unknown name", "unknown.test", onlyRSA, "exact-rsa", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			config := anyone(test.ask)
			if test.client != nil {
				test.client(config)
			}
			if got := serials[shown(t, loose, config)]; got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
			if got := serials[shown(t, mutual, config)]; got != test.want {
				t.Errorf("asked for a certificate: got %s, want %s", got, test.want)
			}
			conn, err := dial(t, strict, config)
			switch {
			case test.strict == "" && !refusedWith(err, "unrecognized name"):
				t.Errorf("strict: got %v, want the alert for an unknown name", err)
			case test.strict == "":
			case err != nil:
				t.Errorf("strict: %v", err)
			default:
				if got := serials[serial(conn.ConnectionState().PeerCertificates[0])]; got != test.strict {
					t.Errorf("strict: got %s, want %s", got, test.strict)
				}
			}
		})
	}
}

func TestAStrictListenerResumesNoSessionForAnotherName(t *testing.T) {
	for name, version := range map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13} {
		t.Run(name, func(t *testing.T) {
			pair := issue(t, nil, wanted{names: []string{"a.test"}}).save(t, t.TempDir(), "a")
			server := newEcho(t, mustServer(t, Open(Options{Now: atToday}), ServerOptions{Pairs: []Pair{pair}, StrictSNI: true}).Config())
			client := anyone("a.test")
			client.MaxVersion, client.ClientSessionCache = version, oneSession{tls.NewLRUClientSessionCache(1)}
			if state(t, server, client).DidResume || !state(t, server, client).DidResume {
				t.Fatal("the second connection is to be resumed, so that this test can fail")
			}
			client.ServerName = "b.test"
			if conn, err := dial(t, server, client); !refusedWith(err, "unrecognized name") {
				t.Errorf("got %v, %v; want the alert for an unknown name", conn, err)
			}
		})
	}
}

// oneSession is a client that takes any session for any name.
type oneSession struct{ tls.ClientSessionCache }

func (s oneSession) Get(string) (*tls.ClientSessionState, bool) { return s.ClientSessionCache.Get("x") }
func (s oneSession) Put(_ string, session *tls.ClientSessionState) {
	s.ClientSessionCache.Put("x", session)
}
