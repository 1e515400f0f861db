package bus

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// The files of a store, beside the one that NATS makes ("jetstream").
const (
	storeName  = "nats"
	lockFile   = "lock"
	markerFile = "README"
	probeFile  = "space"
)

// The space, in bytes, that must be there before NATS may write: at start, and
// after it ran out, when little would be used up at once.
const (
	leastSpace = 1 << 20
	someSpace  = 16 << 20
)

// markerSingle is the first line of the marker of a store in mode single.
const markerSingle = "weir NATS store, version 1, mode single"

// markerText is the marker of a store in mode single: a first line for weir, the rest for people.
const markerText = markerSingle + `

This directory is the NATS store of one weir that runs alone (mode "single").
weir reads the line above and refuses the directory in any other mode: a NATS
server that starts as a member of a cluster deletes what a lone server stored,
and the other way round it cannot read it.

To go from one mode to another:
  1. stop weir,
  2. move this whole directory aside,
  3. start weir in the new mode; it makes a new store, which begins empty.
To read what was stored here again, start a weir in mode single whose data_dir
has this directory under the name "nats". The lock file may be left alone.
`

// store is a locked store directory.
type store struct {
	dir  string
	lock *os.File
}

// openStore makes <dataDir>/nats if there is none, locks it and marks it.
func openStore(dataDir string) (*store, error) {
	dir, err := filepath.Abs(filepath.Join(dataDir, storeName))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStore, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("%w: make %s: %w", ErrStore, dir, err)
	}
	lock, err := lockStore(dir)
	if err != nil {
		return nil, err
	}
	s := &store{dir: dir, lock: lock}
	if err := s.mark(); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// lockStore takes the lock, which is flock(2): it ends with its process,
// however that ends. NATS itself would let two servers write to one store.
func lockStore(dir string) (*os.File, error) {
	path := filepath.Join(dir, lockFile)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%w: open %s: %w", ErrStore, path, err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		_ = f.Close()
		return nil, fmt.Errorf("%s: %w; stop it, or give this one a data_dir of its own", dir, ErrLocked)
	case err != nil:
		_ = f.Close()
		return nil, fmt.Errorf("%w: lock %s: %w", ErrStore, path, err)
	}
	return f, nil
}

// mark checks the marker, or writes it into an empty store.
func (s *store) mark() error {
	path := filepath.Join(s.dir, markerFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s.markNew(path)
	}
	if err != nil {
		return fmt.Errorf("%w: read %s: %w", ErrStore, path, err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	if first = strings.TrimSpace(first); first != markerSingle {
		return fmt.Errorf("%w: %s says %q, this weir needs %q; %s", ErrForeignStore, path, first, markerSingle, wayOut)
	}
	return nil
}

// wayOut is what helps with a store of another kind.
const wayOut = "stop whoever uses the directory, move it aside and start again: weir makes a new one, which begins empty"

// markNew writes the marker, unless somebody else's data is there.
func (s *store) markNew(path string) error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return fmt.Errorf("%w: read %s: %w", ErrStore, s.dir, err)
	}
	for _, entry := range entries {
		// A start that was killed here may have left the beginnings of a marker.
		if entry.Name() == lockFile || strings.HasPrefix(entry.Name(), "."+markerFile+"-") || strings.HasPrefix(entry.Name(), "."+probeFile+"-") {
			continue
		}
		return fmt.Errorf("%w: %s has %q and no file %q that says what made it; %s", ErrForeignStore, s.dir, entry.Name(), markerFile, wayOut)
	}
	if err := createWhole(path, []byte(markerText)); err != nil {
		return fmt.Errorf("%w: write %s: %w", ErrStore, path, err)
	}
	return nil
}

// probe finds out whether so many bytes can be written. NATS would begin without
// any, and lose what it is given.
func (s *store) probe(space int) error {
	f, err := os.CreateTemp(s.dir, "."+probeFile+"-*")
	if err != nil {
		return bare(err)
	}
	_, err = f.Write(make([]byte, space))
	return errors.Join(bare(err), bare(f.Sync()), f.Close(), os.Remove(f.Name()))
}

// moveAside gives what is damaged, a path below the store, a name with the
// time, and returns that name.
func (s *store) moveAside(path string, now time.Time) (string, error) {
	base := filepath.Join(s.dir, "damaged-"+now.UTC().Format("20060102T150405.000Z"))
	if err := os.MkdirAll(base, 0o700); err != nil {
		return "", err
	}
	to := filepath.Join(base, filepath.Base(path))
	if err := os.Rename(path, to); err != nil {
		return "", err
	}
	return to, errors.Join(syncDir(filepath.Dir(path)), syncDir(base))
}

// outOfSpace tells whether an error will go away when somebody makes room.
func outOfSpace(err error) bool {
	if err == nil {
		return false
	}
	// NATS passes it on as text.
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || strings.Contains(err.Error(), syscall.ENOSPC.Error())
}

// close frees the lock. The file stays: removing it would let a third process
// lock another file of the same name.
func (s *store) close() error {
	if err := s.lock.Close(); err != nil {
		return fmt.Errorf("unlock %s: %w", s.dir, err)
	}
	return nil
}
