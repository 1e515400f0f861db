package docker

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/weirproxy/weir/messages"
)

// ErrSelector is returned when a selector of containers cannot be read.
var ErrSelector = errors.New("invalid selector")

// Selector picks containers by a label.
type Selector struct {
	// Label is the label's name.
	Label string
	// Value is the label's value; empty = any.
	Value string
	// Port is the container's port; 0 = the container's label weir.port says it,
	// else it is the only one that the container exposes.
	Port int
	// Weight is the weight of each peer, 1 to messages.MaxWeight, unless the
	// container's label weir.weight says another; 0 = 1.
	Weight int
	// Tier is the tier of each peer.
	Tier int
}

// ParseSelector reads label[=value][:port]. What stands behind the last colon
// is the port when it is a number, else it belongs to the value. The error
// is ErrSelector.
func ParseSelector(text string) (Selector, error) {
	if text == "" || strings.ContainsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
		return Selector{}, fmt.Errorf("%w %q: want label[=value][:port], such as app=web:8080, without a blank", ErrSelector, text)
	}
	var s Selector
	rest := text
	if colon := strings.LastIndexByte(text, ':'); colon >= 0 && strings.Trim(text[colon+1:], "0123456789") == "" {
		port, err := parseNumber(text[colon+1:], maxPort)
		if err != nil {
			return Selector{}, fmt.Errorf("%w %q: the port behind the colon: %w", ErrSelector, text, err)
		}
		s.Port, rest = port, text[:colon]
	}
	label, value, valued := strings.Cut(rest, "=")
	switch {
	case label == "" || strings.HasPrefix(label, "[") || strings.ContainsAny(label, `:/?#@"'`):
		return Selector{}, fmt.Errorf("%w %q: %q is not the name of a label", ErrSelector, text, label)
	case valued && value == "":
		return Selector{}, fmt.Errorf("%w %q: there is no value behind the =; %q alone is any value", ErrSelector, text, label)
	}
	s.Label, s.Value = label, value
	return s, nil
}

// SelectorOf reads the selector that an upstream's entry is: the text from its
// address, weight and tier as they are. The error is ErrSelector.
func SelectorOf(spec messages.PeerSpec) (Selector, error) {
	s, err := ParseSelector(spec.Addr)
	if err != nil {
		return Selector{}, err
	}
	s.Weight, s.Tier = spec.Weight, spec.Tier
	return s, nil
}

// String prints the selector as ParseSelector reads it.
func (s Selector) String() string {
	text := s.Label
	if s.Value != "" {
		text += "=" + s.Value
	}
	if s.Port != 0 {
		text += ":" + strconv.Itoa(s.Port)
	}
	return text
}

// matches tells whether the selector picks a container with these labels. Who
// is not enabled cannot join an upstream that labels made.
func (s Selector) matches(labels map[string]string) bool {
	value, found := labels[s.Label]
	if !found || (s.Value != "" && s.Value != value) {
		return false
	}
	return s.Label != labelUpstream || enabled(labels)
}

const maxPort = 65535

// parseNumber reads a plain number from 1 to limit: digits, no sign.
func parseNumber(text string, limit int) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > limit || strings.Trim(text, "0123456789") != "" {
		return 0, fmt.Errorf("want a number from 1 to %d, not %q", limit, shorten(text))
	}
	return n, nil
}

// shorten keeps what a stranger wrote from filling a log.
func shorten(text string) string {
	const longest = 80
	if len(text) <= longest {
		return text
	}
	return strings.ToValidUTF8(text[:longest], "") + "..."
}
