package config

import (
	"fmt"
	"strings"

	"github.com/weirproxy/weir/messages"
)

// hashForms are the ways to write a hash.
const hashForms = "hash:ip, hash:path, hash:url, hash:query, hash:query:NAME, hash:header:NAME, hash:cookie:NAME"

// algo reads how peers are picked.
func (v item) algo() (messages.Algo, bool) {
	s, ok := v.scalar("a text such as round_robin")
	if !ok {
		return messages.Algo{}, false
	}
	kind, key, hashed := strings.Cut(s.text, ":")
	if kind == string(messages.Hash) {
		return v.hash(s.text, key, hashed)
	}
	words := []string{string(messages.RoundRobin), string(messages.LeastConn), string(messages.P2C), string(messages.Random)}
	for _, word := range words {
		if s.text == word {
			return messages.Algo{Kind: messages.AlgoKind(word)}, true
		}
	}
	hint := ""
	if best := closest(s.text, append(words, "hash")); best != "" {
		hint = "did you mean " + best + "?"
	}
	v.hinted(hint, fmt.Sprintf("want one of %s, or a hash (%s), not %s", strings.Join(words, ", "), hashForms, quote(s.text)))
	return messages.Algo{}, false
}

// hash reads what stands behind "hash:".
func (v item) hash(written, rest string, hashed bool) (messages.Algo, bool) {
	if !hashed {
		v.fault("a hash needs its key; want one of " + hashForms)
		return messages.Algo{}, false
	}
	key, keyName, isNamed := strings.Cut(rest, ":")
	algo := messages.Algo{Kind: messages.Hash, Key: messages.KeyKind(key), Name: keyName}
	ok := false
	switch algo.Key {
	case messages.KeyIP, messages.KeyPath, messages.KeyURL:
		ok = !isNamed
	case messages.KeyQuery:
		ok = !isNamed || keyName != "" && !strings.ContainsAny(keyName, "&=#") && !hasBlank(keyName)
	case messages.KeyHeader, messages.KeyCookie:
		ok = isFieldName(keyName)
	}
	if !ok {
		v.faultf("want one of %s, not %s", hashForms, quote(written))
	}
	return algo, ok
}

func hasBlank(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f })
}
