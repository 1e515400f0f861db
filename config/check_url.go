package config

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/weirproxy/weir/messages"
)

// The parameters of a health_check URL that are weir's. Others stay in the
// path's query.
const (
	paramFrequency = "check_frequency"
	paramSuccess   = "success"
	paramFailure   = "failure"
	paramConnect   = "connection_timeout"
	paramRead      = "read_timeout"
)

func urlParams() []string {
	return []string{paramFrequency, paramSuccess, paramFailure, paramConnect, paramRead}
}

// refusedParam says why a parameter is not taken although it is none of the
// peer's: it has a meaning in other proxies, or belongs into the mapping form.
func refusedParam(name string) string {
	switch name {
	case "service":
		return "grpc checks are not in this version"
	case "reuse", "parallel", "tls":
		return "there is no such switch here; each probe is on its own connection and none waits for another"
	case "port", "method", "status", "unhealthy_interval":
		return "this is a key of the mapping form: health_check: {type: http, " + name + ": ...}"
	case "timeout", "interval":
		return "want " + strings.Join(urlParams(), ", ")
	}
	return ""
}

// urlCheck is a health_check URL on the way to a CheckSpec.
type urlCheck struct {
	item
	spec   messages.CheckSpec
	failed bool
}

// checkURL reads the URL form.
func (v item) checkURL(text string) (messages.CheckSpec, bool) {
	c := urlCheck{item: v}
	scheme, rest, found := strings.Cut(text, "://")
	switch scheme {
	case "tcp", "http", "https":
	case "grpc", "grpcs":
		v.fault("grpc checks are not in this version; want tcp://, http:// or https://")
		return c.spec, false
	default:
		found = false
	}
	if !found || hasBlank(text) || strings.Contains(rest, "#") {
		v.faultf("want off or a URL such as http://api/healthz or tcp://api, not %s", quote(text))
		return c.spec, false
	}
	c.spec = defaultCheck(messages.CheckKind(scheme))
	v.noteAs(v.path + ".type")
	authority, target := rest, ""
	if at := strings.IndexAny(rest, "/?"); at >= 0 {
		authority, target = rest[:at], rest[at:]
	}
	c.host(authority)
	path, query, _ := strings.Cut(target, "?")
	query = c.params(query)
	c.target(path, query)
	return c.spec, !c.failed
}

func (c *urlCheck) bad(hint, format string, args ...any) {
	c.hinted(hint, fmt.Sprintf(format, args...))
	c.failed = true
}

// host takes the host of the URL, which is the Host header and nothing else.
func (c *urlCheck) host(authority string) {
	if strings.Contains(authority, "@") {
		c.bad("the mapping form has headers", "a health_check URL has no user and password")
		return
	}
	if authority == "" {
		return
	}
	host, port, problem, _ := splitAddr(authority, 0)
	switch {
	case problem != "" || !isHostHeader(authority) && port <= 0:
		c.bad("", "want a host name in the URL, not %s", quote(authority))
	case port >= 0:
		c.bad(fmt.Sprintf("health_check: {type: %s, port: %d, ...}", c.spec.Kind, port),
			"the host of the URL is only the Host header, the peer's own port is probed; use port: for another one")
	case c.spec.Kind != messages.CheckTCP:
		c.spec.HTTP.Host = host
		if strings.HasPrefix(authority, "[") {
			c.spec.HTTP.Host = authority
		}
		c.noteAs(c.path + ".host")
	}
}

// params takes weir's parameters out of the query and returns the rest.
func (c *urlCheck) params(query string) string {
	var rest []string
	seen := map[string]bool{}
	for param := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(param, "=")
		if plain, err := url.QueryUnescape(name); err == nil {
			name = plain
		}
		switch reason := refusedParam(name); {
		case isURLParam(name):
			if seen[name] {
				c.bad("", "the parameter %s is here twice", name)
			}
			seen[name] = true
			c.param(name, value)
		case reason != "":
			c.bad("if the peer wants it, use the mapping form with path:", "parameter %s: %s", name, reason)
		case closeParam(name) != "":
			c.bad("did you mean "+closeParam(name)+"? if the peer wants it as it is, use the mapping form with path:",
				"unknown parameter %s", quote(name))
		case param != "":
			rest = append(rest, param)
		}
	}
	return strings.Join(rest, "&")
}

func isURLParam(name string) bool {
	for _, param := range urlParams() {
		if name == param {
			return true
		}
	}
	return false
}

// closeParam returns the parameter that name is most likely meant to be.
func closeParam(name string) string {
	for _, param := range urlParams() {
		if len(name) >= 5 && strings.HasPrefix(param, strings.ToLower(name)) {
			return param
		}
	}
	return closest(name, urlParams())
}

func (c *urlCheck) param(name, value string) {
	plain, err := url.QueryUnescape(value)
	if err != nil {
		c.bad("", "parameter %s: %s is badly escaped", name, quote(value))
		return
	}
	switch name {
	case paramFrequency:
		c.duration(name, plain, minFrequency, &c.spec.Frequency)
	case paramConnect:
		c.duration(name, plain, time.Millisecond, &c.spec.ConnectionTimeout)
	case paramRead:
		if c.spec.Kind == messages.CheckTCP {
			c.bad("use "+paramConnect, "parameter %s: a tcp check only connects", name)
			return
		}
		c.duration(name, plain, time.Millisecond, &c.spec.ReadTimeout)
	case paramSuccess:
		c.threshold(name, plain, &c.spec.Success)
	case paramFailure:
		c.threshold(name, plain, &c.spec.Failure)
	}
	c.noteAs(join(c.path, name))
}

func (c *urlCheck) duration(name, value string, low time.Duration, into *time.Duration) {
	d, problem, hint := parseDuration(value, low, false)
	if problem != "" {
		c.bad(hint, "parameter %s: %s", name, problem)
		return
	}
	*into = d
}

func (c *urlCheck) threshold(name, value string, into *int) {
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > maxThreshold {
		c.bad("", "parameter %s: want a whole number from 1 to %d, not %s", name, maxThreshold, quote(value))
		return
	}
	*into = n
}

// target takes what is left of path and query.
func (c *urlCheck) target(path, query string) {
	if c.spec.Kind == messages.CheckTCP {
		if path != "" && path != "/" || query != "" {
			c.bad("use http:// for a check that asks for a path", "a tcp check only connects; it has no path and no query")
		}
		return
	}
	if path == "" {
		path = "/"
	}
	if query != "" {
		path += "?" + query
	}
	c.spec.HTTP.Path = path
	c.noteAs(c.path + ".path")
}
