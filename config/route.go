package config

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/weirproxy/weir/messages"
)

const maxPriority = 1_000_000

// route reads a value under routes. Faults are noted; what has one keeps its
// default.
func (v item) route(name string) messages.RouteSpec {
	spec := defaultRoute(name)
	o, ok := v.object("a mapping such as {path: /, upstream: web}")
	if !ok {
		return spec
	}
	read(o, "host", &spec.Host, item.routeHost)
	read(o, "path", &spec.Path, item.pathRule)
	read(o, "priority", &spec.Priority, count(-maxPriority, maxPriority))
	read(o, "upstream", &spec.Upstream, upstreamName)
	read(o, "redirect", &spec.Redirect, item.redirect)
	read(o, "max_body", &spec.MaxBody, size)
	read(o, "max_requests", &spec.MaxRequests, count(0, maxInFlight))
	switch {
	case o.has("redirect") && o.has("upstream"):
		if to := spec.Redirect.To; to != "" && !strings.HasPrefix(to, "https://") {
			o.child("redirect").hinted("redirect: https sends those who come without TLS there, and the upstream serves the others; or leave one of them out",
				"the route has an upstream, so its redirect is for those who come without TLS; want one to https")
		}
		o.forwarding(&spec)
	case o.has("redirect"):
		o.forbid("a redirect answers by itself; this is for routes with an upstream", "", "timeout", "host_header", "strip_prefix",
			"rewrite", "request_headers", "response_headers", "retry")
	default:
		o.need("upstream", "upstream is missing (or redirect)")
		o.forwarding(&spec)
	}
	o.close()
	return spec
}

// forwarding reads the keys that only routes with an upstream have.
func (o *object) forwarding(spec *messages.RouteSpec) {
	read(o, "timeout", &spec.Timeout, duration(time.Millisecond))
	read(o, "host_header", &spec.HostHeader, func(v item) (string, bool) {
		s, ok := v.scalar("keep, peer or a host")
		if ok && s.text != "keep" && s.text != "peer" && !isHostHeader(s.text) {
			v.faultf("want keep, peer or a host such as api.example.com, not %s", quote(s.text))
			return "", false
		}
		return s.text, ok
	})
	read(o, "strip_prefix", &spec.StripPrefix, func(v item) (string, bool) {
		s, ok := v.scalar("a path such as /v1")
		if !ok || s.text == "" {
			return "", ok
		}
		if problem, hint := pathProblem(s.text); problem != "" {
			v.hinted(hint, problem)
			return "", false
		}
		return s.text, true
	})
	read(o, "rewrite", &spec.Rewrite, item.rewrite)
	read(o, "request_headers", &spec.RequestHeaders, item.headerOps)
	read(o, "response_headers", &spec.ResponseHeaders, item.headerOps)
	if v, ok := o.get("retry"); ok {
		if retry, ok := v.retry(); ok {
			spec.Retry = &retry
		}
	}
}

func upstreamName(v item) (string, bool) {
	s, ok := v.scalar("the name of an upstream")
	if ok && !isName(s.text) {
		v.faultf("want the name of an upstream (%s), not %s", wantName, quote(s.text))
		return "", false
	}
	return s.text, ok
}

// routeHost returns the host of a route in its one form: a name, "*." and a
// name, or nothing for any ("*" in the file).
func (v item) routeHost() (string, bool) {
	s, ok := v.scalar("a host such as api.example.com")
	if !ok || s.text == "*" {
		return "", ok
	}
	name, wild := strings.CutPrefix(s.text, "*.")
	host, port, problem, hint := splitAddr(name, 0)
	ip, err := netip.ParseAddr(host)
	switch {
	case problem != "":
	case port >= 0:
		problem, hint = fmt.Sprintf("want a host without a port, not %s", quote(s.text)), shorten(host)
	case err == nil && (wild || ip.Zone() != ""), err != nil && !isHostName(host):
		problem = fmt.Sprintf(`want a host such as api.example.com, "*.example.com", or "*" for any, not %s`, quote(s.text))
	}
	if problem != "" {
		v.hinted(hint, problem)
		return "", false
	}
	return strings.ToLower(strings.TrimSuffix(s.text, ".")), true
}

// checkRoutes looks at the routes of a file together, as far as they have no
// fault by themselves.
func checkRoutes(routes []definition[messages.RouteSpec], upstreams []definition[messages.UpstreamSpec], listeners []Listener) {
	byName := make(map[string]messages.UpstreamSpec, len(upstreams))
	for _, u := range upstreams {
		byName[u.name] = u.spec
	}
	first := make(map[string]entry, len(routes))
	for _, route := range routes {
		if !route.sound {
			continue
		}
		rule := fmt.Sprintf("%d %s %s", route.spec.Priority, route.spec.Host, ruleKey(route.spec.Path))
		if other, twice := first[rule]; twice {
			route.report(startOf(route.key), fmt.Sprintf("the route has the same host, path and priority as %s in %s",
				other.name, other.seenFrom(route.doc)), "change one of them, or its priority")
			continue
		}
		first[rule] = route.entry
		upstream, there := byName[route.spec.Upstream]
		if name := route.spec.Upstream; name != "" && !there {
			route.child("upstream").warn(fmt.Sprintf("there is no upstream %s; the route answers 503 no_upstream until there is", name))
		}
		if addr := firstSocket(upstream.Addrs); addr != "" && route.spec.HostHeader == "peer" {
			route.child("host_header").hinted("keep, or a host", fmt.Sprintf("the peer %s of %s is a unix socket, which has no host", addr, upstream.Name))
		}
		checkRedirect(route, listeners)
	}
}

// checkRedirect warns of redirects to https that some requests never get past.
func checkRedirect(route definition[messages.RouteSpec], listeners []Listener) {
	tls, told := false, false
	for _, l := range listeners {
		tls = tls || l.TLS.On()
		told = told || len(l.TrustedProxies) > 0 // they may say X-Forwarded-Proto: https
	}
	to, upstream := route.spec.Redirect.To, route.spec.Upstream
	switch {
	case to == "":
	case upstream != "" && !tls && !told:
		route.child("redirect").warn("no listener has tls, and none trusts a proxy to say that a client came over it: every request is redirected, " +
			"and the upstream " + upstream + " gets none")
	case upstream == "" && tls && staysAtHost(to):
		route.child("redirect").warn("a request that comes over TLS is where this leads already, and gets 404 no_route; an upstream beside the redirect would serve it")
	}
}
