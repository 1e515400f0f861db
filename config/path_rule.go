package config

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/weirproxy/weir/messages"
)

// pathRule reads the path of a route: a prefix, "=" and an exact path, or "~"
// and a regular expression.
func (v item) pathRule() (messages.PathRule, bool) {
	s, ok := v.scalar("a path such as /v1/")
	if !ok {
		return messages.PathRule{}, false
	}
	rule := messages.PathRule{Kind: messages.PathPrefix, Value: s.text}
	if value, found := strings.CutPrefix(s.text, "="); found {
		rule = messages.PathRule{Kind: messages.PathExact, Value: value}
	} else if value, found := strings.CutPrefix(s.text, "~"); found {
		rule = messages.PathRule{Kind: messages.PathRegexp, Value: value}
		_, ok := v.compile(value)
		if ok && value == "" {
			v.fault("the regular expression is empty")
			ok = false
		}
		return rule, ok
	}
	if problem, hint := pathProblem(rule.Value); problem != "" {
		v.hinted(hint, problem)
		return rule, false
	}
	if rule.Kind == messages.PathPrefix && rule.Value == "/" {
		return messages.PathRule{}, true // the zero rule, which means the same
	}
	return rule, true
}

// pathProblem says why a path cannot be one that a request has, or nothing.
func pathProblem(path string) (problem, hint string) {
	switch {
	case !strings.HasPrefix(path, "/"):
		hint := ""
		if path != "" && !hasBlank(path) && !strings.Contains(path, "://") {
			hint = `"/` + shorten(path) + `"`
		}
		return fmt.Sprintf("want a path that begins with /, =/ or ~, not %s", quote(path)), hint
	case hasBlank(path) || strings.ContainsAny(path, "?#"):
		return fmt.Sprintf("a path has no blank, no ? and no #: %s", quote(path)), "they are written %20, %3F, %23"
	case strings.ContainsFunc(path, func(r rune) bool { return r > 0x7e }):
		return fmt.Sprintf("a path has no characters beyond ASCII: %s", quote(path)), (&url.URL{Path: path}).EscapedPath()
	}
	plain, err := url.PathUnescape(path)
	if err != nil || strings.ContainsRune(plain, 0) {
		return fmt.Sprintf("a %% in a path begins an escape such as %%20: %s", quote(path)), ""
	}
	for segment := range strings.FieldsFuncSeq(plain, func(r rune) bool { return r == '/' || r == '\\' }) {
		if segment, _, _ = strings.Cut(segment, ";"); segment == "." || segment == ".." {
			return fmt.Sprintf("a path that routes match on has no dot segments: %s", quote(path)), ""
		}
	}
	return "", ""
}

// plainPath returns the one form of a path in which two that match the same
// are equal: escapes of unreserved bytes undone and the others in upper case
// (RFC 3986, 6.2.2), a run of slashes as one.
func plainPath(path string) string {
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c == '%' && i+2 < len(path) {
			escape := strings.ToUpper(path[i : i+3])
			if plain, err := url.PathUnescape(escape); err == nil && isUnreserved(plain[0]) {
				escape = plain
			}
			b.WriteString(escape)
			i += 2
			continue
		}
		if c == '/' && i > 0 && path[i-1] == '/' {
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

func isUnreserved(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

// ruleKey is equal for rules that match the same.
func ruleKey(rule messages.PathRule) string {
	switch rule.Kind {
	case messages.PathExact:
		return "=" + plainPath(rule.Value)
	case messages.PathRegexp:
		return "~" + rule.Value
	}
	return strings.TrimRight(plainPath(rule.Value), "/")
}
