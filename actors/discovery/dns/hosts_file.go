package dns

import (
	"net/netip"
	"slices"
	"strings"
)

// hostsFile is what a hosts file says: addresses by name, lower case.
type hostsFile map[string][]netip.Addr

// parseHosts reads a hosts file. What is not understood is left out.
func parseHosts(text string) hostsFile {
	hosts := hostsFile{}
	for line := range strings.Lines(text) {
		if i := strings.IndexByte(line, '#'); i >= 0 {
			line = line[:i]
		}
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		addr, err := netip.ParseAddr(fields[0])
		if err != nil || !canBePeer(addr.Unmap()) {
			continue
		}
		for _, name := range fields[1:] {
			name = strings.ToLower(strings.TrimSuffix(name, "."))
			if !slices.Contains(hosts[name], addr.Unmap()) {
				hosts[name] = append(hosts[name], addr.Unmap())
			}
		}
	}
	return hosts
}

// canBePeer tells whether an address can be dialled and means one machine: an
// answer of 0.0.0.0 is how filters block names, and dialled it is this machine.
func canBePeer(addr netip.Addr) bool {
	linkLocalV6 := addr.Is6() && addr.IsLinkLocalUnicast() && addr.Zone() == ""
	return addr.IsValid() && !addr.IsUnspecified() && !addr.IsMulticast() && !linkLocalV6 &&
		addr != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}
