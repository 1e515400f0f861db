package certs

import (
	"crypto/tls"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"
)

// withCert is a client that shows a certificate, whatever is asked for.
func withCert(i *issued, version uint16) *tls.Config {
	config := anyone("a.test")
	config.MaxVersion = version
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		if i == nil {
			return &tls.Certificate{}, nil
		}
		return &tls.Certificate{Certificate: [][]byte{i.leaf.Raw}, PrivateKey: i.key}, nil
	}
	return config
}

func TestClientsOfAListenerShowACertificate(t *testing.T) {
	dir := t.TempDir()
	ca, other := newAuthority(t, "ca"), newAuthority(t, "other")
	pair := issue(t, nil, wanted{names: []string{"a.test"}}).save(t, dir, "a")
	caFile := put(t, dir+"/ca.pem", ca.cert())
	good, foreign := issue(t, ca, wanted{subject: "good"}), issue(t, other, wanted{subject: "foreign"})
	ended := issue(t, ca, wanted{subject: "ended", to: today.Add(-day)})
	set := Open(Options{Now: atToday})
	for _, test := range []struct {
		name                         string
		auth                         ClientAuth
		ca                           string
		none, good, foreign, expired bool // taken?
	}{
		{"off", ClientAuthOff, "", true, true, true, true},
		{"request", ClientAuthRequest, caFile, true, true, false, false},
		{"require", ClientAuthRequire, caFile, false, true, false, false},
	} {
		for name, version := range versions {
			t.Run(test.name+" "+name, func(t *testing.T) {
				server := newEcho(t, mustServer(t, set, ServerOptions{Pairs: []Pair{pair}, ClientAuth: test.auth, ClientCA: test.ca}).Config())
				for _, client := range []struct {
					name string
					cert *issued
					want bool
				}{{"none", nil, test.none}, {"a good one", good, test.good}, {"a foreign one", foreign, test.foreign}, {"one that has ended", ended, test.expired}} {
					if _, err := dial(t, server, withCert(client.cert, version)); (err == nil) != client.want {
						t.Errorf("%s: got %v, taken is to be %t", client.name, err, client.want)
					}
				}
			})
		}
	}
}

func TestTheVersionOfAListener(t *testing.T) {
	dir := t.TempDir()
	pair := issue(t, nil, wanted{names: []string{"a.test"}}).save(t, dir, "a")
	set := Open(Options{Now: atToday})
	for _, o := range []ServerOptions{{}, {StrictSNI: true}, {ClientAuth: ClientAuthRequest, ClientCA: pair.Cert}} {
		for least, taken := range map[string]map[uint16]bool{
			"":    {tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true},
			"1.2": {tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true},
			"1.3": {tls.VersionTLS12: false, tls.VersionTLS13: true},
		} {
			o.Pairs, o.MinVersion = []Pair{pair}, least
			server := newEcho(t, mustServer(t, set, o).Config())
			for version, want := range taken {
				client := anyone("a.test")
				client.MinVersion, client.MaxVersion = version, version
				if _, err := dial(t, server, client); (err == nil) != want {
					t.Errorf("%+v: %s: got %v, taken is to be %t", o, tls.VersionName(version), err, want)
				}
			}
		}
	}
}

// TestClientsOfAnAuthorityThatIsReplaced also resumes sessions: a client of the old
// authority must not come in by one.
func TestClientsOfAnAuthorityThatIsReplaced(t *testing.T) {
	for name, version := range versions {
		for _, auth := range []ClientAuth{ClientAuthRequest, ClientAuthRequire} {
			t.Run(name+" "+auth.String(), func(t *testing.T) {
				dir := t.TempDir()
				first, second := newAuthority(t, "first"), newAuthority(t, "second")
				caFile := put(t, dir+"/ca.pem", first.cert())
				set := Open(Options{Now: atToday})
				pair := issue(t, nil, wanted{names: []string{"a.test"}}).save(t, dir, "a")
				server := newEcho(t, mustServer(t, set, ServerOptions{Pairs: []Pair{pair}, ClientAuth: auth, ClientCA: caFile}).Config())
				old, fresh := withCert(issue(t, first, wanted{}), version), withCert(issue(t, second, wanted{}), version)
				old.ClientSessionCache, fresh.ClientSessionCache = tls.NewLRUClientSessionCache(1), tls.NewLRUClientSessionCache(1)
				if state(t, server, old).DidResume || !state(t, server, old).DidResume {
					t.Fatal("the second connection is to be resumed")
				}
				if _, err := dial(t, server, fresh); err == nil {
					t.Error("a client of an unknown authority came in")
				}
				put(t, caFile, second.cert(first))
				set.Look(today)
				if !state(t, server, old).DidResume || state(t, server, fresh).DidResume || !state(t, server, fresh).DidResume {
					t.Error("with both authorities, old sessions are to go on and new ones to begin")
				}
				put(t, caFile, second.cert())
				set.Look(today)
				if conn, err := dial(t, server, old); err == nil {
					t.Errorf("a client of the old authority came in; resumed: %t", conn.ConnectionState().DidResume)
				}
				if !state(t, server, fresh).DidResume {
					t.Error("the session of a client of the new authority was lost")
				}
			})
		}
	}
}

// TestSessionsOfAListener: its session tickets outlive a change of its certificate.
func TestSessionsOfAListener(t *testing.T) {
	for name, version := range versions {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			set := Open(Options{Now: atToday})
			pair := issue(t, nil, wanted{names: []string{"a.test"}}).save(t, dir, "a")
			listener := mustServer(t, set, ServerOptions{Pairs: []Pair{pair}})
			server := newEcho(t, listener.Config())
			client := anyone("a.test")
			client.MaxVersion, client.ClientSessionCache = version, tls.NewLRUClientSessionCache(1)
			if state(t, server, client).DidResume || !state(t, server, client).DidResume {
				t.Error("the second connection is to be resumed")
			}
			issue(t, nil, wanted{names: []string{"a.test"}}).save(t, dir, "a")
			set.Look(today)
			if !state(t, server, client).DidResume {
				t.Error("a session was lost because the certificate changed")
			}
			another := newEcho(t, mustServer(t, set, ServerOptions{Pairs: []Pair{pair}}).Config())
			if state(t, another, client).DidResume {
				t.Error("a session of one listener was resumed by another, which may ask for other certificates")
			}
		})
	}
}

// TestSessionTicketKeysRotate lets days go by: crypto/tls changes its keys each day
// and keeps them for a week, also where clients are asked for certificates.
func TestSessionTicketKeysRotate(t *testing.T) {
	dir := t.TempDir()
	ca := newAuthority(t, "ca")
	var mu sync.Mutex
	now := today
	clock := func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}
	pass := func(d time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(d)
	}
	set := Open(Options{Now: clock})
	pair := issue(t, ca, wanted{names: []string{"a.test"}}).save(t, dir, "a")
	server := newEcho(t, mustServer(t, set, ServerOptions{Pairs: []Pair{pair}, ClientAuth: ClientAuthRequire, ClientCA: put(t, dir+"/ca", ca.cert())}).Config())
	client := withCert(issue(t, ca, wanted{}), tls.VersionTLS13)
	client.Time, client.ClientSessionCache = clock, keptSession{tls.NewLRUClientSessionCache(1)}
	state(t, server, client)
	if pass(25 * time.Hour); !state(t, server, client).DidResume {
		t.Error("after a day: the old key is to be known still")
	}
	other := withCert(issue(t, ca, wanted{}), tls.VersionTLS13)
	other.Time = clock
	pass(4 * day)
	state(t, server, other)                         // makes a key
	client.Time = func() time.Time { return today } // it believes in its ticket
	if pass(3 * day); state(t, server, client).DidResume {
		t.Error("after a week the first key is known still")
	}
}

// keptSession keeps the first session, whatever comes later.
type keptSession struct{ tls.ClientSessionCache }

func (s keptSession) Put(name string, session *tls.ClientSessionState) {
	if _, ok := s.Get(name); !ok && session != nil {
		s.ClientSessionCache.Put(name, session)
	}
}

// TestHandshakesWhileFilesChange runs both under the race detector.
func TestHandshakesWhileFilesChange(t *testing.T) {
	dir := t.TempDir()
	ca := newAuthority(t, "ca")
	both := []*issued{issue(t, ca, wanted{names: []string{"a.test"}}), issue(t, ca, wanted{names: []string{"a.test"}})}
	caFile := put(t, dir+"/ca.pem", ca.cert())
	set := Open(Options{Now: atToday})
	pair := both[0].save(t, dir, "a")
	server := newEcho(t, mustServer(t, set, ServerOptions{Pairs: []Pair{pair}, ClientAuth: ClientAuthRequire, ClientCA: caFile}).Config())
	client := mustClient(t, set, ClientOptions{CA: caFile, Pair: pair})
	var dials sync.WaitGroup
	for range 3 {
		dials.Go(func() {
			for range 20 {
				if _, err := dial(t, server, client.Config("a.test", "1")); err != nil {
					t.Errorf("handshake: %v", err)
				}
			}
		})
	}
	for i := range 20 {
		both[i%2].save(t, dir, "a")
		put(t, caFile, join(ca.cert(), []byte{'#', byte('a' + i), '\n'}))
		set.Look(today)
		set.Certificates()
		set.Warnings(today)
	}
	dials.Wait()
}

// TestTheStandardServerTakesTheConfiguration clones it, as net/http does.
func TestTheStandardServerTakesTheConfiguration(t *testing.T) {
	dir := t.TempDir()
	pair := issue(t, nil, wanted{names: []string{"a.test"}}).save(t, dir, "a")
	set := Open(Options{Now: atToday})
	client := mustClient(t, set, ClientOptions{CA: pair.Cert})
	listener := mustServer(t, set, ServerOptions{Pairs: []Pair{pair}, ALPN: []string{"h2", "http/1.1"}})
	server := &http.Server{ReadHeaderTimeout: time.Minute, TLSConfig: listener.Config(), Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	l := listen(t)
	done := make(chan error)
	go func() { done <- server.ServeTLS(l, "", "") }()
	defer func() {
		_ = server.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("Serve: %v", err)
		}
	}()
	transport := &http.Transport{TLSClientConfig: client.Config("a.test", "1"), ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport, Timeout: time.Minute}).Get("https://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.ProtoMajor != 2 {
		t.Errorf("got %s", response.Proto)
	}
}
