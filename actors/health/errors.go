package health

import "errors"

// ErrBadCheck is returned when a CheckSpec cannot be probed with: an unknown
// kind, or a part of it that no request can be made of. No prober runs with it.
var ErrBadCheck = errors.New("check cannot be run")
