package dns

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"
)

// maxFile is how much of a file is read.
const maxFile = 4 << 20

// watchedFile reads a file again when it changed.
type watchedFile struct {
	path string

	mu   sync.Mutex
	read bool
	info fs.FileInfo // nil = it was not there
	// at is when it was read: a file that changed just before may change again
	// within the same tick of its clock.
	at   time.Time
	text string
}

// fileTick is how coarse the time of a file may be.
const fileTick = 2 * time.Second

// load returns the content, and whether it differs from what was returned before. A
// file that is not there is empty; one that cannot be read stays as it was.
func (f *watchedFile) load() (text string, changed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	info, err := os.Stat(f.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		changed = !f.read || f.text != ""
		f.read, f.info, f.text = true, nil, ""
		return "", changed
	case err != nil || f.same(info):
		return f.text, false
	}
	content, err := readFile(f.path)
	if err != nil {
		return f.text, false
	}
	changed = !f.read || f.text != content
	f.read, f.info, f.at, f.text = true, info, time.Now(), content
	return content, changed
}

func (f *watchedFile) same(info fs.FileInfo) bool {
	return f.info != nil && os.SameFile(f.info, info) && f.info.Size() == info.Size() &&
		f.info.ModTime().Equal(info.ModTime()) && f.at.Sub(info.ModTime()) > fileTick
}

func readFile(path string) (text string, err error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	content, err := io.ReadAll(io.LimitReader(file, maxFile))
	return string(content), err
}
