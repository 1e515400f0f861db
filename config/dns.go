package config

import (
	"fmt"
	"net/netip"
	"time"
)

const (
	dnsPort        = 53
	maxDNSServers  = 16
	maxDNSAttempts = 10
	minDNSTimeout  = 10 * time.Millisecond
)

// dns reads how names are looked up.
func (o *object) dns(cfg *DNS) {
	read(o, "servers", &cfg.Servers, item.dnsServers)
	read(o, "max_stale", &cfg.MaxStale, duration(time.Second))
	read(o, "timeout", &cfg.Timeout, duration(minDNSTimeout))
	read(o, "attempts", &cfg.Attempts, count(0, maxDNSAttempts))
}

// dnsServers returns ADDRESS:PORT. A name would have to be looked up itself.
func (v item) dnsServers() ([]string, bool) {
	items, ok := v.list(`a list such as ["10.0.0.53:53"]`)
	if !ok {
		return nil, false
	}
	if len(items) > maxDNSServers {
		v.faultf("want at most %d servers, not %d", maxDNSServers, len(items))
		return nil, false
	}
	before := len(v.r.faults)
	var servers []string
	seen := map[string]bool{}
	for _, v := range items {
		s, ok := v.scalar("an address such as 10.0.0.53:53")
		if !ok {
			continue
		}
		server, problem, hint := dnsServer(s.text)
		if problem == "" && seen[server] {
			problem = server + " is here twice"
		}
		if problem != "" {
			v.hinted(hint, problem)
			continue
		}
		seen[server] = true
		servers = append(servers, server)
	}
	return servers, before == len(v.r.faults)
}

func dnsServer(text string) (server, problem, hint string) {
	if ip, err := netip.ParseAddr(text); err == nil { // without a port, IPv6 too
		return joinAddr(ip.Unmap().String(), dnsPort), "", ""
	}
	host, port, problem, hint := splitAddr(text, 1)
	if problem != "" {
		return "", problem, hint
	}
	if port < 0 {
		port = dnsPort
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || ip.IsUnspecified() || ip.IsMulticast() {
		return "", fmt.Sprintf("want the IP address of a DNS server, not %s", quote(text)), ""
	}
	return joinAddr(ip.Unmap().String(), port), "", ""
}
