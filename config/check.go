package config

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"time"

	"github.com/weirproxy/weir/messages"
)

const (
	// minFrequency is the shortest time between two probes of a peer.
	minFrequency = 100 * time.Millisecond
	maxThreshold = 100
)

// check reads health_check: off, a URL, or a mapping.
func (v item) check() (messages.CheckSpec, bool) {
	if v.isMapping() {
		return v.checkObject()
	}
	s, ok := v.scalar("off, a URL such as http://api/healthz, or a mapping")
	if !ok {
		return messages.CheckSpec{}, false
	}
	if s.text == "off" {
		return defaultCheck(messages.CheckOff), true
	}
	return v.checkURL(s.text)
}

// checkObject reads the mapping form.
func (v item) checkObject() (messages.CheckSpec, bool) {
	o, ok := v.object("")
	if !ok {
		return messages.CheckSpec{}, false
	}
	before := len(v.r.faults)
	kind := string(messages.CheckTCP)
	read(o, "type", &kind, item.checkType)
	check := defaultCheck(messages.CheckKind(kind))
	read(o, "port", &check.Port, count(1, 65535))
	read(o, "check_frequency", &check.Frequency, someDuration(minFrequency))
	read(o, "unhealthy_interval", &check.UnhealthyFrequency, duration(minFrequency))
	read(o, "success", &check.Success, count(1, maxThreshold))
	read(o, "failure", &check.Failure, count(1, maxThreshold))
	read(o, "connection_timeout", &check.ConnectionTimeout, someDuration(time.Millisecond))
	if check.Kind == messages.CheckTCP {
		o.forbid("a tcp check only connects; this is for http and https", "type: http",
			"path", "host", "method", "headers", "status", "body", "read_timeout", "tls")
	} else {
		read(o, "read_timeout", &check.ReadTimeout, someDuration(time.Millisecond))
		o.httpCheck(&check)
	}
	o.close()
	return check, before == len(v.r.faults)
}

func (v item) checkType() (string, bool) {
	s, ok := v.scalar("one of tcp, http, https")
	if ok && s.text == "grpc" {
		v.fault("grpc checks are not in this version; want one of tcp, http, https")
		ok = false
	}
	if !ok {
		return "", false
	}
	return oneOf("tcp", "http", "https")(v)
}

// httpCheck reads the keys that only http and https checks have.
func (o *object) httpCheck(check *messages.CheckSpec) {
	h := &check.HTTP
	read(o, "path", &h.Path, item.checkPath)
	read(o, "host", &h.Host, item.hostHeader)
	read(o, "method", &h.Method, item.checkMethod)
	if v, ok := o.get("headers"); ok {
		h.Headers = messages.ListOf(v.fields(false, checkField)...)
	}
	read(o, "status", &h.Status, item.statuses)
	section(o, "body", func(body *object) {
		if h.Method == "HEAD" {
			body.fault("the response to a HEAD has no body to look at")
		}
		read(body, "contains", &h.BodyContains, remark)
		read(body, "matches", &h.BodyMatches, item.regexp)
	})
	if check.Kind != messages.CheckHTTPS {
		o.forbid("an http check has no TLS", "type: https", "tls")
		return
	}
	section(o, "tls", func(tls *object) {
		verify := true
		read(tls, "verify", &verify, truth)
		read(tls, "ca", &h.CA, filePath)
		h.SkipVerify = !verify
		if h.SkipVerify && h.CA != "" {
			tls.fault("ca has no meaning with verify: false")
		}
	})
}

// probeTLS has https probes of the peers' own port speak TLS as requests do, where the
// check does not say otherwise.
func (o *object) probeTLS(h *messages.HTTPCheck, t messages.PeerTLS) {
	if t.ServerName == "" {
		return
	}
	if t.ServerName != messages.HostServerName {
		h.ServerName = t.ServerName
	}
	h.ClientCert, h.ClientKey = t.ClientCert, t.ClientKey
	if _, own := o.r.origins.at[o.child("health_check").path+".tls"]; !own {
		h.CA, h.SkipVerify = t.CA, !t.VerifyCert
	}
}

func (v item) checkPath() (string, bool) {
	s, ok := v.scalar("a path such as /healthz")
	if !ok {
		return "", false
	}
	if problem := checkPathProblem(s.text); problem != "" {
		v.fault(problem)
		return "", false
	}
	return s.text, true
}

func checkPathProblem(path string) string {
	if !strings.HasPrefix(path, "/") || hasBlank(path) || strings.Contains(path, "#") {
		return fmt.Sprintf("want a path that begins with / and has no blank and no #, not %s", quote(path))
	}
	return ""
}

// hostHeader returns what may stand in a Host field: a name or an address, and
// a port if need be.
func (v item) hostHeader() (string, bool) {
	s, ok := v.scalar("a host name")
	if !ok {
		return "", false
	}
	if !isHostHeader(s.text) {
		v.faultf("want a host such as api.example.com, not %s", quote(s.text))
		return "", false
	}
	return s.text, true
}

func isHostHeader(text string) bool {
	host, _, problem, _ := splitAddr(text, 1)
	if problem != "" {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Zone() == "" || err != nil && isHostName(host)
}

func (v item) checkMethod() (string, bool) {
	s, ok := v.scalar("a method such as GET")
	if !ok {
		return "", false
	}
	if !isFieldName(s.text) || strings.ToUpper(s.text) != s.text || s.text == "CONNECT" {
		hint := ""
		if isFieldName(s.text) {
			hint = "methods are written in capitals; CONNECT is not taken"
		}
		v.hinted(hint, fmt.Sprintf("want a method such as GET or HEAD, not %s", quote(s.text)))
		return "", false
	}
	return s.text, true
}

// statuses returns a set of statuses, of a text or a list.
func (v item) statuses() (messages.StatusSet, bool) {
	items := []item{v}
	if v.isList() {
		items, _ = v.list("")
	}
	var texts []string
	for _, v := range items {
		s, ok := v.scalar("statuses such as 200, 2xx or 200-299")
		if !ok {
			return messages.StatusSet{}, false
		}
		if _, err := messages.ParseStatusSet(s.text); err != nil {
			v.fault(err.Error())
			return messages.StatusSet{}, false
		}
		texts = append(texts, s.text)
	}
	set, err := messages.ParseStatusSet(strings.Join(texts, ","))
	if err != nil {
		v.fault("want at least one status")
	}
	return set, err == nil
}

// regexp returns a regular expression that compiles.
func (v item) regexp() (string, bool) {
	s, ok := v.scalar("a regular expression")
	if !ok {
		return "", false
	}
	if _, ok := v.compile(s.text); !ok || s.text == "" {
		if ok {
			v.fault("the regular expression is empty")
		}
		return "", false
	}
	return s.text, true
}

// compile notes a fault when a pattern is no regular expression.
func (v item) compile(pattern string) (*regexp.Regexp, bool) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		v.hinted("the syntax is RE2: no look-around, no back-references",
			"bad regular expression: "+shorten(strings.TrimPrefix(err.Error(), "error parsing regexp: ")))
		return nil, false
	}
	return re, true
}
