package docker

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/weirproxy/weir/messages"
)

// upstreamName returns the upstream that labels ask for; empty = none.
func upstreamName(labels map[string]string) (string, error) {
	switch value := labels[labelEnable]; {
	case strings.EqualFold(value, "false"):
		return "", nil
	case !enabled(labels):
		return "", fmt.Errorf("label %s: want true or false, not %q", labelEnable, shorten(value))
	}
	name, found := labels[labelUpstream]
	switch {
	case !found:
		return "", fmt.Errorf("label %s is missing: it names the upstream that the container is a peer of", labelUpstream)
	case !validName.MatchString(name):
		return "", fmt.Errorf("label %s: want 1 to 63 of A-Z a-z 0-9 _ -, not %q", labelUpstream, shorten(name))
	}
	return name, nil
}

// routeFrom returns the route that labels ask for; nil = none.
func routeFrom(name string, labels map[string]string) (*LabelledRoute, error) {
	host, hasHost := labels[labelHost]
	path, hasPath := labels[labelPath]
	if !hasHost && !hasPath {
		return nil, nil
	}
	route := &LabelledRoute{Name: name, Upstream: name}
	var err error
	if hasHost {
		if route.Host, err = routeHost(host); err != nil {
			return nil, fmt.Errorf("label %s: %w", labelHost, err)
		}
	}
	if hasPath {
		if route.Path, err = routePath(path); err != nil {
			return nil, fmt.Errorf("label %s: %w", labelPath, err)
		}
	}
	return route, nil
}

// hostForm is a DNS name or an IPv4 address; for routes on IPv6 addresses
// there is the file.
var hostForm = regexp.MustCompile(`^(\*\.)?[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$`)

func routeHost(text string) (string, error) {
	host := strings.TrimSuffix(strings.ToLower(text), ".")
	if len(host) > 253 || !hostForm.MatchString(host) {
		return "", fmt.Errorf("want a host such as api.example.com or *.example.com, without a port, not %q", shorten(text))
	}
	return host, nil
}

// longestPath bounds what labels may write as a path.
const longestPath = 1024

var errEmptyPattern = errors.New("the regular expression behind ~ is empty")

// routePath reads a prefix, = and an exact path, or ~ and a regular expression (RE2).
func routePath(text string) (messages.PathRule, error) {
	rule := messages.PathRule{Kind: messages.PathPrefix, Value: text}
	if len(text) > longestPath {
		return messages.PathRule{}, fmt.Errorf("want at most %d bytes, not %d", longestPath, len(text))
	}
	if pattern, found := strings.CutPrefix(text, "~"); found {
		if pattern == "" {
			return messages.PathRule{}, errEmptyPattern
		}
		if _, err := regexp.Compile(pattern); err != nil {
			return messages.PathRule{}, err
		}
		return messages.PathRule{Kind: messages.PathRegexp, Value: pattern}, nil
	}
	if exact, found := strings.CutPrefix(text, "="); found {
		rule = messages.PathRule{Kind: messages.PathExact, Value: exact}
	}
	if !plainPath(rule.Value) {
		return messages.PathRule{}, fmt.Errorf("want a path that begins with /, =/ or ~, of printable ASCII, without blanks, ?, # and dot segments, not %q", shorten(text))
	}
	if rule == (messages.PathRule{Kind: messages.PathPrefix, Value: "/"}) {
		return messages.PathRule{}, nil
	}
	return rule, nil
}

// plainPath tells whether a request may have that path.
func plainPath(path string) bool {
	strange := func(r rune) bool { return r <= ' ' || r > '~' || r == '?' || r == '#' }
	if !strings.HasPrefix(path, "/") || strings.ContainsFunc(path, strange) {
		return false
	}
	plain, err := url.PathUnescape(path)
	if err != nil || strings.ContainsRune(plain, 0) {
		return false
	}
	for segment := range strings.FieldsFuncSeq(plain, func(r rune) bool { return r == '/' || r == '\\' }) {
		if segment, _, _ = strings.Cut(segment, ";"); segment == "." || segment == ".." {
			return false
		}
	}
	return true
}

// key is equal for routes that match the same requests, as far as that is plain
// to see: a prefix is the same with its last slash and without.
func (r *LabelledRoute) key() string {
	value := r.Path.Value
	if r.Path.Kind == messages.PathPrefix {
		value = strings.TrimRight(value, "/")
	}
	return fmt.Sprintf("%s %d %s", r.Host, r.Path.Kind, value)
}

// String prints host and path as labels write them.
func (r *LabelledRoute) String() string {
	path := cmp.Or(r.Path.Value, "/")
	switch r.Path.Kind {
	case messages.PathExact:
		path = "=" + path
	case messages.PathRegexp:
		path = "~" + path
	case messages.PathAny, messages.PathPrefix:
	}
	return shorten(r.Host + path)
}

// tidy puts everything into its fixed order.
func (l *Labelled) tidy() {
	slices.SortFunc(l.Upstreams, func(a, b LabelledUpstream) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(l.Routes, func(a, b LabelledRoute) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(l.Notes, compareNotes)
	l.Notes = slices.Compact(l.Notes)
}
