package notifier

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"
)

// hashID makes an id of parts: 128 bits of SHA-256 in hexadecimal. Each part
// goes in with its length before it, so that no two lists of parts read alike.
func hashID(parts ...string) string {
	var text []byte
	for _, part := range parts {
		text = binary.AppendUvarint(text, uint64(len(part)))
		text = append(text, part...)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

func number(n uint64) string { return strconv.FormatUint(n, 10) }
