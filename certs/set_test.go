package certs

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestWhatIsHeldIsShared(t *testing.T) {
	dir := t.TempDir()
	ca := newAuthority(t, "ca")
	pair := issue(t, ca, wanted{names: []string{"a.test"}}).save(t, dir, "a")
	caFile := put(t, dir+"/ca.pem", ca.cert())
	set := Open(Options{Now: atToday})
	one, err := set.Server("one", ServerOptions{Pairs: []Pair{pair, pair}, ClientAuth: ClientAuthRequire, ClientCA: caFile})
	if err != nil {
		t.Fatal(err)
	}
	two, err := set.Client("two", ClientOptions{Pair: pair, CA: caFile})
	if err != nil {
		t.Fatal(err)
	}
	used := func() map[string][]string {
		by := map[string][]string{}
		for _, c := range set.Certificates() {
			by[filepath.Base(c.File)] = c.UsedBy
		}
		return by
	}
	put(t, pair.Key, []byte("garbage"))
	three, err := set.Client("three", ClientOptions{Pair: pair})
	if err != nil {
		t.Fatalf("what is in force serves others, too: %v", err)
	}
	again, err := set.Client("two", ClientOptions{Pair: pair}) // as after a change of its options
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		end  func()
		want map[string][]string
	}{
		{func() {}, map[string][]string{"a.pem": {"one", "three", "two"}, "ca.pem": {"one", "two"}}},
		{one.Close, map[string][]string{"a.pem": {"three", "two"}, "ca.pem": {"two"}}},
		{one.Close, map[string][]string{"a.pem": {"three", "two"}, "ca.pem": {"two"}}},
		{three.Close, map[string][]string{"a.pem": {"two"}, "ca.pem": {"two"}}},
		{two.Close, map[string][]string{"a.pem": {"two"}}},
		{again.Close, map[string][]string{}},
	} {
		step.end()
		if diff := cmp.Diff(step.want, used(), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("users (-want +got):\n%s", diff)
		}
	}
}
