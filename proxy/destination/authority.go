package destination

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Authority is a host and a port in their one form: a name in lower case without
// a dot at its end, or an address. Only ParseAuthority makes one, so that what
// reaches a resolver has been checked. The zero Authority is nowhere. It can be
// compared and be a key.
type Authority struct {
	name string
	addr netip.Addr
	port uint16
}

// ParseAuthority reads a Host field or :authority (RFC 9110, 7.2): a name, an IPv4
// address or an IPv6 address in brackets, and a port if it has one; else
// defaultPort, 80 or 443. The error is ErrBadHost.
//
// It is stricter than RFC 3986, 3.2: a host that another program may read in
// another way is refused. User information, percent-encoding, zones, bytes beyond
// ASCII (an IDN comes as xn--) and a port that is empty, 0 or begins with a 0 are
// not taken; nor is anything that ends in a number and is no IPv4 address in four
// plain decimals, because C libraries read "127.1", "0x7f.1" and "2130706433" as
// 127.0.0.1. A v4-mapped address is the IPv4 address in it.
//
// The name may share memory with text.
func ParseAuthority(text string, defaultPort uint16) (Authority, error) {
	a, fault := parseAuthority(text, defaultPort)
	if fault != "" {
		return Authority{}, fmt.Errorf("%w %s: %s", ErrBadHost, quote(text), fault)
	}
	return a, nil
}

// parseAuthority is ParseAuthority with a fault in words; "" = none.
func parseAuthority(text string, defaultPort uint16) (a Authority, fault string) {
	host, port := text, ""
	if strings.HasPrefix(text, "[") {
		end := strings.IndexByte(text, ']')
		if end < 0 {
			return a, "has no closing bracket"
		}
		host, port = text[:end+1], text[end+1:]
	} else if colon := strings.IndexByte(text, ':'); colon >= 0 {
		host, port = text[:colon], text[colon:]
	}
	a.port = defaultPort
	if port != "" {
		var ok bool
		if a.port, ok = parsePort(port[1:]); !ok || port[0] != ':' {
			return a, "want a port of 1 to 65535 after the host, and an IPv6 address in brackets"
		}
	}
	if a.port == 0 {
		return a, "has no port"
	}
	a.name, a.addr, fault = parseHost(host)
	return a, fault
}

// parseHost reads a name or an address; an IPv6 address is in brackets.
func parseHost(host string) (name string, addr netip.Addr, fault string) {
	if strings.HasPrefix(host, "[") {
		addr, fault = parseIPv6(host[1 : len(host)-1])
		return "", addr, fault
	}
	if endsInNumber(host) {
		addr, err := netip.ParseAddr(host)
		if err != nil || !addr.Is4() {
			return "", netip.Addr{}, "ends in a number and is no IPv4 address (such as 192.0.2.1)"
		}
		return "", addr, ""
	}
	name, fault = parseName(host)
	return name, addr, fault
}

// parseIPv6 reads what stands in brackets.
func parseIPv6(text string) (addr netip.Addr, fault string) {
	if strings.IndexByte(text, '%') >= 0 {
		return addr, "has a zone"
	}
	addr, err := netip.ParseAddr(text)
	if err != nil || !addr.Is6() {
		return netip.Addr{}, "has no IPv6 address in its brackets"
	}
	return addr.Unmap(), ""
}

// parsePort reads 1 to 65535 in plain decimals.
func parsePort(text string) (port uint16, ok bool) {
	if text == "" || len(text) > 5 || text[0] == '0' {
		return 0, false
	}
	n := 0
	for i := range len(text) {
		if !isDigit(text[i]) {
			return 0, false
		}
		n = n*10 + int(text[i]-'0')
	}
	return uint16(n), n <= 65535
}

// Name returns the name, or "" of an address.
func (a Authority) Name() string { return a.name }

// Addr returns the address; it is not valid when there is a name.
func (a Authority) Addr() netip.Addr { return a.addr }

// Port returns the port, 1 to 65535; 0 only of the zero Authority.
func (a Authority) Port() uint16 { return a.port }

// String returns "name:port", "192.0.2.1:port" or "[2001:db8::1]:port".
func (a Authority) String() string {
	if a.addr.IsValid() {
		return netip.AddrPortFrom(a.addr, a.port).String()
	}
	return a.name + ":" + strconv.Itoa(int(a.port))
}

// quote returns text for an error: quoted, and cut when it is long.
func quote(text string) string {
	const most = 80
	if len(text) > most {
		return strconv.QuoteToASCII(text[:most]) + "..."
	}
	return strconv.QuoteToASCII(text)
}
