package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDiff(t *testing.T) {
	const before = `listeners: [{addr: ":1"}]
upstreams:
  a: {addrs: [x, y], remark: one}
  b: {addrs: [x]}
routes:
  r: {upstream: a, request_headers: {set: {A: b}}, retry: 1}
  s: {path: /s, upstream: b}
`
	for _, test := range []struct {
		name, after string
		want        Changes
	}{
		{"the same changes nothing", before, Changes{}},
		{
			"an edited remark, another order and another way to say the same do nothing",
			`{log: {level: debug}, listeners: [{addr: ":2"}], upstreams: {b: {addrs: ["x:80 1"], queue: 1000}, a: {remark: two, addrs: [x, y]}},
			routes: {s: {path: /s, upstream: b}, r: {path: /, upstream: a, request_headers: {set: {A: b}}, retry: {attempts: 1}}}}`,
			Changes{},
		},
		{"everything goes", `{listeners: [{addr: ":1"}]}`, Changes{UpstreamsRemoved: []string{"a", "b"}, RoutesRemoved: []string{"r", "s"}}},
		{
			"added, changed and removed are told apart",
			`{listeners: [{addr: ":1"}], upstreams: {a: {addrs: [x, y 2]}, d: {addrs: [x]}, c: {addrs: [x]}},
			routes: {r: {upstream: a, request_headers: {set: {A: c}}, retry: 1}, t: {path: /t, upstream: a}}}`,
			Changes{
				UpstreamsAdded: []string{"c", "d"}, UpstreamsChanged: []string{"a"}, UpstreamsRemoved: []string{"b"},
				RoutesAdded: []string{"t"}, RoutesChanged: []string{"r"}, RoutesRemoved: []string{"s"},
			},
		},
		{
			"a retry that a route gives up is a change",
			`{listeners: [{addr: ":1"}], upstreams: {a: {addrs: [x, y]}, b: {addrs: [x]}},
			routes: {r: {upstream: a, request_headers: {set: {A: b}}}, s: {path: /s, upstream: b}}}`,
			Changes{RoutesChanged: []string{"r"}},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := Diff(mustParse(t, before).Desired, mustParse(t, test.after).Desired)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
			if got.Empty() != cmp.Equal(test.want, Changes{}) {
				t.Errorf("Empty is %t", got.Empty())
			}
		})
	}
}
