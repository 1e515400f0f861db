package dns

import (
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// resolvConf is what a resolv.conf says; see resolv.conf(5).
type resolvConf struct {
	servers []string // ADDRESS:53
	search  []string // without a dot at the end, lower case
	ndots   int
	// timeout and attempts are 0 when the file does not say.
	timeout  time.Duration
	attempts int
	rotate   bool
}

const (
	maxSearch   = 16
	maxNdots    = 15
	maxTimeout  = 30
	maxAttempts = 10
)

// parseResolvConf reads a resolv.conf. As everywhere, what is not understood is
// left out; without a server the one on this machine is asked.
func parseResolvConf(text string) resolvConf {
	conf := resolvConf{ndots: 1}
	for line := range strings.Lines(text) {
		if i := strings.IndexAny(line, "#;"); i >= 0 {
			line = line[:i]
		}
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		switch fields[0] {
		case "nameserver":
			if addr, err := netip.ParseAddr(fields[1]); err == nil && len(conf.servers) < maxServers {
				conf.servers = append(conf.servers, netip.AddrPortFrom(addr, 53).String())
			}
		case "domain":
			conf.search = searchList(fields[1:2])
		case "search":
			conf.search = searchList(fields[1:])
		case "options":
			conf.options(fields[1:])
		}
	}
	if len(conf.servers) == 0 {
		conf.servers = []string{"127.0.0.1:53", "[::1]:53"}
	}
	return conf
}

func searchList(domains []string) []string {
	var list []string
	for _, d := range domains {
		d = strings.ToLower(strings.Trim(d, "."))
		if d != "" && len(list) < maxSearch {
			list = append(list, d)
		}
	}
	return list
}

func (c *resolvConf) options(options []string) {
	for _, option := range options {
		key, value, _ := strings.Cut(option, ":")
		n, err := strconv.Atoi(value)
		switch {
		case option == "rotate":
			c.rotate = true
		case err != nil || n < 0:
		case key == "ndots":
			c.ndots = min(n, maxNdots)
		case key == "timeout" && n > 0:
			c.timeout = time.Duration(min(n, maxTimeout)) * time.Second
		case key == "attempts" && n > 0:
			c.attempts = min(n, maxAttempts)
		}
	}
}

// candidates returns the full names (with a dot at the end) that name may mean,
// in the order in which they are asked.
func (s settings) candidates(name string) []string {
	if strings.HasSuffix(name, ".") {
		return []string{name}
	}
	full := name + "."
	if len(s.search) == 0 {
		return []string{full}
	}
	var list []string
	for _, domain := range s.search {
		if candidate := name + "." + domain + "."; len(candidate) <= 254 {
			list = append(list, candidate)
		}
	}
	if strings.Count(name, ".") >= s.ndots {
		return append([]string{full}, list...)
	}
	return append(list, full)
}
