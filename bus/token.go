package bus

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// TokenFile is the name of the operator token's file in the data directory.
const TokenFile = "operator.token"

// minToken and maxToken bound the length of operator tokens, in bytes.
const (
	minToken = 8
	maxToken = 1024
)

// EnsureOperatorToken returns the operator token that is kept in dir, and makes
// it, and dir, when there is none: 256 random bits in a file of mode 0600.
// created tells which. Processes that start at the same moment agree on one.
//
// A file that everybody may read or write, or that its group may write, is
// refused with ErrToken: its content is no secret any more. Its group may read
// it, so that operators can be given the token by membership. An empty file, or
// one with less than 8 bytes, is refused too.
func EnsureOperatorToken(dir string) (token string, created bool, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", false, fmt.Errorf("make the data directory: %w", err)
	}
	path := filepath.Join(dir, TokenFile)
	token, err = readToken(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return token, false, err
	}
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	token = base64.RawURLEncoding.EncodeToString(secret)
	err = createWhole(path, []byte(token+"\n"))
	if errors.Is(err, fs.ErrExist) { // another process was faster
		token, err = readToken(path)
		return token, false, err
	}
	switch {
	case outOfSpace(err):
		return token, false, fmt.Errorf("%w: %w", ErrTokenUnsaved, bare(err))
	case err != nil:
		return "", false, fmt.Errorf("make the operator token: %w", bare(err))
	}
	return token, true, nil
}

// readToken reads and judges the file; what it judges is what it reads.
func readToken(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("read the operator token: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	info, err := f.Stat()
	if err != nil {
		return "", fmt.Errorf("read the operator token: %w", err)
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%w: %s is not a regular file", ErrToken, path)
	}
	if mode := info.Mode().Perm(); mode&0o027 != 0 {
		return "", fmt.Errorf("%w: %s has mode %04o, so it is not secret; make another one (delete the file) or, if nobody has read it, chmod 600",
			ErrToken, path, mode)
	}
	text, err := io.ReadAll(io.LimitReader(f, 2*maxToken))
	if err != nil {
		return "", fmt.Errorf("read the operator token: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if err := checkToken(token); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return token, nil
}

// checkToken refuses tokens that protect nothing or that NATS would misread.
func checkToken(token string) error {
	switch {
	case len(token) < minToken:
		return fmt.Errorf("%w: it has %d bytes, at least %d are wanted", ErrToken, len(token), minToken)
	case len(token) > maxToken:
		return fmt.Errorf("%w: it has more than %d bytes", ErrToken, maxToken)
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return fmt.Errorf("%w: it contains blanks or control characters", ErrToken)
	case strings.HasPrefix(token, "$2"):
		// NATS takes such a password for a bcrypt hash of another one.
		return fmt.Errorf("%w: it must not begin with $2, the mark of a bcrypt hash", ErrToken)
	}
	return nil
}

// createWhole makes a file of mode 0600 that is never seen half written, and
// fails with fs.ErrExist when there is one already.
func createWhole(path string, content []byte) error {
	dir := filepath.Dir(path)
	temp, err := os.CreateTemp(dir, "."+filepath.Base(path)+"-*") // 0600
	if err != nil {
		return bare(err)
	}
	defer func() { _ = os.Remove(temp.Name()) }() // what stays is a hidden file that nobody reads
	_, err = temp.Write(content)
	if err := errors.Join(bare(err), temp.Sync(), temp.Close()); err != nil {
		return err
	}
	if err := os.Link(temp.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

// bare takes the path off an error: that of a temporary file is another one each time.
func bare(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// syncDir makes a new name in dir survive a power failure.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
