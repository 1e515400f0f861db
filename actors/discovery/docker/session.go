package docker

import (
	"context"
	"errors"
	"net/netip"
	"strconv"
)

// session is one connection to an engine: an open event stream and requests
// beside it. The adapter to the client module is one, and fakes of tests are.
type session interface {
	// events is the open stream; it is closed when that ended.
	events() <-chan event
	// err says why the stream ended; it is called after that.
	err() error
	// list returns all containers that have a process or will soon again.
	// What is returned is the caller's.
	list(ctx context.Context) ([]*container, error)
	// inspect returns one container with its details, or errGone.
	inspect(ctx context.Context, id string) (*container, error)
	// version is the API version agreed on, remote the engine's address when it
	// is on another machine.
	version() string
	remote() netip.Addr
	// close ends the stream and returns when everything has ended.
	close()
}

// dialer opens a session whose stream begins with the events after since, in
// nanoseconds of the engine's clock; 0 = now. It gives up when ctx is done; the
// session does not end with ctx.
type dialer func(ctx context.Context, since int64) (session, error)

// errGone is returned when there is no such container.
var errGone = errors.New("no such container")

// event is what an engine's stream tells, as far as it matters.
type event struct {
	// container is the id of the container it is about.
	container string
	// network is set when the container was connected to a network or disconnected.
	network bool
	action  string
	// labels are the container's, mixed with words of the event itself; none for
	// networks.
	labels map[string]string
	// signal is what a kill event says.
	signal string
	// at is when, in nanoseconds of the engine's clock; 0 = not told.
	at int64
}

// sinceText writes a time of the engine's clock as its API wants it, with nine
// digits behind the point.
func sinceText(nanos int64) string {
	text := strconv.FormatInt(nanos%1e9, 10)
	for len(text) < 9 {
		text = "0" + text
	}
	return strconv.FormatInt(nanos/1e9, 10) + "." + text
}
