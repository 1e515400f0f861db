package config

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Sources are the texts that make up a configuration, as they were at one
// reading: the file and what it includes. They do not change, so what Load
// parses is what Hash stands for. The zero Sources are no configuration.
type Sources struct {
	path     string
	patterns []string // of the include of the file
	files    []source // the file itself, then what it includes
	// problems are folders that could not be read, by the index of their pattern.
	problems map[int]string
	hash     [sha256.Size]byte
}

// source is the text of one file, or why it could not be read.
type source struct {
	name    string
	pattern int // the index of the pattern that led to it; -1 for the file itself
	text    []byte
	problem string
}

// ReadSources reads a configuration file and what it includes. The patterns of
// the include are matched anew each time. The error says why the file itself
// could not be read; an included file that cannot be read is a fault of Load.
func ReadSources(path string) (Sources, error) { return readSources(path, nil) }

// readSources reads again what was known before, if it is not nil.
func readSources(path string, known *Sources) (Sources, error) {
	text, err := readMain(path, known != nil)
	if err != nil {
		return Sources{}, err
	}
	s := Sources{path: path, files: []source{{name: path, pattern: -1, text: text}}}
	if known != nil && bytes.Equal(text, known.files[0].text) {
		s.patterns = known.patterns
	} else {
		s.patterns = includePatterns(path, text)
	}
	s.readIncluded()
	s.hash = s.sum()
	return s, nil
}

// readMain reads the file itself. Again: it is watched, and a pipe that was
// read once would block.
func readMain(path string, again bool) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("read the configuration: there is no file %s: %w", path, err)
	case err != nil:
		return nil, fmt.Errorf("read the configuration: %w", err)
	case info.IsDir():
		return nil, fmt.Errorf("read the configuration %s: it is a folder", path)
	case again && !info.Mode().IsRegular():
		return nil, fmt.Errorf("read the configuration %s again: it is no regular file", path)
	}
	text, err := readBounded(path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	return text, nil
}

// readBounded reads a file, but not much more than is taken: the parser refuses
// a text that is too long.
func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // the operator names it
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	return io.ReadAll(io.LimitReader(f, int64(fileBounds().bytes)+1))
}

// readIncluded reads what the patterns match, each file once.
func (s *Sources) readIncluded() {
	seen := map[string]bool{}
	total := len(s.files[0].text)
	for _, m := range s.match() {
		if m.problem != "" {
			s.fail(m.pattern, m.problem)
			continue
		}
		if seen[m.name] {
			continue
		}
		seen[m.name] = true
		if len(s.files) > maxFiles {
			s.fail(m.pattern, fmt.Sprintf("more than %d files are included", maxFiles))
			return
		}
		m.text, m.problem = readRegular(m.name)
		if total += len(m.text); total > maxTotal {
			s.fail(m.pattern, fmt.Sprintf("all files together have more than %d bytes", maxTotal))
			return
		}
		s.files = append(s.files, m)
	}
}

func (s *Sources) fail(pattern int, problem string) {
	if s.problems == nil {
		s.problems = map[int]string{}
	}
	s.problems[pattern] = problem
}

// match returns what the patterns match, without the file itself: "*.yaml" in
// its own folder is not meant to include it.
func (s *Sources) match() []source {
	var found []source
	main, _ := os.Stat(s.path)
	for i, pattern := range s.patterns {
		if pattern == "" { // it has a fault
			continue
		}
		names, err := glob(filepath.Dir(s.path), pattern)
		if err != nil {
			found = append(found, source{pattern: i, problem: fmt.Sprintf("%s: %v", shorten(pattern), err)})
		}
		for _, name := range names {
			info, err := os.Stat(name)
			switch own := err == nil && main != nil && os.SameFile(info, main); {
			case own && hasWildcard(pattern):
			case own:
				found = append(found, source{pattern: i, problem: "the file includes itself"})
			default:
				found = append(found, source{name: name, pattern: i})
			}
		}
	}
	return found
}

// readRegular reads an included file. Anything else than a file is refused
// before it is opened: a pipe would block.
func readRegular(name string) (text []byte, problem string) {
	info, err := os.Stat(name)
	if err == nil && info.IsDir() {
		return nil, "it is a folder"
	}
	if err == nil && !info.Mode().IsRegular() {
		return nil, "it is no regular file"
	}
	if err == nil {
		text, err = readBounded(name)
	}
	var at *fs.PathError
	switch {
	case errors.As(err, &at):
		return nil, at.Err.Error()
	case err != nil:
		return nil, err.Error()
	}
	return text, ""
}

// sum hashes names, texts and problems, each with its length before it.
func (s *Sources) sum() [sha256.Size]byte {
	h := sha256.New()
	part := func(b []byte) {
		_, _ = h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(b)))) // a hash takes everything
		_, _ = h.Write(b)
	}
	for _, f := range s.files {
		part([]byte(f.name))
		part(f.text)
		part([]byte(f.problem))
	}
	for i := range s.patterns {
		part([]byte(s.problems[i]))
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// Path returns the path that the sources were read from.
func (s Sources) Path() string { return s.path }

// Files returns the names of all files that were to be read, the one that was
// named first, then those that it includes.
func (s Sources) Files() []string {
	names := make([]string, 0, len(s.files))
	for _, f := range s.files {
		names = append(names, f.name)
	}
	return names
}

// Hash returns 64 hexadecimal digits that are equal for equal files with equal
// names: a SHA-256. The environment is not part of it. Empty for no configuration.
func (s Sources) Hash() string {
	if len(s.files) == 0 {
		return ""
	}
	return hex.EncodeToString(s.hash[:])
}

// Equal tells whether two readings found the same files with the same content.
func (s Sources) Equal(o Sources) bool { return s.Hash() == o.Hash() }

// Load checks the texts, and reads nothing. An error is always *Faults. env
// finds the variables that the texts name.
func (s Sources) Load(env Lookup) (*Config, error) {
	found := &inclusion{patterns: s.patterns, problems: map[int][]string{}, matches: map[int]int{}}
	for i, problem := range s.problems {
		found.problems[i] = append(found.problems[i], problem)
	}
	var docs []*document
	faults := &Faults{}
	total := 0
	for _, f := range s.files {
		if f.pattern >= 0 {
			found.matches[f.pattern]++
		}
		if f.problem != "" {
			found.problems[f.pattern] = append(found.problems[f.pattern], fmt.Sprintf("%s cannot be read: %s", fileText(f.name), f.problem))
			continue
		}
		if total += marks(f.text); total > maxMarks {
			d := &document{file: f.name}
			faults.add([]Fault{d.fault(1, 1, fmt.Sprintf("the files up to this one have more than %d lines, keys, list items, brackets and quotes together", maxMarks))})
			return nil, faults
		}
		doc, bad := readDocument(f.name, f.text, fileBounds())
		faults.add(bad)
		docs = append(docs, doc)
	}
	if len(faults.List) > 0 {
		return nil, faults
	}
	if len(docs) == 0 {
		return nil, &Faults{List: []Fault{emptyFault(&document{file: s.path})}}
	}
	return parseDocuments(env, found, docs[0], docs[1:]...)
}

// LoadAccess reads path for who wants to talk to the weir that runs by it: where
// its admin address is, which token it takes, where its data is. Faults of the rest
// do not count: what the rest says, that weir knows. All else in the Config is
// not to be relied on.
func LoadAccess(path string, env Lookup) (*Config, error) {
	sources, err := ReadSources(path)
	if err != nil {
		return nil, err
	}
	cfg, err := sources.Load(env)
	var faults *Faults
	if !errors.As(err, &faults) {
		return cfg, err
	}
	for _, f := range sources.files {
		if f.pattern >= 0 {
			continue
		}
		doc, bad := readDocument(f.name, f.text, fileBounds())
		if len(bad) > 0 {
			return nil, err
		}
		r := newReader(env, doc)
		access := defaultConfig(env)
		r.config(access, &inclusion{patterns: sources.patterns, problems: map[int][]string{}, matches: map[int]int{}})
		for _, fault := range r.faults {
			if section, _, _ := strings.Cut(fault.Path, "."); section == "admin" || section == "auth" || section == "data_dir" {
				return nil, err
			}
		}
		return access, nil
	}
	return nil, err
}

// add adds the faults of a further file.
func (f *Faults) add(list []Fault) {
	room := min(maxFaults-len(f.List), len(list))
	f.List = slices.Concat(f.List, list[:room])
	f.More += len(list) - room
}
