package socket

import (
	"bufio"
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/pires/go-proxyproto"

	"github.com/weirproxy/weir/messages"
)

func TestHeadersAreAsTheSpecificationHasThem(t *testing.T) {
	const signature = "\r\n\r\n\x00\r\nQUIT\n"
	four, four2, six := netip.MustParseAddrPort("192.0.2.1:1234"), netip.MustParseAddrPort("192.0.2.2:80"), netip.MustParseAddrPort("[2001:db8::1]:443")
	for _, tt := range []struct {
		name     string
		version  messages.ProxyProtocol
		from, to netip.AddrPort
		want     string
	}{
		{"1, IPv4", messages.ProxyV1, four, four2, "PROXY TCP4 192.0.2.1 192.0.2.2 1234 80\r\n"},
		{"1, IPv6", messages.ProxyV1, six, six, "PROXY TCP6 2001:db8::1 2001:db8::1 443 443\r\n"},
		{"1, mixed", messages.ProxyV1, four, six, "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::1 1234 443\r\n"},
		{"1, mapped", messages.ProxyV1, netip.MustParseAddrPort("[::ffff:192.0.2.1]:1234"), four2, "PROXY TCP4 192.0.2.1 192.0.2.2 1234 80\r\n"},
		{"1, unknown", messages.ProxyV1, netip.AddrPort{}, four2, "PROXY UNKNOWN\r\n"},
		{"2, IPv4", messages.ProxyV2, four, four2, signature + "\x21\x11\x00\x0c\xc0\x00\x02\x01\xc0\x00\x02\x02\x04\xd2\x00\x50"},
		{"2, IPv6", messages.ProxyV2, six, six, signature + "\x21\x21\x00\x24" + strings.Repeat("\x20\x01\x0d\xb8"+strings.Repeat("\x00", 11)+"\x01", 2) + "\x01\xbb\x01\xbb"},
		{"2, local", messages.ProxyV2, four, netip.AddrPort{}, signature + "\x20\x00\x00\x00"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got bytes.Buffer
			if err := WriteProxyHeader(&got, tt.version, tt.from, tt.to); err != nil || got.String() != tt.want {
				t.Errorf("got %q, %v, want %q", got.String(), err, tt.want)
			}
		})
	}
	if err := WriteProxyHeader(io.Discard, "v3", four, four2); err == nil {
		t.Error("there is a version 3")
	}
}

func TestHeadersReadAsTheyWereWritten(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	addr := func() netip.AddrPort {
		if rng.IntN(2) == 0 {
			return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(rng.IntN(256)), 0, 1}), uint16(rng.IntN(65536)))
		}
		return netip.AddrPortFrom(netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 15: byte(rng.IntN(256))}), uint16(rng.IntN(65536)))
	}
	for range 500 {
		from, to := addr(), addr()
		for _, version := range []messages.ProxyProtocol{messages.ProxyV1, messages.ProxyV2} {
			var text bytes.Buffer
			if err := WriteProxyHeader(&text, version, from, to); err != nil {
				t.Fatal(err)
			}
			h, err := proxyproto.Read(bufio.NewReader(&text))
			if err != nil {
				t.Fatalf("%s %s to %s: %v", version, from, to, err)
			}
			src := h.SourceAddr.(*net.TCPAddr).AddrPort()
			if netip.AddrPortFrom(src.Addr().Unmap(), src.Port()) != from {
				t.Errorf("%s: read %s, wrote %s", version, src, from)
			}
		}
	}
}

func TestWhoseHeaderIsBelieved(t *testing.T) {
	loopback, other := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	const header = "PROXY TCP4 192.0.2.1 192.0.2.2 1234 80\r\n"
	for _, tt := range []struct {
		name, sent string
		trusted    []netip.Prefix
		from       string // empty = its own
		got        string // empty = broken
	}{
		{"a trusted one's", header + "hello", loopback, "192.0.2.1:1234", "hello"},
		{"a trusted one without", "hello, without a header", loopback, "", ""},
		{"a stranger's", header + "hello", other, "", ""},
		{"a stranger without", "hello", other, "", "hello"},
		{"a check of the balancer's own", "PROXY UNKNOWN\r\nhello", loopback, "", "hello"},
		{"garbage", "PROXY TCP4 300.0.0.1 1 2 3\r\nhello", loopback, "", ""},
		{"version 2, too long", "\r\n\r\n\x00\r\nQUIT\n\x21\x11\xff\xffhello", loopback, "", ""},
		{"version 2, with much besides", "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x02\x0c\xc0\x00\x02\x01\xc0\x00\x02\x02\x04\xd2\x00\x50\x04\x01\xfd" + strings.Repeat("n", 509) + "hello", loopback, "192.0.2.1:1234", "hello"},
		{"somebody who only looks", "", loopback, "", ""},
		{"everybody's, on a socket that only friends open", header + "hello", nil, "192.0.2.1:1234", "hello"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inner, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			var refused []error
			l := AcceptProxy(inner, ProxyRules{Trusted: tt.trusted, Refused: func(_ net.Addr, err error) { refused = append(refused, err) }})
			defer l.Close()
			client, server := pair(t, l, func() (net.Conn, error) { return net.Dial("tcp", inner.Addr().String()) })
			if _, err := io.WriteString(client, tt.sent); err != nil {
				t.Fatal(err)
			}
			_ = client.(*net.TCPConn).CloseWrite()
			got, err := io.ReadAll(server)
			if told := tt.got == "" && tt.sent != ""; (len(refused) == 1) != told {
				t.Errorf("told of %v", refused)
			}
			if tt.got == "" {
				if err != nil || len(got) > 0 {
					t.Errorf("read %q, %v", got, err)
				}
				return
			}
			from := tt.from
			if from == "" {
				from = client.LocalAddr().String()
			}
			if string(got) != tt.got || err != nil || server.RemoteAddr().String() != from {
				t.Errorf("got %q from %s, %v", got, server.RemoteAddr(), err)
			}
		})
	}
}
