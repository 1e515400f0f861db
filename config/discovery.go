package config

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/weirproxy/weir/messages"
)

// minUpdate is the shortest time between two lookups: as a TTL is clamped.
const minUpdate = time.Second

// discovery reads where the peers of an upstream come from, all but addrs. It
// tells whether the kind is good.
func (o *object) discovery(d *messages.Discovery) bool {
	sound := true
	read(o, "discovery", &d.Kind, func(v item) (kind messages.DiscoveryKind, ok bool) {
		kind, ok = v.discoveryKind()
		sound = ok
		return kind, ok
	})
	if d.Kind == messages.DiscoverDocker {
		o.forbid("Docker says by itself when containers change, and which address they have", "",
			"update_frequency", "ipv4_only")
		return sound
	}
	if d.Kind != messages.DiscoverTransparent {
		read(o, "update_frequency", &d.UpdateFrequency, duration(minUpdate))
	}
	read(o, "ipv4_only", &d.IPv4Only, truth)
	return sound
}

func (v item) discoveryKind() (messages.DiscoveryKind, bool) {
	kind, ok := oneOf(string(messages.DiscoverStatic), string(messages.DiscoverDNS), string(messages.DiscoverDocker),
		string(messages.DiscoverTransparent))(v)
	if !ok {
		kind = string(messages.DiscoverStatic)
	}
	return messages.DiscoveryKind(kind), ok
}

// checkDiscovery looks at discovery and addrs together.
func (o *object) checkDiscovery(spec messages.UpstreamSpec) {
	if spec.Discovery.Kind != messages.DiscoverStatic || spec.Addrs.Len() == 0 {
		return
	}
	names := 0
	for _, p := range spec.Addrs.All() {
		if isSocket(p.Addr) {
			continue
		}
		host, _, _, _ := splitAddr(p.Addr, 1)
		ip, err := netip.ParseAddr(host)
		if err != nil {
			names++
		} else if spec.Discovery.IPv4Only && ip.Is6() {
			o.child("ipv4_only").fault(p.Addr + " is an IPv6 address, which ipv4_only leaves out")
		}
	}
	if names > 0 {
		return
	}
	const message = "this has no effect: no peer has a name to look up"
	if spec.Discovery.UpdateFrequency > 0 {
		o.child("update_frequency").warn(message)
	}
	if spec.Discovery.IPv4Only {
		o.child("ipv4_only").warn(message)
	}
}

// wantPeer says how a peer is written.
func wantPeer(kind messages.DiscoveryKind) string {
	switch kind {
	case messages.DiscoverDNS:
		return `"NAME:PORT", "NAME:PORT WEIGHT" or "_http._tcp.NAME"`
	case messages.DiscoverDocker:
		return `"LABEL", "LABEL=VALUE", "LABEL=VALUE:PORT", with " WEIGHT" or without`
	case messages.DiscoverStatic, messages.DiscoverTransparent:
	}
	return `"HOST:PORT", "HOST:PORT WEIGHT" or "unix:/path"`
}

// parseAddr returns the address of a peer in its one form.
func parseAddr(form peerForm, text string) (addr, problem, hint string) {
	service := isService(text)
	switch {
	case isSocket(text) && form.kind == messages.DiscoverStatic:
		return parseSocket(text)
	case isSocket(text) && form.kind == messages.DiscoverDNS, strings.HasPrefix(text, socketPrefix+"/"):
		return "", "a unix socket needs no lookup", "discovery: static takes unix:/path"
	case form.kind == messages.DiscoverDocker:
		return parseSelector(text)
	case service && form.kind == messages.DiscoverDNS:
		return parseService(text)
	case service:
		return "", "a service name such as " + quote(text) + " is looked up as SRV", "discovery: dns"
	}
	addr, problem, hint = parsePeerAddr(text, form.port)
	if form.kind != messages.DiscoverDNS || problem != "" {
		return addr, problem, hint
	}
	if host, _, _, _ := splitAddr(addr, 1); isAddr(host) {
		return "", host + " is an IP address, which needs no lookup", "discovery: static takes addresses and names"
	}
	return addr, "", ""
}

// isService tells whether text is meant as the name of a service (RFC 2782).
func isService(text string) bool {
	service, rest, _ := strings.Cut(text, ".")
	return strings.HasPrefix(service, "_") && strings.HasPrefix(rest, "_")
}

// parseService checks _SERVICE._tcp.NAME.
func parseService(text string) (addr, problem, hint string) {
	if name, _, found := strings.Cut(text, ":"); found {
		return "", "the SRV records of a service say the port", quote(name)
	}
	labels := strings.SplitN(text, ".", 3)
	switch {
	case !strings.EqualFold(labels[1], "_tcp"):
		return "", fmt.Sprintf("want a service over TCP such as _http._tcp.example.com, not %s", quote(text)), ""
	case len(labels) < 3 || labels[0] == "_" || !isHostName(text) || !isHostName(labels[2]):
		return "", fmt.Sprintf("%s is not the name of a service such as _http._tcp.example.com", quote(text)), ""
	}
	return strings.ToLower(text), "", ""
}

// parseSelector checks LABEL[=VALUE][:PORT]. What stands behind the last ":" is
// a port when it is a number, else it belongs to the value.
func parseSelector(text string) (addr, problem, hint string) {
	if text == "" || hasBlank(text) {
		return "", fmt.Sprintf("want a label such as app=web:8080, not %s", quote(text)), ""
	}
	selector, port := text, ""
	if colon := strings.LastIndexByte(text, ':'); colon >= 0 && strings.Trim(text[colon+1:], "0123456789") == "" {
		selector, port = text[:colon], text[colon+1:]
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return "", fmt.Sprintf("want a port from 1 to 65535, not %s", quote(port)), ""
		}
	}
	label, value, valued := strings.Cut(selector, "=")
	switch {
	case isAddr(label) && !valued, strings.HasPrefix(label, "["):
		return "", fmt.Sprintf("%s is an address, not a label", quote(label)), "discovery: static"
	case label == "" || strings.ContainsAny(label, `:/?#@"'`):
		return "", fmt.Sprintf("%s is not the name of a label", quote(label)), ""
	case valued && value == "":
		return "", fmt.Sprintf("the label %s has no value behind the =", quote(label)), quote(label) + " is any value"
	}
	return text, "", ""
}
