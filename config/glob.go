package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// hasWildcard tells whether a pattern may match several names.
func hasWildcard(pattern string) bool { return strings.ContainsAny(pattern, `*?[\`) }

// glob returns the files that match a pattern, relative to the folder dir,
// sorted. Unlike filepath.Glob it says which folder cannot be read, for a
// folder that is forbidden is not an empty one. Names that begin with a dot
// match only where the pattern has the dot: editors and ConfigMaps keep theirs
// there. What matches a wildcard and is no file is left out.
func glob(dir, pattern string) ([]string, error) {
	paths := []string{dir}
	rest := filepath.ToSlash(pattern)
	if filepath.IsAbs(pattern) {
		root := filepath.VolumeName(pattern) + string(filepath.Separator)
		paths, rest = []string{root}, strings.TrimPrefix(rest, filepath.ToSlash(root))
	}
	for rest != "" {
		element, more, folder := strings.Cut(rest, "/")
		rest = more
		var next []string
		for _, path := range paths {
			found, err := matches(path, element, folder)
			if err != nil {
				return nil, err
			}
			if next = append(next, found...); len(next) > maxFiles {
				return nil, fmt.Errorf("more than %d files", maxFiles)
			}
		}
		paths = next
	}
	return paths, nil
}

// matches returns what matches one element of a pattern in a folder.
func matches(dir, element string, folder bool) ([]string, error) {
	if !hasWildcard(element) {
		path := filepath.Join(dir, element)
		if _, err := os.Lstat(path); missing(err) {
			return nil, nil
		}
		return []string{path}, nil // what else is wrong shows when it is read
	}
	entries, err := os.ReadDir(dir)
	if missing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the folder cannot be read: %w", err)
	}
	var paths []string
	for _, e := range entries { // sorted by name
		if strings.HasPrefix(e.Name(), ".") && !strings.HasPrefix(element, ".") {
			continue
		}
		if ok, err := filepath.Match(element, e.Name()); err != nil || !ok {
			continue
		}
		path := filepath.Join(dir, e.Name())
		if info, err := os.Stat(path); err == nil && info.IsDir() != folder {
			continue
		}
		paths = append(paths, path)
	}
	return paths, nil
}

// missing tells whether there is nothing at a path, or no folder on the way.
func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}
