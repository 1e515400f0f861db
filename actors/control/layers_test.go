package control

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/messages"
)

// layer makes a state of upstreams "name=addr" and routes "name=host/path".
func layer(of messages.Layer, upstreams, routes string) messages.Desired {
	d := messages.Desired{Layer: of}
	var specs []messages.UpstreamSpec
	for _, text := range strings.Fields(upstreams) {
		name, addr, _ := strings.Cut(text, "=")
		specs = append(specs, messages.UpstreamSpec{Name: name, Addrs: messages.ListOf(messages.PeerSpec{Addr: addr})})
	}
	var rules []messages.RouteSpec
	for _, text := range strings.Fields(routes) {
		name, at, _ := strings.Cut(text, "=")
		host, path, _ := strings.Cut(at, "/")
		rules = append(rules, messages.RouteSpec{Name: name, Host: host, Path: messages.PathRule{Kind: messages.PathPrefix, Value: "/" + path}})
	}
	d.Upstreams, d.Routes = messages.ListOf(specs...), messages.ListOf(rules...)
	return d
}

// text prints a merged state as layer reads it, and what is shadowed.
func text(d messages.Desired) (upstreams, routes, shadowed string) {
	var u, r, s []string
	for _, spec := range d.Upstreams.All() {
		u = append(u, spec.Name+"="+spec.Addrs.At(0).Addr)
	}
	for _, rule := range d.Routes.All() {
		r = append(r, rule.Name+"="+rule.Host+rule.Path.Value)
	}
	for _, hidden := range d.Shadowed.All() {
		s = append(s, hidden.Kind+" "+hidden.Name)
	}
	return strings.Join(u, " "), strings.Join(r, " "), strings.Join(s, ", ")
}

func TestTheFileOutranksLabels(t *testing.T) {
	cases := map[string]struct {
		file, labels                [2]string // upstreams, routes
		upstreams, routes, shadowed string
	}{
		"labels add what the file has not": {
			[2]string{"b=file", "b=b/"}, [2]string{"a=label c=label", "a=a/ c=c/"}, "a=label b=file c=label", "a=a/ b=b/ c=c/", ""},
		"an upstream of the same name is the file's": {
			[2]string{"web=file", ""}, [2]string{"web=label", "web=w/"}, "web=file", "web=w/", "upstream web"},
		"a route of the same name is the file's": {
			[2]string{"", "web=file/"}, [2]string{"web=label", "web=label/"}, "web=label", "web=file/", "route web"},
		"a host and path that the file has are not taken": {
			[2]string{"", "shop=h/v1"}, [2]string{"x=label", "x=h/v1 y=h/v2"}, "x=label", "shop=h/v1 y=h/v2", "route x"},
		"nothing in the file": {
			[2]string{"", ""}, [2]string{"a=label", "a=h/"}, "a=label", "a=h/", ""},
		"nothing in labels": {
			[2]string{"a=file", "a=h/"}, [2]string{"", ""}, "a=file", "a=h/", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			all := layers{}.with(layer(messages.LayerLabels, c.labels[0], c.labels[1])).with(layer(messages.LayerFile, c.file[0], c.file[1]))
			upstreams, routes, shadowed := text(all.merge())
			if diff := cmp.Diff([]string{c.upstreams, c.routes, c.shadowed}, []string{upstreams, routes, shadowed}); diff != "" {
				t.Errorf("merged (-want +got):\n%s", diff)
			}
		})
	}
}

func TestALayerReplacesWhatItDesiredBefore(t *testing.T) {
	all := layers{}.with(layer("", "a=1", "")).with(layer(messages.LayerLabels, "b=1", "")).with(layer(messages.LayerLabels, "c=1", ""))
	if upstreams, _, _ := text(all.merge()); upstreams != "a=1 c=1" {
		t.Errorf("got %q", upstreams)
	}
	if upstreams, _, _ := text(all.with(layer(messages.LayerFile, "", "")).merge()); upstreams != "c=1" {
		t.Errorf("got %q", upstreams)
	}
}
