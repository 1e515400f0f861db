package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/weirproxy/weir/messages"
)

// openAlgo is the other way to write discovery: transparent.
const openAlgo = string(messages.DiscoverTransparent)

// openIdle is how many unused connections a transparent upstream keeps in all:
// its clients name as many destinations as they like.
const openIdle = 1000

// kindOfAlgo notes that algo asks for a transparent upstream, and tells whether it does.
func (o *object) kindOfAlgo(d *messages.Discovery) bool {
	i := slices.IndexFunc(o.entries, func(e entry) bool { return e.name == "algo" })
	if i < 0 {
		return false
	}
	v := o.entries[i].item
	if s, ok := v.peek(); !ok || s != openAlgo {
		return false
	}
	if !o.has("discovery") {
		v.note()
		v.noteAs(o.path + ".discovery")
	}
	if d.Kind != messages.DiscoverTransparent && o.has("discovery") {
		v.hinted("discovery: transparent, or no discovery", "algo: transparent does not go with discovery: "+string(d.Kind))
	}
	d.Kind = messages.DiscoverTransparent
	return true
}

// peek returns a single value as text, and notes nothing.
func (v item) peek() (string, bool) {
	faults, more := v.r.faults, v.r.more
	s, ok := v.written("")
	v.r.faults, v.r.more = faults, more
	if !ok {
		return "", false
	}
	text, _, problem := expand(s.text, v.r.env)
	return text, problem == ""
}

// transparent reads an upstream whose requests name their own destination. It has
// no peers, so all that is about peers is a fault.
func (o *object) transparent(spec *messages.UpstreamSpec, byAlgo bool) {
	const none = "a transparent upstream has no peers of its own: each request goes where its Host says"
	spec.Check = messages.CheckSpec{Kind: messages.CheckOff}
	spec.Transport.MaxIdleTotal = openIdle
	if v, ok := o.get("addrs"); ok {
		if items, ok := v.list("nothing, or an empty list"); ok && len(items) > 0 {
			v.hinted("leave addrs out; transparent.allow says where requests may go", none)
		}
	}
	if v, ok := o.get("algo"); ok && !byAlgo {
		v.hinted("leave algo out", none+", there is nothing to pick")
	}
	if v, ok := o.get("health_check"); ok {
		if check, ok := v.check(); ok && check.Kind != messages.CheckOff {
			v.hinted("health_check: off, or leave it out", none+", and none is probed")
		}
	}
	o.forbid(none, "leave it out", "max_requests", "queue", "queue_timeout", "queue_when_down", "update_frequency", "drain_timeout", "replace_timeout")
	o.need("transparent", `transparent is missing: it says where requests may go`)
	section(o, "transparent", func(o *object) {
		o.need("allow", "allow is missing; nothing would be allowed")
		read(o, "allow", &spec.Discovery.Transparent.Allow, item.hosts)
		read(o, "allow_private", &spec.Discovery.Transparent.AllowPrivate, truth)
	})
}

// hosts reads patterns of hosts. What else is wrong with one is told when the
// upstream is made: see proxy/destination.
func (v item) hosts() (messages.List[string], bool) {
	items, ok := v.list(`a list of hosts such as ["*.example.com", "10.0.0.0/8"]`)
	if !ok {
		return messages.List[string]{}, false
	}
	if len(items) == 0 {
		v.hinted(`"*" allows every host`, "want at least one host; an empty list allows nothing")
	}
	hosts := make([]string, 0, len(items))
	for _, v := range items {
		s, ok := v.scalar("a host such as example.com, *.example.com or example.com:8443")
		if !ok {
			continue
		}
		_, rest, schemed := strings.Cut(s.text, "://")
		host, _, slashed := strings.Cut(s.text, "/")
		switch {
		case schemed:
			v.hinted(shorten(strings.TrimRight(rest, "/")), fmt.Sprintf("want a host, not the URL %s", quote(s.text)))
		case s.text == "" || hasBlank(s.text) || strings.ContainsAny(s.text, "?#@\\"):
			v.faultf("want a host such as example.com, *.example.com or example.com:8443, not %s", quote(s.text))
		case slashed && !isAddr(host):
			v.hinted(quote(host), fmt.Sprintf("want a host without a path, or a range such as 10.0.0.0/8, not %s", quote(s.text)))
		default:
			hosts = append(hosts, s.text)
		}
	}
	return messages.ListOf(hosts...), true
}

// printTransparent prints what transparent reads.
func printTransparent(p *printer, t messages.Transparent) {
	p = p.open("transparent")
	p.texts("allow", t.Allow.Slice())
	p.flag("allow_private", t.AllowPrivate)
}
