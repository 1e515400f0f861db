//go:build !unix

package socket

import "github.com/weirproxy/weir/messages"

// hasBuffers is whether setBuffers does anything.
const hasBuffers = false

func setBuffers(uintptr, messages.TCPOptions) error { return nil }
