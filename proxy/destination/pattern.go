package destination

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Pattern says which hosts a transparent upstream may send requests to:
//
//	example.com      this name
//	*.example.com    every name below it, however deep; not example.com itself
//	192.0.2.1        this address, when the Host is the address and not a name
//	[2001:db8::1]    likewise; the brackets may be left out when no port follows
//	198.51.0.0/16    the addresses of a range, likewise
//	*                every name and every address
//
// with ":PORT" after it for one port, with ":*" for all ports, and without either
// for the ports 80 and 443: who allows a host means its web sites, not its
// database. An address stays forbidden when Forbidden says so, whatever allows it.
//
// Only ParsePattern makes one. The zero Pattern allows nothing. Patterns can be compared.
type Pattern struct {
	kind    patternKind
	name    string
	prefix  netip.Prefix // an address has all its bits
	port    uint16       // 0 = 80 and 443, or all
	anyPort bool
}

type patternKind int

const (
	noHost patternKind = iota
	exactName
	suffixName
	addressRange
	anyHost
)

// ParsePattern reads a pattern. The error is ErrBadPattern and says what to write.
func ParsePattern(text string) (Pattern, error) {
	p, fault := parsePattern(text)
	if fault != "" {
		return Pattern{}, fmt.Errorf("%w %s: %s", ErrBadPattern, quote(text), fault)
	}
	return p, nil
}

func parsePattern(text string) (p Pattern, fault string) {
	if strings.Contains(text, "://") {
		return p, "is a URL; want a host such as example.com or example.com:8443"
	}
	host, port := cutPort(text)
	switch {
	case port == "":
	case port == ":*":
		p.anyPort = true
	default:
		var ok bool
		if p.port, ok = parsePort(port[1:]); !ok {
			return Pattern{}, "want a port of 1 to 65535, or * for all ports"
		}
	}
	return p, p.parseHost(host)
}

// cutPort cuts ":port" off the end. A colon within brackets or within an IPv6
// address that stands alone is none of a port.
func cutPort(text string) (host, port string) {
	from := 0
	if bracket := strings.LastIndexByte(text, ']'); bracket >= 0 {
		from = bracket
	} else if slash := strings.IndexByte(text, '/'); slash >= 0 {
		from = slash
	} else if strings.Count(text, ":") > 1 {
		return text, ""
	}
	if colon := strings.IndexByte(text[from:], ':'); colon >= 0 {
		return text[:from+colon], text[from+colon:]
	}
	return text, ""
}

func (p *Pattern) parseHost(host string) (fault string) {
	switch {
	case host == "":
		return `is empty; want a host, or "*" for every host`
	case host == "*":
		p.kind = anyHost
		return ""
	case strings.HasPrefix(host, "."):
		return `begins with a dot; want "*.` + strings.Trim(host, ".") + `" for the names below, and the name itself besides`
	case strings.IndexByte(host, '/') >= 0:
		p.kind = addressRange
		p.prefix, fault = parseRange(host)
		return fault
	}
	rest, wild := strings.CutPrefix(host, "*.")
	if strings.IndexByte(rest, '*') >= 0 {
		return `has a * where none can be; want "*", or "*." and a name`
	}
	if wild {
		p.kind = suffixName
		p.name, fault = parseName(rest)
		return fault
	}
	return p.parseOne(host)
}

// parseOne reads one name or one address.
func (p *Pattern) parseOne(host string) (fault string) {
	switch {
	case host[0] == '[' && host[len(host)-1] != ']':
		return "want an IPv6 address as [ADDRESS] or [ADDRESS]:PORT"
	case host[0] != '[' && strings.IndexByte(host, ':') >= 0:
		host = "[" + host + "]"
	}
	name, addr, fault := parseHost(host)
	if fault != "" {
		return fault
	}
	p.kind, p.name = exactName, name
	if addr.IsValid() {
		p.kind, p.prefix = addressRange, netip.PrefixFrom(addr, addr.BitLen())
	}
	return ""
}

func parseRange(text string) (prefix netip.Prefix, fault string) {
	if strings.IndexByte(text, '[') >= 0 {
		return prefix, "is a range in brackets; want it without, such as 2001:db8::/32 or 2001:db8::/32:8443"
	}
	prefix, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return netip.Prefix{}, "is no range; want ADDRESS/BITS, such as 198.51.0.0/16"
	case prefix.Addr().Is4In6():
		return netip.Prefix{}, "is a range of IPv4 addresses in IPv6 form; write it as IPv4"
	case prefix != prefix.Masked():
		return netip.Prefix{}, "has bits beyond its length; did you mean " + prefix.Masked().String() + "?"
	}
	return prefix, ""
}

// Vain tells whether p can never lead anywhere, and why: it is a range of which
// all addresses are forbidden. That is an error in a configuration.
func (p Pattern) Vain(allowPrivate bool) (reason string, vain bool) {
	if p.kind != addressRange {
		return "", false
	}
	s := examine(p.prefix.Addr())
	return s.reason, s.class.forbidden(allowPrivate) && s.bits <= p.prefix.Bits()
}

// String returns the pattern in its one form; ParsePattern reads it. That of the
// zero Pattern is "".
func (p Pattern) String() string {
	var host string
	switch p.kind {
	case noHost:
		return ""
	case anyHost:
		host = "*"
	case exactName:
		host = p.name
	case suffixName:
		host = "*." + p.name
	case addressRange:
		host = p.prefix.String()
		if p.prefix.IsSingleIP() {
			host = p.prefix.Addr().String()
			if p.prefix.Addr().Is6() {
				host = "[" + host + "]"
			}
		}
	}
	switch {
	case p.anyPort:
		return host + ":*"
	case p.port != 0:
		return host + ":" + strconv.Itoa(int(p.port))
	}
	return host
}
