package config

import (
	"fmt"
	"io"
)

// redacted stands where a secret would be printed.
const redacted = "(secret)"

// Secret is a text that is never printed: every verb of fmt, JSON, text and
// log/slog show a placeholder. Reveal is the one way to it.
type Secret struct{ text string }

// NewSecret returns text as a Secret.
func NewSecret(text string) Secret { return Secret{text: text} }

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return s.text }

// String returns a placeholder, or "" when the secret is empty.
func (s Secret) String() string {
	if s.text == "" {
		return ""
	}
	return redacted
}

// Format prints the placeholder, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) } // a fmt.State keeps its own error

// MarshalText returns the placeholder; encoding/json and log/slog use it.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON returns the placeholder as a JSON string.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + s.String() + `"`), nil }
