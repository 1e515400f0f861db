package destination

import (
	"context"
	"errors"

	"github.com/weirproxy/weir/messages"
)

// Code returns the code of an error of this package: what the client is told.
// The sentinels go first, because a lookup that ran into its own limit is
// ErrLookup and wraps context.DeadlineExceeded as well.
func Code(err error) messages.Code {
	switch {
	case err == nil:
		return messages.CodeOK
	case errors.Is(err, ErrBadHost):
		return messages.CodeBadRequest
	case errors.Is(err, ErrNotAllowed):
		return messages.CodeHostNotAllowed
	case errors.Is(err, ErrNotFound):
		return messages.CodeHostNotFound
	case errors.Is(err, ErrForbidden):
		return messages.CodeAddressForbidden
	case errors.Is(err, ErrLoop):
		return messages.CodeLoop
	case errors.Is(err, ErrLookup), errors.Is(err, ErrBusy), errors.Is(err, ErrClosed):
		return messages.CodeLookupFailed
	case errors.Is(err, context.DeadlineExceeded):
		return messages.CodeTimeout
	case errors.Is(err, context.Canceled):
		return messages.CodeClientGone
	}
	return messages.CodeInternal
}
