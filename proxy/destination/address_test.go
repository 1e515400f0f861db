package destination

import (
	"net/netip"
	"strings"
	"testing"
)

// The words of the table below: open to all, with allow_private, and never.
const (
	open     = "open"
	personal = "private"
	closed   = "closed"
)

func TestForbidden(t *testing.T) {
	for _, c := range []struct{ want, addrs string }{
		// The first and the last of each range of the registries, and the neighbours.
		{closed, "0.0.0.0 0.0.0.1 0.255.255.255"}, {open, "1.0.0.0 1.1.1.1 8.8.8.8"},
		{open, "9.255.255.255 11.0.0.0"}, {personal, "10.0.0.0 10.1.2.3 10.255.255.255"},
		{open, "100.63.255.255 100.128.0.0"}, {personal, "100.64.0.0 100.127.255.255 100.100.100.199 100.100.100.201"}, {closed, "100.100.100.200"},
		{open, "126.255.255.255 128.0.0.0"}, {personal, "127.0.0.0 127.0.0.1 127.255.255.255"},
		{open, "168.63.129.15 168.63.129.17"}, {closed, "168.63.129.16"},
		{open, "169.253.255.255 169.255.0.0"}, {closed, "169.254.0.0 169.254.169.254 169.254.255.255"},
		{open, "172.15.255.255 172.32.0.0"}, {personal, "172.16.0.0 172.31.255.255"},
		{open, "191.255.255.255 192.0.1.0 192.0.3.0"}, {closed, "192.0.0.0 192.0.0.9 192.0.0.10 192.0.0.170 192.0.0.192 192.0.0.255 192.0.2.0 192.0.2.255"},
		{open, "192.31.195.255 192.31.197.0 192.52.192.255 192.52.194.0"}, {closed, "192.31.196.0 192.31.196.255 192.52.193.0 192.52.193.255"},
		{open, "192.88.98.255 192.88.100.0 192.167.255.255 192.169.0.0"}, {closed, "192.88.99.0 192.88.99.1 192.88.99.255"}, {personal, "192.168.0.0 192.168.255.255"},
		{open, "192.175.47.255 192.175.49.0 198.17.255.255 198.20.0.0"}, {closed, "192.175.48.0 192.175.48.255 198.18.0.0 198.19.255.255"},
		{open, "198.51.99.255 198.51.101.0 203.0.112.255 203.0.114.0"}, {closed, "198.51.100.0 198.51.100.255 203.0.113.0 203.0.113.255"},
		{open, "223.255.255.255"}, {closed, "224.0.0.0 224.0.0.1 239.255.255.255 240.0.0.0 255.255.255.254 255.255.255.255"},

		{closed, ":: ::2 ::1:0 ::ffff 0:0:0:0:0:1::"}, {personal, "::1"},
		{closed, "::7f00:1 ::8.8.8.8 ::10.0.0.1 ::ffff:0:8.8.8.8 ::fffe:8.8.8.8"}, // v4-compatible, v4-translated
		{open, "::ffff:8.8.8.8 ::ffff:1.1.1.1"}, {personal, "::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:192.168.0.1 ::ffff:100.64.0.1"},
		{closed, "::ffff:0.0.0.0 ::ffff:169.254.169.254 ::ffff:224.0.0.1 ::ffff:255.255.255.255 ::ffff:192.0.2.1"},
		{open, "64:ff9b::8.8.8.8 64:ff9b::1.1.1.1"},
		{closed, "64:ff9b::127.0.0.1 64:ff9b::10.0.0.1 64:ff9b::169.254.169.254 64:ff9b::0.0.0.0 64:ff9b::255.255.255.255 64:ff9b::192.168.1.1 64:ff9b::168.63.129.16"},
		{closed, "64:ff9b:0:0:0:1:808:808 64:ff9b:1:: 64:ff9b:1::8.8.8.8 64:ff9b:1:ffff:ffff:ffff:ffff:ffff 64:ff9b:2::1 64:ff9a::1"},
		{closed, "100:: 100::1 100::ffff:ffff:ffff:ffff 100:0:0:1:: 100:0:0:1::1 100:0:0:2:: 1fff:ffff::"},
		{open, "2000:: 2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
		{closed, "2001:: 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:0:ffff:: 2001:1::1 2001:1::2 2001:1::3 2001:2:: 2001:3:: 2001:4:112:: 2001:5:: 2001:10:: 2001:20:: 2001:2f:: 2001:30:: 2001:1ff:ffff::"},
		{open, "2001:200:: 2001:4860:4860::8888 2001:db7:ffff:: 2001:db9::"}, {closed, "2001:db8:: 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"},
		{open, "2001:ffff:: 2003::"}, {closed, "2002:: 2002:808:808::1 2002:7f00:1:: 2002:a00:1::1 2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
		{open, "2606:4700:4700::1111 2620:4f:7fff:: 2620:4f:8001::"}, {closed, "2620:4f:8000:: 2620:4f:8000:ffff::"},
		{open, "3ffe:ffff:: 3fff:1000:: 3fff:ffff:ffff::"}, {closed, "3fff:: 3fff:fff:ffff:: 4000:: 5eff:: 5f00:: 5f00:ffff:: 5f01:: 8000:: c000:: f000:: fbff:ffff::"},
		{personal, "fc00:: fc00::1 fd00::1 fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff fd00:42::41 fd00:42::43 fd20:ce::1 fd00:ec1:: fd00:ec3::"},
		{closed, "fd00:ec2::254 fd00:ec2::23 fd00:ec2::253 fd20:ce::254 fd00:42::42"},
		{closed, "fe00:: fe7f:ffff:: fe80:: fe80::1 fe80::a9fe:a9fe febf:ffff:: fec0:: fec0::1 feff:ffff:: ff00:: ff02::1 ff0e::1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
		{closed, "2600::5efe:127.0.0.1 2600::200:5efe:10.0.0.1 2600::5efe:169.254.169.254 2001:db8::5efe:8.8.8.8 fd00:ec2::5efe:8.8.8.8 fe80::5efe:8.8.8.8"}, // ISATAP
		{open, "2600::5efe:8.8.8.8 2600::200:5efe:8.8.8.8 2600::100:5efe:127.0.0.1 2600::1:5efe:127.0.0.1 2600:5efe::127.0.0.1"},
		{personal, "fd00::5efe:8.8.8.8"},
		{closed, "fe80::1%eth0 2606:4700::1%eth0 ::1%1 fd00::1%lo ::ffff:8.8.8.8%eth0"},
	} {
		for text := range strings.FieldsSeq(c.addrs) {
			t.Run(text+" is "+c.want, func(t *testing.T) {
				addr := netip.MustParseAddr(text)
				for allowPrivate, want := range map[bool]bool{false: c.want != open, true: c.want == closed} {
					reason, bad := Forbidden(addr, allowPrivate)
					if bad != want || bad != (reason != "") {
						t.Errorf("with allow_private %t: got %q, %t; want %t", allowPrivate, reason, bad, want)
					}
				}
			})
		}
	}
	if _, bad := Forbidden(netip.Addr{}, true); !bad {
		t.Error("the zero Addr is not forbidden")
	}
}

// What the standard library knows of an address never is more than what Forbidden knows.
func FuzzForbidden(f *testing.F) {
	for _, seed := range []string{"10.0.0.1", "8.8.8.8", "::1", "::ffff:127.0.0.1", "64:ff9b::a00:1", "2600::1", "fe80::1", "ff02::1"} {
		f.Add(netip.MustParseAddr(seed).AsSlice())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		addr, ok := netip.AddrFromSlice(b)
		if !ok {
			return
		}
		_, bad := Forbidden(addr, false)
		_, badAnyway := Forbidden(addr, true)
		inner := addr.Unmap()
		if badAnyway && !bad {
			t.Fatalf("%v is open only without allow_private", addr)
		}
		if !bad && (!inner.IsGlobalUnicast() || inner.IsPrivate()) {
			t.Fatalf("%v is not forbidden", addr)
		}
		if !badAnyway && (!inner.IsGlobalUnicast() && !inner.IsLoopback()) {
			t.Fatalf("%v is not forbidden with allow_private", addr)
		}
		if _, again := Forbidden(inner, false); again != bad {
			t.Fatalf("%v and %v differ", addr, inner)
		}
	})
}
