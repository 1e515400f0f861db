package certs

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// lasting is a certificate that ends so long after today, and was made for days.
func lasting(serial string, left time.Duration, days int, files ...string) Certificate {
	end := today.Add(left)
	return Certificate{File: strings.Join(files, ""), Issuer: "ca", Serial: serial, Names: []string{serial + ".test"},
		NotBefore: end.Add(-time.Duration(days) * day), NotAfter: end, UsedBy: []string{"user of " + strings.Join(files, "")}}
}

// TestWhatIsToldOfCertificatesThatEnd looks at certificates again and again.
func TestWhatIsToldOfCertificatesThatEnd(t *testing.T) {
	year := lasting("01", 40*day, 365, "a")
	renewed := lasting("02", 400*day, 365, "a")
	type look struct {
		after time.Duration
		held  []Certificate
		want  string // "serials:days left"
	}
	alone := func(after time.Duration, want string) look { return look{after, []Certificate{year}, want} }
	for _, test := range []struct {
		name  string
		looks []look
	}{
		{"each threshold, once", []look{
			alone(0, ""), alone(10*day-time.Second, ""), alone(10*day, "01:30"), alone(11*day, ""), alone(25*day, ""), alone(26*day, "01:14"),
			alone(33*day, "01:7"), alone(38*day, ""), alone(39*day, "01:1"), alone(40*day-time.Second, ""), alone(40*day, "01:0"), alone(41*day, ""), alone(400*day, ""),
		}},
		{"the nearest alone, when it is first seen late", []look{alone(35*day, "01:5"), alone(38*day, ""), alone(39*day+time.Hour, "01:1")}},
		{"days are rounded up", []look{alone(25*day+time.Hour, "01:15"), alone(26*day+time.Hour, "01:14")}},
		{"one that has ended before it was seen", []look{alone(50*day, "01:0"), alone(51*day, "")}},
		{"a clock that goes back tells nothing twice", []look{alone(33*day, "01:7"), alone(20*day, ""), alone(33*day, ""), alone(39*day, "01:1")}},
		{"one that was renewed in time", []look{alone(26*day, "01:14"), {27 * day, []Certificate{renewed}, ""}, {371 * day, []Certificate{renewed}, "02:29"}}},
		{"one that was gone for a moment is not told again", []look{alone(26*day, "01:14"), {26 * day, nil, ""}, alone(27*day, ""), alone(33*day, "01:7")}},
		{"the same certificate in two files, once", []look{
			{10 * day, []Certificate{lasting("01", 40*day, 365, "a"), lasting("01", 40*day, 365, "b")}, "01:30"},
			{11 * day, []Certificate{lasting("01", 40*day, 365, "a"), lasting("01", 40*day, 365, "c")}, ""},
		}},
		{"two at once", []look{{0, []Certificate{lasting("05", 3*day, 90, "a"), year, lasting("06", -day, 90, "b")}, "05:3 06:0"}}},
		{"one serial number of another time is another certificate", []look{alone(10*day, "01:30"), {10 * day, []Certificate{lasting("01", 41*day, 365, "a"), lasting("01", 39*day, 365, "b")}, "01:29"}}},
		{"one made for a week has no thresholds above it", []look{
			{0, []Certificate{lasting("07", 7*day, 7, "a")}, ""}, {5 * day, []Certificate{lasting("07", 7*day, 7, "a")}, ""}, {6 * day, []Certificate{lasting("07", 7*day, 7, "a")}, "07:1"},
		}},
		{"one made for a day is told when it has ended", []look{
			{0, []Certificate{lasting("08", day, 1, "a")}, ""}, {23 * time.Hour, []Certificate{lasting("08", day, 1, "a")}, ""}, {day, []Certificate{lasting("08", day, 1, "a")}, "08:0"},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var told map[identity]int
			for i, look := range test.looks {
				before := maps.Clone(told)
				notices, next := due(look.held, today.Add(look.after), told)
				var got []string
				for _, n := range notices {
					got = append(got, fmt.Sprintf("%s:%d", strings.TrimSuffix(n.Names[0], ".test"), n.DaysLeft))
				}
				if strings.Join(got, " ") != look.want {
					t.Errorf("look %d: got %v, want %q", i, got, look.want)
				}
				if !maps.Equal(told, before) {
					t.Errorf("look %d: it changed what it was given", i)
				}
				told = next
			}
		})
	}
}

func TestANoticeNamesAllFilesOfItsCertificate(t *testing.T) {
	held := []Certificate{lasting("01", 5*day, 365, "b"), lasting("01", 5*day, 365, "a"), lasting("01", 5*day, 365, "b")}
	got, _ := due(held, today, nil)
	want := []Expiring{{Files: []string{"a", "b"}, Names: []string{"01.test"}, NotAfter: today.Add(5 * day), DaysLeft: 5, UsedBy: []string{"user of a", "user of b"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !slices.Equal(held[0].UsedBy, []string{"user of b"}) {
		t.Errorf("it changed what it was given: %v", held[0].UsedBy)
	}
}

func TestWhatWasToldIsForgottenWhenItEndedAndIsGone(t *testing.T) {
	held := []Certificate{lasting("01", 5*day, 365, "a")}
	_, told := due(held, today, nil)
	if _, told = due(nil, today.Add(4*day), told); len(told) != 1 {
		t.Errorf("before its end: %v", told)
	}
	if _, told = due(held, today.Add(6*day), told); len(told) != 1 {
		t.Errorf("while it is held: %v", told)
	}
	if _, told = due(nil, today.Add(6*day), told); len(told) != 0 {
		t.Errorf("after that: %v", told)
	}
}

// TestALookTellsWhatEnds goes through a Set.
func TestALookTellsWhatEnds(t *testing.T) {
	dir := t.TempDir()
	var notices told
	set := Open(Options{Now: atToday, Tell: notices.tell})
	one := issue(t, nil, wanted{names: []string{"a.test"}, to: today.Add(5 * day)})
	pair := one.save(t, dir, "a")
	mustServer(t, set, ServerOptions{Pairs: []Pair{pair}})
	set.Look(today)
	set.Look(today.Add(time.Hour))
	want := []Notice{Expiring{Files: []string{pair.Cert}, Names: []string{"a.test"}, NotAfter: one.leaf.NotAfter, DaysLeft: 5, UsedBy: []string{"listener :8443"}}}
	if diff := cmp.Diff(want, notices.take()); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
	issue(t, nil, wanted{names: []string{"a.test"}}).save(t, dir, "a")
	set.Look(today.Add(2 * time.Hour))
	if got := notices.take(); len(got) != 1 {
		t.Errorf("got %+v, want that it was reloaded", got)
	}
}

// TestAChainEndsWithTheFirstOfItThatEnds: no client takes a certificate whose
// intermediate has ended; the root's end does not count, for clients have their own.
func TestAChainEndsWithTheFirstOfItThatEnds(t *testing.T) {
	root := issue(t, nil, wanted{subject: "root", to: today.Add(day), change: isAuthority})
	middle := issue(t, root, wanted{subject: "middle", to: today.Add(3 * day), change: isAuthority})
	leaf := issue(t, middle, wanted{names: []string{"a.test"}})
	var notices told
	set := Open(Options{Now: atToday, Tell: notices.tell})
	mustServer(t, set, ServerOptions{Pairs: []Pair{leaf.save(t, t.TempDir(), "a", middle, root)}})
	c := set.Certificates()[0]
	if !c.NotAfter.Equal(middle.leaf.NotAfter) || c.EndsWith != "CN=middle" || c.Serial != serial(leaf.leaf) {
		t.Errorf("it ends at %v with %q", c.NotAfter, c.EndsWith)
	}
	set.Look(today)
	got := notices.take()
	if len(got) != 1 || got[0].(Expiring).EndsWith != "CN=middle" || got[0].(Expiring).DaysLeft != 3 {
		t.Errorf("told %+v", got)
	}
	warned := ""
	for _, w := range set.Warnings(today) {
		warned += w.Text
	}
	if !strings.Contains(warned, "number 2 of the chain (CN=middle) ends at") || strings.Contains(warned, "CN=root) ends") {
		t.Errorf("warnings: %s", warned)
	}
}
