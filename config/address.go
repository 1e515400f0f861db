package config

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/weirproxy/weir/messages"
)

// maxTier is the highest tier of a peer.
const maxTier = 100

// peerForm says how a peer is written.
type peerForm struct {
	kind messages.DiscoveryKind
	port int // of an address that names none
}

// peers returns a parser of addrs.
func peers(form peerForm) func(item) ([]messages.PeerSpec, bool) {
	return func(v item) ([]messages.PeerSpec, bool) {
		items, ok := v.list("a list of " + wantPeer(form.kind))
		if !ok {
			return nil, false
		}
		if len(items) == 0 {
			v.fault("want at least one peer")
			return nil, false
		}
		list := make([]messages.PeerSpec, 0, len(items))
		first := make(map[string]item, len(items))
		for _, v := range items {
			p, ok := v.peer(form)
			if !ok {
				continue
			}
			if other, twice := first[p.Addr]; twice {
				v.warn(fmt.Sprintf("%s is the same address as %s: it is one peer, the weights add up", p.Addr, other.path))
			} else {
				first[p.Addr] = v
			}
			list = append(list, p)
		}
		return list, true
	}
}

// peer reads one of addrs, a text or a mapping.
func (v item) peer(form peerForm) (messages.PeerSpec, bool) {
	if v.isMapping() {
		return v.peerObject(form)
	}
	p := messages.PeerSpec{Weight: defaultWeight}
	s, ok := v.scalar(wantPeer(form.kind) + ", or a mapping")
	if !ok {
		return p, false
	}
	fields := strings.Fields(s.text)
	if len(fields) == 0 || len(fields) > 2 {
		v.faultf("want %s, not %s", wantPeer(form.kind), quote(s.text))
		return p, false
	}
	if p.Addr, ok = v.peerAddr(form, fields[0]); !ok {
		return p, false
	}
	v.noteAs(v.path + ".addr")
	if len(fields) == 1 {
		return p, true
	}
	weight, err := strconv.Atoi(fields[1])
	switch {
	case form.kind == messages.DiscoverDNS && isService(p.Addr):
		v.fault(recordsDecide)
		return p, false
	case err != nil || weight < 1 || weight > messages.MaxWeight:
		v.faultf("want a weight from 1 to %d, not %s", messages.MaxWeight, quote(fields[1]))
		return p, false
	}
	p.Weight = weight
	v.noteAs(v.path + ".weight")
	return p, true
}

// recordsDecide is what a service name does not take.
const recordsDecide = "the SRV records of a service say weight and tier (their priority)"

// peerObject reads {addr, weight, tier}.
func (v item) peerObject(form peerForm) (messages.PeerSpec, bool) {
	p := messages.PeerSpec{Weight: defaultWeight}
	o, ok := v.object("")
	if !ok {
		return p, false
	}
	o.need("addr", "addr is missing")
	before := len(v.r.faults)
	read(o, "addr", &p.Addr, func(v item) (string, bool) {
		s, ok := v.scalar("an address such as 10.0.0.1:8080")
		if !ok {
			return "", false
		}
		return v.peerAddr(form, s.text)
	})
	if form.kind == messages.DiscoverDNS && isService(p.Addr) {
		o.forbid(recordsDecide, "", "weight", "tier")
	} else {
		read(o, "weight", &p.Weight, count(1, messages.MaxWeight))
		read(o, "tier", &p.Tier, count(0, maxTier))
	}
	o.close()
	return p, p.Addr != "" && before == len(v.r.faults)
}

// peerAddr returns the address of a peer in its one form.
func (v item) peerAddr(form peerForm, text string) (string, bool) {
	addr, problem, hint := parseAddr(form, text)
	if problem != "" {
		v.hinted(hint, problem)
		return "", false
	}
	return addr, true
}

// parsePeerAddr checks HOST:PORT, or HOST alone for the port fallback.
func parsePeerAddr(text string, fallback int) (addr, problem, hint string) {
	if scheme, rest, found := strings.Cut(text, "://"); found {
		return "", fmt.Sprintf("want HOST:PORT without %s://", shorten(scheme)), shorten(strings.Trim(rest[strings.LastIndexByte(rest, '@')+1:], "/"))
	}
	if strings.ContainsAny(text, "/?#@") {
		return "", fmt.Sprintf("want HOST:PORT, not %s", quote(text)), "a path belongs into a route or into health_check"
	}
	host, port, problem, hint := splitAddr(text, 1)
	if problem != "" {
		return "", problem, hint
	}
	if port < 0 {
		port = fallback
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case host == "":
		return "", fmt.Sprintf("%s has no host", quote(text)), "localhost" + text
	case err == nil && ip.IsUnspecified():
		return "", fmt.Sprintf("%s means every address, not one peer", host), "127.0.0.1, or the address that the peer has"
	case err == nil && (ip.IsMulticast() || ip.Unmap() == netip.AddrFrom4([4]byte{255, 255, 255, 255})):
		return "", fmt.Sprintf("%s is a multicast or broadcast address, not one peer", host), ""
	case err == nil:
		return joinAddr(ip.Unmap().String(), port), "", ""
	case !isHostName(host):
		return "", fmt.Sprintf("%s is neither an IP address nor a host name", quote(host)), ""
	}
	return joinAddr(strings.ToLower(host), port), "", ""
}

// splitAddr splits HOST:PORT; the port is -1 when there is none, and at least
// low. Brackets are taken off an IPv6 address.
func splitAddr(text string, low int) (host string, port int, problem, hint string) {
	if ip, err := netip.ParseAddr(text); err == nil && ip.Is6() {
		hint = `"[` + text + `]:80"`
		colon := strings.LastIndexByte(text, ':')
		if _, err := netip.ParseAddr(text[:colon]); err == nil {
			hint = `"[` + text[:colon] + `]` + text[colon:] + `" or ` + hint
		}
		return "", 0, fmt.Sprintf("%s is not clear: an IPv6 address stands in brackets", quote(text)), hint
	}
	host, number, found := text, "", false
	if colon := strings.LastIndexByte(text, ':'); colon > strings.LastIndexByte(text, ']') {
		host, number, found = text[:colon], text[colon+1:], true
	}
	if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		host = host[1 : len(host)-1]
		if ip, err := netip.ParseAddr(host); err != nil || !ip.Is6() {
			return "", 0, fmt.Sprintf("%s is not an IPv6 address", quote(host)), ""
		}
	} else if strings.Contains(host, ":") {
		return "", 0, fmt.Sprintf("want HOST:PORT, not %s", quote(text)), `an IPv6 address stands in brackets: "[::1]:80"`
	}
	if !found {
		return host, -1, "", ""
	}
	port, err := strconv.Atoi(number)
	if err != nil || port < low || port > 65535 || number[0] == '+' {
		return "", 0, fmt.Sprintf("want a port from %d to 65535, not %s", low, quote(number)), ""
	}
	return host, port, "", ""
}

func joinAddr(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }

func isAddr(host string) bool { _, err := netip.ParseAddr(host); return err == nil }

// isHostName tells whether host may be a DNS name. One that ends in a number
// is none (it is a mistyped IPv4 address).
func isHostName(host string) bool {
	name := strings.TrimSuffix(host, ".")
	if name == "" || len(name) > 253 {
		return false
	}
	label := ""
	for label = range strings.SplitSeq(name, ".") {
		if !isName(label) || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
	}
	return strings.Trim(label, "0123456789") != ""
}
