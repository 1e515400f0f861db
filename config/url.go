package config

import (
	"fmt"
	"io"
	"strings"
)

// URL is a URL that may hold credentials. Like a Secret it never prints them:
// what stands before the "@" shows as a placeholder. Reveal returns all of it.
type URL struct{ text string }

// NewURL returns text as a URL. It is not checked.
func NewURL(text string) URL { return URL{text: text} }

// Reveal returns the URL with its credentials.
func (u URL) Reveal() string { return u.text }

// String returns the URL, a placeholder in place of a password or a token.
func (u URL) String() string { return maskURLs(u.text) }

// HasSecret tells whether the URL holds credentials.
func (u URL) HasSecret() bool { return u.String() != u.text }

// Format prints what String returns, whatever the verb.
func (u URL) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, u.String()) } // a fmt.State keeps its own error

// MarshalText returns what String returns; encoding/json and log/slog use it.
func (u URL) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// maskURLs puts a placeholder in place of the credentials of every URL in a text.
func maskURLs(text string) string {
	return eachCredentials(text, func(string) string { return redacted })
}

// eachCredentials replaces what is secret in the URLs of a text: the password,
// or all before the "@" when there is no user name, for that is a token. The
// last "@" before a blank or a quote counts, for people forget to escape those
// in passwords.
func eachCredentials(text string, replace func(secret string) string) string {
	const scheme = "://"
	if !strings.Contains(text, scheme) || !strings.Contains(text, "@") {
		return text
	}
	var b strings.Builder
	for {
		at := strings.Index(text, scheme)
		if at < 0 {
			break
		}
		b.WriteString(text[:at+len(scheme)])
		text = text[at+len(scheme):]
		end := strings.IndexAny(text, " \t\r\n\"'")
		if end < 0 {
			end = len(text)
		}
		sign := strings.LastIndexByte(text[:end], '@')
		if sign <= 0 {
			continue
		}
		user, _, named := strings.Cut(text[:sign], ":")
		if named && user != "" && !strings.ContainsAny(user, "/@") {
			b.WriteString(user + ":")
			text, sign = text[len(user)+1:], sign-len(user)-1
		}
		if sign > 0 { // "user:@" has an empty password
			b.WriteString(replace(text[:sign]))
		}
		text = text[sign:]
	}
	b.WriteString(text)
	return b.String()
}
