package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/weirproxy/weir/messages"
)

// redirect reads a Location, or {to, status}.
func (v item) redirect() (messages.Redirect, bool) {
	redirect := messages.Redirect{Status: defaultRedirectStatus}
	if !v.isMapping() {
		to, ok := v.location()
		redirect.To = to
		if ok {
			v.noteAs(v.path + ".to")
		}
		return redirect, ok
	}
	o, ok := v.object("")
	if !ok {
		return redirect, false
	}
	before := len(v.r.faults)
	o.need("to", "to is missing")
	read(o, "to", &redirect.To, item.location)
	read(o, "status", &redirect.Status, func(v item) (int, bool) {
		status, ok := count(300, 399)(v)
		switch status {
		case 301, 302, 303, 307, 308:
			return status, ok
		}
		if ok {
			v.faultf("want 301, 302, 303, 307 or 308, not %d", status)
		}
		return 0, false
	})
	o.close()
	return redirect, before == len(v.r.faults)
}

// location returns where a redirect leads.
func (v item) location() (string, bool) {
	s, ok := v.scalar("https, another place to redirect to, or a mapping of to and status")
	if !ok {
		return "", false
	}
	to, problem, hint := overTLS(s.text)
	if to == "" && problem == "" {
		to = s.text
		problem, hint = locationProblem(to)
	}
	if problem != "" {
		v.hinted(hint, problem)
		return "", false
	}
	return to, true
}

// tlsScheme is the short form of a redirect to the same place over TLS.
const tlsScheme = "https"

// overTLS returns what https and https:PORT stand for, or nothing for what is neither.
func overTLS(text string) (to, problem, hint string) {
	number, ported := strings.CutPrefix(text, tlsScheme+":")
	switch {
	case text == tlsScheme:
		return "https://{host}{uri}", "", ""
	case !ported || strings.HasPrefix(number, "/"):
		return "", "", ""
	}
	_, port, problem, _ := splitAddr("x:"+number, 1)
	switch {
	case problem != "":
		return "", problem, tlsScheme + ":8443, or https://HOST/PATH"
	case port == tlsPort:
		return "https://{host}{uri}", "", ""
	}
	return "https://{host}:" + strconv.Itoa(port) + "{uri}", "", ""
}

// staysAtHost tells whether a redirect leads to the same host and path over TLS:
// who comes over TLS is there already.
func staysAtHost(to string) bool {
	rest, ok := strings.CutPrefix(to, "https://{host}")
	rest = strings.TrimLeft(rest, ":0123456789")
	return ok && (rest == "{uri}" || rest == "{path}" || rest == "{path}?{query}")
}

func locationProblem(to string) (problem, hint string) {
	known := []string{"{host}", "{path}", "{query}", "{uri}"}
	rest := to
	for {
		open := strings.IndexAny(rest, "{}")
		if open < 0 {
			break
		}
		end := strings.IndexByte(rest[open:], '}') + 1
		if rest[open] == '}' || end == 0 {
			return fmt.Sprintf("a brace belongs to no placeholder: %s", quote(to)), "placeholders: " + strings.Join(known, ", ")
		}
		placeholder := rest[open : open+end]
		if !contains(known, placeholder) {
			hint = "placeholders: " + strings.Join(known, ", ")
			if best := closest(placeholder, known); best != "" {
				hint = "did you mean " + best + "?"
			}
			return fmt.Sprintf("unknown placeholder %s", quote(placeholder)), hint
		}
		rest = rest[open+end:]
	}
	switch {
	case hasBlank(to):
		return fmt.Sprintf("a location has no blanks: %s", quote(to)), ""
	case !strings.HasPrefix(to, "/") && !strings.HasPrefix(to, "{path}") && !strings.HasPrefix(to, "{uri}") &&
		!strings.HasPrefix(to, "http://") && !strings.HasPrefix(to, "https://"):
		return fmt.Sprintf("want a location that begins with http://, https:// or /, not %s", quote(to)), `https, which is "https://{host}{uri}"`
	}
	return "", ""
}

func contains(list []string, text string) bool {
	for _, s := range list {
		if s == text {
			return true
		}
	}
	return false
}

// rewrite reads "REGEXP REPLACEMENT", or {match, to}.
func (v item) rewrite() (messages.Rewrite, bool) {
	if v.isMapping() {
		return v.rewriteObject()
	}
	const want = `"REGEXP REPLACEMENT", or a mapping of match and to`
	s, ok := v.scalar(want)
	if !ok {
		return messages.Rewrite{}, false
	}
	parts := strings.Fields(s.text)
	if len(parts) != 2 {
		v.hinted(`with a blank in it: {match: "...", to: "..."}`, fmt.Sprintf("want %s, not %s", want, quote(s.text)))
		return messages.Rewrite{}, false
	}
	rewrite := messages.Rewrite{Pattern: parts[0], To: parts[1]}
	v.noteAs(v.path + ".match")
	v.noteAs(v.path + ".to")
	re, ok := v.compile(rewrite.Pattern)
	return rewrite, ok && v.replacement(re, rewrite.To)
}

func (v item) rewriteObject() (messages.Rewrite, bool) {
	var rewrite messages.Rewrite
	o, ok := v.object("")
	if !ok {
		return rewrite, false
	}
	before := len(v.r.faults)
	for _, key := range []string{"match", "to"} {
		o.need(key, key+" is missing")
	}
	read(o, "match", &rewrite.Pattern, item.regexp)
	if to, ok := o.get("to"); ok {
		s, ok := to.scalar("a path, in which $1 is the first group")
		if re, err := regexp.Compile(rewrite.Pattern); ok && err == nil && rewrite.Pattern != "" {
			to.replacement(re, s.text)
		}
		rewrite.To = s.text
	}
	o.close()
	return rewrite, before == len(v.r.faults)
}

// reference is how Regexp.Expand reads a "$": a name as long as can be, or one
// in braces.
func reference() *regexp.Regexp { return regexp.MustCompile(`\$(\$|\w+|\{\w*\}?)?`) }

// replacement notes what is wrong with the replacement of a rewrite. A group
// that does not exist would become nothing without a word.
func (v item) replacement(re *regexp.Regexp, to string) bool {
	if hasBlank(to) || strings.ContainsAny(to, "?#") {
		v.faultf("the replacement is a path: no blank, no ? and no #: %s", quote(to))
		return false
	}
	for _, match := range reference().FindAllString(to, -1) {
		if match == "$$" {
			continue
		}
		name := strings.Trim(match, "${}")
		if name != "" && (contains(re.SubexpNames(), name) || isGroupNumber(name, re.NumSubexp())) {
			continue
		}
		hint := "$$ is a $ that is meant as it is"
		digits := len(name) - len(strings.TrimLeft(name, "0123456789"))
		if digits > 0 && digits < len(name) {
			hint = fmt.Sprintf("write $${%s}%s: braces end the number, and the first $ keeps it from being a variable", name[:digits], name[digits:])
		}
		v.hinted(hint, fmt.Sprintf("%s names no group of the regular expression, which has %d", quote(match), re.NumSubexp()))
		return false
	}
	return true
}

func isGroupNumber(name string, groups int) bool {
	n := 0
	for _, r := range name {
		if r < '0' || r > '9' || n > groups {
			return false
		}
		n = n*10 + int(r-'0')
	}
	return n <= groups
}
