package static_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/actors/discovery/static"
	"github.com/weirproxy/weir/messages"
)

var errNameServer = errors.New("no name server")

// fakeResolver answers from a table; a name that is not in it fails.
type fakeResolver map[string][]string

func (f fakeResolver) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	answer, ok := f[host]
	if !ok {
		return nil, errNameServer
	}
	var addrs []netip.Addr
	for _, a := range answer {
		addrs = append(addrs, netip.MustParseAddr(a))
	}
	return addrs, nil
}

func spec(addrs ...string) messages.UpstreamSpec {
	var peers []messages.PeerSpec
	for i, a := range addrs {
		peers = append(peers, messages.PeerSpec{Addr: a, Weight: i + 1})
	}
	return messages.UpstreamSpec{Name: "web", Addrs: messages.ListOf(peers...)}
}

func find(t *testing.T, s *static.Source, spec messages.UpstreamSpec) ([]string, time.Duration, error) {
	t.Helper()
	peers, again, err := s.Find(t.Context(), spec)
	var got []string
	for _, p := range peers {
		got = append(got, p.String())
	}
	return got, again, err
}

func TestFindsLiteralsAsTheyAreAndNamesByTheResolver(t *testing.T) {
	s := static.New(fakeResolver{"api.local": {"10.0.0.2", "::ffff:10.0.0.1", "10.0.0.2"}})
	got, again, err := find(t, s, spec("10.1.0.1:80", "api.local:8080", "localhost:3001", "[2001:db8::1]:81"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"10.1.0.1:80 1", "10.0.0.1:8080 2", "10.0.0.2:8080 2", "localhost:3001 3", "[2001:db8::1]:81 4"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("peers (-want +got):\n%s", diff)
	}
	if again <= 0 {
		t.Errorf("does not look again although there is a name")
	}
}

func TestLiteralsNeedNoSecondLook(t *testing.T) {
	if _, again, err := find(t, static.New(fakeResolver{}), spec("10.1.0.1:80", "localhost:1")); again != 0 || err != nil {
		t.Errorf("looks again in %v, error %v; want never and none", again, err)
	}
}

func TestANameThatFailsKeepsItsAddressesAndTouchesNoOther(t *testing.T) {
	resolver := fakeResolver{"a.local": {"10.0.0.1"}, "b.local": {"10.0.0.2"}}
	s := static.New(resolver)
	both := spec("a.local:80", "b.local:80")
	if _, _, err := find(t, s, both); err != nil {
		t.Fatal(err)
	}
	delete(resolver, "a.local")
	resolver["b.local"] = []string{"10.0.0.3"}
	got, _, err := find(t, s, both)
	if diff := cmp.Diff([]string{"10.0.0.1:80 1", "10.0.0.3:80 2"}, got); diff != "" {
		t.Errorf("peers (-want +got):\n%s", diff)
	}
	if !errors.Is(err, errNameServer) || !strings.Contains(err.Error(), "a.local") || strings.Contains(err.Error(), "b.local") {
		t.Errorf("got error %v, want one that names a.local alone", err)
	}
}

func TestAnEmptyAnswerIsAFailure(t *testing.T) {
	resolver := fakeResolver{"a.local": {"10.0.0.1"}}
	s := static.New(resolver)
	if _, _, err := find(t, s, spec("a.local:80")); err != nil {
		t.Fatal(err)
	}
	resolver["a.local"] = nil
	if got, _, err := find(t, s, spec("a.local:80")); err == nil || len(got) != 1 {
		t.Errorf("got %v, error %v; want the last good address and an error", got, err)
	}
}
