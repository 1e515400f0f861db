package verdicts

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/weirproxy/weir/messages"
)

// The file is JSON lines: a header, an entry for each upstream, and an end that
// counts them, so that a file that was cut off is known.
const (
	format  = "weir verdicts"
	version = 1
	// maxLine bounds one upstream: some 400,000 peers.
	maxLine = 64 << 20
)

type headerLine struct {
	Format  string    `json:"format"`
	Version int       `json:"version"`
	Written time.Time `json:"written"`
}

type entryLine struct {
	Upstream string     `json:"upstream,omitempty"`
	Seen     *time.Time `json:"seen,omitempty"` // absent: when the file was written
	Peers    []peerLine `json:"peers,omitempty"`
	// End is on the last line alone: how many entries there are.
	End *int `json:"end,omitempty"`
}

type peerLine struct {
	Addr    string    `json:"addr"`
	Verdict string    `json:"verdict"`
	Since   time.Time `json:"since"`
	Reason  string    `json:"reason,omitempty"`
	Detail  string    `json:"detail,omitempty"`
	Flips   uint64    `json:"flips,omitempty"`
}

// encode writes a whole file.
func encode(w io.Writer, entries []Entry, now time.Time) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	if err := out.Encode(headerLine{Format: format, Version: version, Written: now.UTC()}); err != nil {
		return err
	}
	count := 0
	for _, e := range entries {
		if len(e.Peers) == 0 || now.Sub(e.Seen) > MaxAge {
			continue
		}
		line := entryLine{Upstream: e.Upstream, Peers: make([]peerLine, len(e.Peers))}
		if e.Seen.Before(now) {
			seen := e.Seen.UTC()
			line.Seen = &seen
		}
		for i, p := range e.Peers {
			line.Peers[i] = peerLine{Addr: p.Addr, Verdict: p.Verdict.String(), Since: p.Since.UTC(), Reason: string(p.Code), Detail: p.Detail, Flips: p.Flips}
		}
		if err := out.Encode(line); err != nil {
			return err
		}
		count++
	}
	return out.Encode(entryLine{End: &count})
}

// decode reads a whole file. Entries older than MaxAge are left out.
func decode(r io.Reader, now time.Time) ([]Entry, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	var header headerLine
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), &header) != nil || header.Format != format {
		return nil, errors.Join(errDamaged, lines.Err())
	}
	if header.Version != version {
		return nil, fmt.Errorf("%w: it has version %d, this weir reads version %d", errDamaged, header.Version, version)
	}
	var entries []Entry
	for number := 2; lines.Scan(); number++ {
		var line entryLine
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", errDamaged, number, err)
		}
		if line.End != nil {
			if *line.End != number-2 || lines.Scan() {
				return nil, fmt.Errorf("%w: line %d ends %d entries", errDamaged, number, *line.End)
			}
			return entries, lines.Err()
		}
		e, err := line.entry(header.Written)
		if err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", errDamaged, number, err)
		}
		if now.Sub(e.Seen) <= MaxAge {
			entries = append(entries, e)
		}
	}
	return nil, errors.Join(fmt.Errorf("%w: its end is missing", errDamaged), lines.Err())
}

func (l entryLine) entry(written time.Time) (Entry, error) {
	e := Entry{Upstream: l.Upstream, Seen: written, Peers: make([]Peer, len(l.Peers))}
	if l.Seen != nil {
		e.Seen = *l.Seen
	}
	if e.Upstream == "" {
		return e, errors.New("an entry without an upstream")
	}
	for i, p := range l.Peers {
		kept := Peer{Addr: p.Addr, Since: p.Since, Code: messages.Code(p.Reason), Detail: p.Detail, Flips: p.Flips}
		switch p.Verdict {
		case messages.Healthy.String():
			kept.Verdict = messages.Healthy
		case messages.Unhealthy.String():
			kept.Verdict = messages.Unhealthy
		default:
			return e, fmt.Errorf("peer %q has the verdict %q", p.Addr, p.Verdict)
		}
		if p.Addr == "" {
			return e, errors.New("a peer without an address")
		}
		e.Peers[i] = kept
	}
	return e, nil
}

// load reads the file at path; none is no error. A file that cannot be used is
// moved aside, and its new name is returned with the error.
func load(path string, now time.Time) (entries []Entry, aside string, err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	entries, err = decode(f, now)
	_ = f.Close() // it was only read
	if err == nil {
		return entries, "", nil
	}
	aside = path + ".damaged-" + now.UTC().Format("20060102T150405Z")
	if moved := os.Rename(path, aside); moved != nil {
		return nil, "", errors.Join(err, moved)
	}
	return nil, aside, err
}

// save replaces the file at path whole.
func save(path string, entries []Entry, now time.Time) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".tmp-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(), os.Remove(f.Name()))
		}
	}()
	buffer := bufio.NewWriterSize(f, 256<<10)
	if err := encode(buffer, entries, now); err != nil {
		return err
	}
	if err := buffer.Flush(); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes the rename last over a power failure.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
