package verdicts

import "errors"

var (
	// ErrLocked is returned when another weir uses the data directory. Nothing was changed.
	ErrLocked = errors.New("another weir uses it")
	// ErrDir is returned when the data directory cannot be made or locked.
	ErrDir = errors.New("data directory cannot be used")
	// errDamaged is returned when a file is not one of ours, or not whole.
	errDamaged = errors.New("not a file of verdicts, or damaged")
)
