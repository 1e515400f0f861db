package certs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"time"
)

const (
	// maxFile bounds a file; the authorities of a whole system take 250 KiB.
	maxFile = 4 << 20
	// racy is how old a change must be for stat(2) to tell it from the next one.
	racy = 2 * time.Second
	// rereadEvery is after how many looks a file is read though stat(2) says that
	// it is the same: it may have been rewritten in place with its time set back.
	rereadEvery = 60
)

// files are the one or two files that something is read from.
type files struct {
	names []string
	// seen is how they were when they were read, at readAt; nil = read again.
	seen   []fs.FileInfo
	readAt time.Time // by the clock that the file system has, not an injected one
	looks  int       // since then
}

// unchanged tells, by stat(2), that reading again would find the same. Links are
// followed, so one that was swapped is another file.
func (f *files) unchanged() bool {
	if f.seen == nil || f.looks >= rereadEvery {
		return false
	}
	f.looks++
	for i, name := range f.names {
		info, err := os.Stat(name)
		if err != nil || !os.SameFile(info, f.seen[i]) || info.Size() != f.seen[i].Size() ||
			!info.ModTime().Equal(f.seen[i].ModTime()) || f.readAt.Sub(info.ModTime()) < racy {
			return false
		}
	}
	return true
}

// read returns the content of all of them.
func (f *files) read() ([][]byte, error) {
	f.seen, f.looks, f.readAt = nil, 0, time.Now()
	var seen []fs.FileInfo
	var texts [][]byte
	for _, name := range f.names {
		text, info, err := readFile(name)
		if err != nil {
			return nil, err
		}
		texts, seen = append(texts, text), append(seen, info)
	}
	f.seen = seen
	return texts, nil
}

// readFile reads one file. It opens nothing that could make it wait.
func readFile(name string) ([]byte, fs.FileInfo, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, nil, unreadable(name, err)
	case info.IsDir():
		return nil, nil, fmt.Errorf("%s %w: it is a directory; name the file in it", name, ErrFile)
	case !info.Mode().IsRegular():
		return nil, nil, fmt.Errorf("%s %w: it is not a regular file, and weir reads it again and again; put the content into one", name, ErrFile)
	}
	f, err := os.Open(name) //nolint:gosec // the operator names it
	if err != nil {
		return nil, nil, unreadable(name, err)
	}
	defer func() { _ = f.Close() }() // it was only read
	if info, err = f.Stat(); err != nil {
		return nil, nil, unreadable(name, err)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		return nil, nil, unreadable(name, err)
	case len(text) > maxFile:
		return nil, nil, fmt.Errorf("%s %w: it has more than %d MiB; is it the right file?", name, ErrFile, maxFile>>20)
	case len(bytes.TrimSpace(text)) == 0:
		return nil, nil, fmt.Errorf("%s %w: it is empty", name, ErrFile)
	}
	return text, info, nil
}

func unreadable(name string, err error) error {
	hint := ""
	switch {
	case name == "":
		hint = "; no file is named"
	case errors.Is(err, fs.ErrNotExist):
		hint = "; is the path right, and mounted?"
	case errors.Is(err, fs.ErrPermission):
		hint = fmt.Sprintf("; let the user that weir runs as (uid %d) read it", os.Getuid())
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err // the name is said already
	}
	return fmt.Errorf("%s %w: %w%s", name, ErrFile, err, hint)
}

// openToAll tells whether every user of the system may read the file.
func openToAll(name string) bool {
	const others = 0o004
	info, err := os.Stat(name)
	return err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&others != 0
}
