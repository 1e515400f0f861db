package verdicts

import (
	"time"

	"github.com/weirproxy/weir/messages"
)

// MaxAge is how long the verdicts of an upstream are kept that does not exist
// any more, or of a weir that does not run: 30 days. They only stand until the
// first probe, so old ones do no harm, but they take space.
const MaxAge = 30 * 24 * time.Hour

// Entry is what is kept of one upstream.
type Entry struct {
	Upstream string
	// Seen is when the upstream existed last.
	Seen  time.Time
	Peers []Peer
}

// Peer is what is kept of one peer. Verdict is Healthy or Unhealthy.
type Peer struct {
	Addr    string
	Verdict messages.Verdict
	// Since is when the verdict came into force.
	Since  time.Time
	Code   messages.Code
	Detail string
	// Flips counts the flips so far.
	Flips uint64
}
