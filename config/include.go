package config

import (
	"bytes"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

const (
	includeKey = "include"
	// maxPatterns, maxFiles and maxTotal bound what is read again each second.
	maxPatterns = 100
	maxFiles    = 1000
	maxTotal    = 64 << 20
)

// inclusion is what the include of a file led to.
type inclusion struct {
	patterns []string
	// problems and matches are by pattern: what could not be read, and how many
	// files there are.
	problems map[int][]string
	matches  map[int]int
}

// includePatterns returns what the include key of a text has, and nothing when
// the text is not sound: whoever parses it says why.
func includePatterns(path string, text []byte) []string {
	// Most files have no include. Parsing one of 10 MB to learn that takes seconds.
	if !bytes.Contains(text, []byte(includeKey)) || !regexp.MustCompile(`(?m)(^|[\s{,"'])include["']?\s*:`).Match(text) {
		return nil
	}
	doc, faults := readDocument(path, text, fileBounds())
	if len(faults) > 0 || doc.root == nil {
		return nil
	}
	o, ok := newReader(nil, doc).root().object("")
	if !ok {
		return nil
	}
	v, ok := o.get(includeKey)
	if !ok {
		return nil
	}
	patterns, _ := v.patterns()
	return patterns
}

// patterns returns the patterns of an include. Those with a fault are empty.
func (v item) patterns() ([]string, []item) {
	items, ok := v.list("a list such as [conf.d/*.yaml]")
	if !ok {
		return nil, nil
	}
	if len(items) > maxPatterns {
		v.faultf("want at most %d patterns, not %d", maxPatterns, len(items))
		return nil, nil
	}
	patterns := make([]string, 0, len(items))
	for _, v := range items {
		patterns = append(patterns, v.pattern())
	}
	return patterns, items
}

// pattern returns a pattern of file names, or nothing when it has a fault. It
// has no variables, so that what is read depends on the file alone.
func (v item) pattern() string {
	s, ok := v.written("a pattern of file names such as conf.d/*.yaml")
	if !ok {
		return ""
	}
	v.note()
	_, bad := filepath.Match(s.text, "")
	switch {
	case strings.Contains(s.text, "${"):
		v.fault("variables are not taken in include: which files are read is for the file alone to say")
	case strings.Trim(s.text, " ") != s.text || s.text == "" || strings.ContainsFunc(s.text, func(r rune) bool { return r < ' ' || r == 0x7f }):
		v.faultf("want a pattern of file names such as conf.d/*.yaml, not %s", quote(s.text))
	case strings.Contains(s.text, "**"):
		v.hinted("name each folder: [conf.d/*.yaml, conf.d/*/*.yaml]", "** is not taken: "+quote(s.text))
	case bad != nil:
		v.hinted("* is any text, ? one character, [a-z] one of them", fmt.Sprintf("%s is not a pattern of file names", quote(s.text)))
	case strings.HasSuffix(s.text, "/"):
		v.hinted(quote(s.text+"*.yaml"), fmt.Sprintf("%s is a folder, not files", quote(s.text)))
	default:
		return s.text
	}
	return ""
}

// include checks the include key against what was read.
func (o *object) include(found *inclusion) {
	v, ok := o.get(includeKey)
	if !ok {
		return
	}
	patterns, items := v.patterns()
	if found == nil {
		v.fault("include is for files; this text is none")
		return
	}
	if !slices.Equal(patterns, found.patterns) {
		v.fault(`write the key as it is, "include:", without escapes`)
		return
	}
	for i, v := range items {
		for _, problem := range found.problems[i] {
			v.fault(problem)
		}
		if len(found.problems[i]) == 0 && found.matches[i] == 0 && patterns[i] != "" && !hasWildcard(patterns[i]) {
			v.warn(fmt.Sprintf("there is no file %s", shorten(patterns[i])))
		}
	}
}

// included returns the included documents as mappings; those with nothing in
// them are left out.
func (r *reader) included() []*object {
	var parts []*object
	for _, d := range r.docs[1:] {
		if d.root == nil || r.rootOf(d).isNull() {
			continue
		}
		if o, ok := r.rootOf(d).object("a mapping with upstreams and routes"); ok {
			parts = append(parts, o)
		}
	}
	return parts
}

// closeIncluded notes the keys of an included file that do not belong there.
// Settings of the process stand in the file that is named on the command line:
// so nobody who may drop a file into a folder can move a listener, open the
// admin address or take the operator token, and no two files can disagree.
func (o *object) closeIncluded(main *object) {
	for _, e := range o.entries {
		switch {
		case slices.Contains(o.asked, e.name):
		case e.name == includeKey:
			o.asked = append(o.asked, e.name)
			e.badKey("an included file includes no others")
		case slices.Contains(main.asked, e.name):
			o.asked = append(o.asked, e.name)
			e.report(startOf(e.key), e.name+" does not belong into an included file: it has upstreams and routes only",
				"move it to "+fileText(main.doc.file))
		}
	}
	o.close()
}
