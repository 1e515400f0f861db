package config

import (
	"strconv"
	"time"

	"github.com/weirproxy/weir/messages"
)

// Effective returns every value in force as YAML, each with a comment that says
// where it comes from: a line of the file, environment variables, or the
// default. Secrets are left out. Parsing it gives an equal Desired.
func (c *Config) Effective() string {
	p := newPrinter(c.origins)
	p.comment("Every value in force, and where it comes from.")
	for i, file := range c.Files {
		if i > 0 {
			p.comment("included: " + fileText(file))
		}
	}
	list := p.open("listeners")
	for i, l := range c.Listeners {
		l.printTo(list.element(i))
	}
	printNamed(p, "routes", c.Desired.Routes, func(s messages.RouteSpec) string { return s.Name }, printRoute)
	printNamed(p, "upstreams", c.Desired.Upstreams, func(s messages.UpstreamSpec) string { return s.Name },
		func(p *printer, s messages.UpstreamSpec) {
			printUpstream(p, s)
			if remark, ok := c.remarks[s.Name]; ok {
				p.text("remark", remark)
			}
		})
	c.printSettings(p)
	return p.String()
}

func printNamed[T any](p *printer, key string, list messages.List[T], name func(T) string, write func(*printer, T)) {
	if list.Len() == 0 {
		p.plain(key, "{}")
		return
	}
	section := p.open(key)
	for _, spec := range list.All() {
		write(section.open(name(spec)), spec)
	}
}

func printUpstream(p *printer, s messages.UpstreamSpec) {
	printDiscovery(p, s.Discovery)
	if s.Discovery.Kind == messages.DiscoverTransparent {
		printTransparent(p, s.Discovery.Transparent)
	} else {
		printPeers(p, s)
	}
	printRetry(p, s.Retry)
	printTransport(p, s)
}

// printPeers prints what is about the peers of an upstream.
func printPeers(p *printer, s messages.UpstreamSpec) {
	addrs := p.open("addrs")
	for i, peer := range s.Addrs.All() {
		element := addrs.element(i)
		element.text("addr", peer.Addr)
		if s.Discovery.Kind == messages.DiscoverDNS && isService(peer.Addr) {
			element.absent("weight", "as the record says")
			continue
		}
		element.count("weight", peer.Weight)
		element.count("tier", peer.Tier)
	}
	p.text("algo", s.Algo.String())
	printCheck(p, s.Check)
	p.count("max_requests", s.Limits.MaxRequests)
	p.count("queue", s.Limits.Queue)
	p.duration("queue_timeout", s.Limits.QueueTimeout)
	p.flag("queue_when_down", s.Limits.QueueWhenDown)
	p.duration("drain_timeout", s.DrainTimeout)
	p.duration("replace_timeout", s.ReplaceTimeout)
}

func printDiscovery(p *printer, d messages.Discovery) {
	p.plain("discovery", string(d.Kind))
	if d.Kind == messages.DiscoverDocker {
		return
	}
	if d.Kind != messages.DiscoverTransparent {
		p.duration("update_frequency", d.UpdateFrequency)
	}
	p.flag("ipv4_only", d.IPv4Only)
}

func printCheck(p *printer, c messages.CheckSpec) {
	if c.Kind == messages.CheckOff {
		p.plain("health_check", "off")
		return
	}
	p = p.open("health_check")
	p.plain("type", string(c.Kind))
	p.duration("check_frequency", c.Frequency)
	p.duration("unhealthy_interval", c.UnhealthyFrequency)
	p.count("success", c.Success)
	p.count("failure", c.Failure)
	p.duration("connection_timeout", c.ConnectionTimeout)
	if c.Port == 0 {
		p.absent("port", "the peer's own")
	} else {
		p.count("port", c.Port)
	}
	if c.Kind == messages.CheckTCP {
		return
	}
	p.duration("read_timeout", c.ReadTimeout)
	p.text("method", c.HTTP.Method)
	p.text("path", c.HTTP.Path)
	p.optional("host", c.HTTP.Host, "the peer's address")
	p.optional("status", c.HTTP.Status.String(), "200-399")
	p.fields("headers", c.HTTP.Headers)
	if c.HTTP.BodyContains != "" || c.HTTP.BodyMatches != "" {
		body := p.open("body")
		body.optional("contains", c.HTTP.BodyContains, "anything")
		body.optional("matches", c.HTTP.BodyMatches, "anything")
	} else {
		p.absent("body", "not looked at")
	}
	if c.Kind == messages.CheckHTTPS {
		tls := p.open("tls")
		tls.flag("verify", !c.HTTP.SkipVerify)
		tls.optional("ca", c.HTTP.CA, "the system's")
	}
}

func printRetry(p *printer, r messages.RetrySpec) {
	p = p.open("retry")
	p.count("attempts", r.Attempts)
	var on []string
	if r.OnTimeout {
		on = append(on, retryTimeout)
	}
	if !r.Statuses.Empty() {
		on = append(on, r.Statuses.String())
	}
	p.texts("on", on)
	p.plain("budget", strconv.Itoa(r.BudgetPercent)+"%")
	p.count("budget_per_second", r.BudgetPerSecond)
}

func printRoute(p *printer, s messages.RouteSpec) {
	host := s.Host
	if host == "" {
		host = "*"
	}
	p.text("host", host)
	p.text("path", pathText(s.Path))
	p.count("priority", s.Priority)
	p.plain("max_body", sizeText(s.MaxBody))
	p.count("max_requests", s.MaxRequests)
	if s.Redirect.To != "" {
		redirect := p.open("redirect")
		redirect.text("to", s.Redirect.To)
		redirect.count("status", s.Redirect.Status)
	}
	if s.Upstream == "" {
		return
	}
	if s.Redirect.To == "" {
		p.absent("redirect", "off")
	}
	p.text("upstream", s.Upstream)
	p.duration("timeout", s.Timeout)
	p.text("host_header", s.HostHeader)
	p.text("strip_prefix", s.StripPrefix)
	if s.Rewrite.Pattern == "" {
		p.absent("rewrite", "off")
	} else {
		rewrite := p.open("rewrite")
		rewrite.text("match", s.Rewrite.Pattern)
		rewrite.text("to", s.Rewrite.To)
	}
	printOps(p, "request_headers", s.RequestHeaders)
	printOps(p, "response_headers", s.ResponseHeaders)
	if s.Retry == nil {
		p.absent("retry", "as the upstream has it")
	} else {
		printRetry(p, *s.Retry)
	}
}

func printOps(p *printer, key string, ops messages.HeaderOps) {
	p = p.open(key)
	p.fields("set", ops.Set)
	p.fields("add", ops.Add)
	p.texts("remove", ops.Remove.Slice())
}

func pathText(rule messages.PathRule) string {
	switch rule.Kind {
	case messages.PathPrefix:
		return rule.Value
	case messages.PathExact:
		return "=" + rule.Value
	case messages.PathRegexp:
		return "~" + rule.Value
	case messages.PathAny:
	}
	return "/"
}

// count, flag, duration and optional print one value.

func (p *printer) count(key string, n int) { p.plain(key, strconv.Itoa(n)) }

func (p *printer) flag(key string, b bool) { p.plain(key, strconv.FormatBool(b)) }

func (p *printer) duration(key string, d time.Duration) { p.plain(key, durationText(d)) }

func (p *printer) optional(key, value, absent string) {
	if value == "" {
		p.absent(key, absent)
		return
	}
	p.text(key, value)
}
