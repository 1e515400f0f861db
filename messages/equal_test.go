package messages

import (
	"net/netip"
	"reflect"
	"testing"
	"time"
)

// leaves calls change for every field of v, however deep, with a setter that
// gives it another value.
func leaves(t *testing.T, v reflect.Value, path string, change func(path string, set func())) {
	t.Helper()
	switch v.Interface().(type) {
	case List[PeerSpec]:
		change(path, func() { v.Set(reflect.ValueOf(ListOf(PeerSpec{Addr: "a:1", Weight: 1}))) })
		return
	case List[HeaderField]:
		change(path, func() { v.Set(reflect.ValueOf(ListOf(HeaderField{Name: "A", Value: "b"}))) })
		return
	case List[string]:
		change(path, func() { v.Set(reflect.ValueOf(ListOf("A"))) })
		return
	case netip.Addr:
		change(path, func() { v.Set(reflect.ValueOf(netip.MustParseAddr("192.0.2.1"))) })
		return
	case StatusSet:
		change(path, func() { v.Set(reflect.ValueOf(StatusSet{bits: [8]uint64{1}})) })
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			leaves(t, v.Field(i), path+"."+v.Type().Field(i).Name, change)
		}
	case reflect.Pointer:
		change(path, func() { v.Set(reflect.New(v.Type().Elem())) })
	case reflect.String:
		change(path, func() { v.SetString("other") })
	case reflect.Int, reflect.Int64:
		change(path, func() { v.SetInt(int64(7 * time.Second)) })
	case reflect.Bool:
		change(path, func() { v.SetBool(true) })
	default:
		t.Fatalf("%s: no other value for a %s: teach this test", path, v.Type())
	}
}

// everyFieldCounts checks that equal notices a change of each field of T.
func everyFieldCounts[T any](t *testing.T, equal func(a, b T) bool) {
	t.Helper()
	var a, b T
	n := 0
	leaves(t, reflect.ValueOf(&b).Elem(), reflect.TypeFor[T]().Name(), func(path string, set func()) {
		before := b
		set()
		if equal(before, b) || equal(b, before) {
			t.Errorf("a change of %s goes unnoticed", path)
		}
		b = before
		n++
	})
	if !equal(a, b) {
		t.Errorf("two that want the same differ")
	}
	if n < 5 {
		t.Errorf("looked at %d fields only", n)
	}
}

func TestEveryFieldOfASpecCounts(t *testing.T) {
	everyFieldCounts(t, UpstreamSpec.Equal)
	everyFieldCounts(t, RouteSpec.Equal)
	everyFieldCounts(t, CheckSpec.Equal)
	everyFieldCounts(t, func(a, b RetrySpec) bool { return RouteSpec{Retry: &a}.Equal(RouteSpec{Retry: &b}) })
}

func TestEqualRoutesMayHoldRetriesApart(t *testing.T) {
	a, b := RouteSpec{Retry: &RetrySpec{Attempts: 1}}, RouteSpec{Retry: &RetrySpec{Attempts: 1}}
	if !a.Equal(b) {
		t.Errorf("two routes with equal retries differ")
	}
}
