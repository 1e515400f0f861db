package config

import (
	"fmt"
	"path"
	"strings"

	"github.com/weirproxy/weir/messages"
)

// socketPrefix begins the address of a unix socket.
const socketPrefix = "unix:"

// maxSocketPath is the longest path of a unix socket, in bytes: what the systems with
// the least room take (104 with its end; Linux has 108).
const maxSocketPath = 103

func isSocket(addr string) bool { return strings.HasPrefix(addr, socketPrefix) }

// firstSocket returns the first peer that is a unix socket, or nothing.
func firstSocket(addrs messages.List[messages.PeerSpec]) string {
	for _, p := range addrs.All() {
		if isSocket(p.Addr) {
			return p.Addr
		}
	}
	return ""
}

// parseSocket returns unix:/path in its one form.
func parseSocket(text string) (addr, problem, hint string) {
	name := strings.TrimPrefix(text, socketPrefix)
	clean := path.Clean(name)
	switch {
	case strings.HasPrefix(name, "@") || strings.HasPrefix(name, "\x00"):
		return "", "sockets without a path (abstract ones) are not taken; want unix: and a path that begins with /", ""
	case !strings.HasPrefix(name, "/"):
		return "", fmt.Sprintf("want unix: and a path that begins with /, not %s", quote(text)), ""
	case strings.HasPrefix(name, "//"):
		return "", fmt.Sprintf("want unix: and a path that begins with one /, not %s", quote(text)), shorten(socketPrefix + clean)
	case hasBlank(name):
		return "", fmt.Sprintf("the path of a socket has no blanks here: %s", quote(text)), ""
	case strings.HasSuffix(name, "/"):
		return "", fmt.Sprintf("%s is a folder, not a socket", quote(text)), ""
	case len(clean) > maxSocketPath:
		return "", fmt.Sprintf("the path of a socket has at most %d bytes, not %d", maxSocketPath, len(clean)), ""
	}
	return socketPrefix + clean, "", ""
}
