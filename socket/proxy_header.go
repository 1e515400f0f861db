package socket

import (
	"fmt"
	"io"
	"net"
	"net/netip"

	"github.com/pires/go-proxyproto"

	"github.com/weirproxy/weir/messages"
)

// WriteProxyHeader writes, in one piece, the header of the PROXY protocol that
// says where a connection really comes from and where it went. When either is not
// known (the zero AddrPort) it says that the connection is for its sender's own
// (UNKNOWN in version 1, LOCAL in version 2). If one address is IPv4 and the other
// IPv6, both are given as IPv6.
func WriteProxyHeader(w io.Writer, version messages.ProxyProtocol, from, to netip.AddrPort) error {
	var text []byte
	switch version {
	case messages.ProxyV1:
		text = []byte(proxyLine(from, to))
	case messages.ProxyV2:
		var err error
		if text, err = proxyBlock(from, to); err != nil {
			return fmt.Errorf("make a PROXY header from %s to %s: %w", from, to, err)
		}
	default:
		return fmt.Errorf("make a PROXY header: no version %q", version)
	}
	_, err := w.Write(text)
	return err
}

// sameFamily returns both addresses in one family, and whether that is IPv4.
func sameFamily(from, to netip.AddrPort) (src, dst netip.AddrPort, v4 bool) {
	a, b := from.Addr().Unmap().WithZone(""), to.Addr().Unmap().WithZone("")
	if v4 = a.Is4() && b.Is4(); !v4 {
		a, b = netip.AddrFrom16(a.As16()), netip.AddrFrom16(b.As16())
	}
	return netip.AddrPortFrom(a, from.Port()), netip.AddrPortFrom(b, to.Port()), v4
}

// proxyLine is a header of version 1 (specification, 2.1).
func proxyLine(from, to netip.AddrPort) string {
	if !from.IsValid() || !to.IsValid() {
		return "PROXY UNKNOWN\r\n"
	}
	src, dst, v4 := sameFamily(from, to)
	family := "TCP6"
	if v4 {
		family = "TCP4"
	}
	return fmt.Sprintf("PROXY %s %s %s %d %d\r\n", family, src.Addr(), dst.Addr(), src.Port(), dst.Port())
}

// proxyBlock is a header of version 2 (specification, 2.2).
func proxyBlock(from, to netip.AddrPort) ([]byte, error) {
	h := &proxyproto.Header{Version: 2, Command: proxyproto.LOCAL, TransportProtocol: proxyproto.UNSPEC}
	if from.IsValid() && to.IsValid() {
		src, dst, v4 := sameFamily(from, to)
		h.Command, h.TransportProtocol = proxyproto.PROXY, proxyproto.TCPv6
		if v4 {
			h.TransportProtocol = proxyproto.TCPv4
		}
		h.SourceAddr, h.DestinationAddr = net.TCPAddrFromAddrPort(src), net.TCPAddrFromAddrPort(dst)
	}
	return h.Format()
}
