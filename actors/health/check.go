package health

import (
	"time"

	"github.com/weirproxy/weir/messages"
)

// Defaults of a CheckSpec, used where it says 0 (or less).
const (
	defaultFrequency = 10 * time.Second
	defaultTimeout   = 3 * time.Second
	defaultSuccess   = 1
	defaultFailure   = 2
	// minFrequency is the shortest period; a shorter one becomes this.
	minFrequency = 100 * time.Millisecond
)

// complete returns the spec with its defaults filled in.
func complete(c messages.CheckSpec) messages.CheckSpec {
	if c.Frequency <= 0 {
		c.Frequency = defaultFrequency
	}
	c.Frequency = max(c.Frequency, minFrequency)
	if c.UnhealthyFrequency <= 0 {
		c.UnhealthyFrequency = c.Frequency
	}
	c.UnhealthyFrequency = max(c.UnhealthyFrequency, minFrequency)
	if c.Success <= 0 {
		c.Success = defaultSuccess
	}
	if c.Failure <= 0 {
		c.Failure = defaultFailure
	}
	if c.ConnectionTimeout <= 0 {
		c.ConnectionTimeout = defaultTimeout
	}
	if c.ReadTimeout <= 0 {
		c.ReadTimeout = defaultTimeout
	}
	return c
}
