package config

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/weirproxy/weir/messages"
)

// Load reads and checks a configuration file and what it includes. The error
// is *Faults when the content is not valid, else says why the file could not be
// read. env finds the variables that the files name.
func Load(path string, env Lookup) (*Config, error) {
	sources, err := ReadSources(path)
	if err != nil {
		return nil, err
	}
	return sources.Load(env)
}

// Parse checks the text of a configuration file. file is its name for
// messages. Text has no folder, so include is a fault in it. An error is always
// *Faults.
func Parse(file string, text []byte, env Lookup) (*Config, error) {
	doc, faults := readDocument(file, text, fileBounds())
	if len(faults) > 0 {
		return nil, &Faults{List: faults}
	}
	return parseDocuments(env, nil, doc)
}

// parseDocuments reads the keys and values of documents whose syntax is good.
// found is what the include of the first one led to; nil: it may have none.
func parseDocuments(env Lookup, found *inclusion, doc *document, included ...*document) (*Config, error) {
	if env == nil {
		env = func(string) (string, bool) { return "", false }
	}
	r := newReader(env, doc, included...)
	if doc.root == nil || r.root().isNull() {
		return nil, &Faults{List: []Fault{emptyFault(doc)}}
	}
	cfg := r.config(defaultConfig(env), found)
	if err := r.err(); err != nil {
		return nil, err
	}
	return cfg, nil
}

// minimal is the smallest file that does something.
const minimal = `a small configuration is:

listeners:
  - addr: ":8080"
routes:
  all: {upstream: web}
upstreams:
  web: {addrs: ["localhost:3001"]}`

func emptyFault(doc *document) Fault {
	f := doc.fault(1, 1, "there is no configuration in it")
	f.Hint = minimal
	return f
}

// config reads all documents into cfg, which holds the defaults.
func (r *reader) config(cfg *Config, found *inclusion) *Config {
	o, ok := r.root().object("keys and values such as listeners, routes, upstreams")
	if !ok {
		return cfg
	}
	r.settings(o, cfg)
	o.include(found)
	parts := append([]*object{o}, r.included()...)
	upstreams := named(parts, "upstreams", item.upstream)
	routes := named(parts, "routes", item.route)
	o.close()
	for _, part := range parts[1:] {
		part.closeIncluded(o)
	}
	checkRoutes(routes, upstreams, cfg.Listeners)
	o.checkDockerHost(&cfg.Docker, upstreams)
	cfg.Desired = messages.Desired{
		Upstreams: sorted(upstreams, func(s messages.UpstreamSpec) string { return s.Name }),
		Routes:    sorted(routes, func(s messages.RouteSpec) string { return s.Name }),
	}
	cfg.Files = slices.Clone(r.origins.files)
	cfg.Warnings, cfg.origins, cfg.remarks = r.warnings, r.origins, r.remarks
	return cfg
}

// definition is a named value of the file.
type definition[T any] struct {
	entry
	spec T
	// sound is false when spec has a fault, so that a default stands in its place.
	sound bool
}

// named reads the mappings of names to values of one kind that the parts have
// under key.
func named[T any](parts []*object, key string, parse func(v item, name string) T) []definition[T] {
	var definitions []definition[T]
	first := map[string]entry{}
	for _, o := range parts {
		v, ok := o.get(key)
		if !ok {
			continue
		}
		entries, ok := v.entries("a mapping of names", func(string) string { return "NAME" })
		if !ok {
			continue
		}
		definitions = slices.Grow(definitions, len(entries))
		for _, e := range entries {
			before := len(o.r.faults)
			other, twice := first[e.name]
			switch {
			case !isName(e.name):
				e.badKey(fmt.Sprintf("want a name (%s), not %s", wantName, quote(e.name)))
			case twice:
				e.report(startOf(e.key), fmt.Sprintf("%s is defined twice, first in %s", e.name, other.seenFrom(e.doc)),
					"a name stands in one file; no file overrides another")
			default:
				first[e.name] = e
			}
			spec := parse(e.item, e.name)
			definitions = append(definitions, definition[T]{entry: e, spec: spec, sound: len(o.r.faults) == before})
		}
	}
	return definitions
}

// sorted returns the specs of definitions in the order of their names.
func sorted[T any](definitions []definition[T], name func(T) string) messages.List[T] {
	specs := make([]T, 0, len(definitions))
	for _, d := range definitions {
		specs = append(specs, d.spec)
	}
	slices.SortFunc(specs, func(a, b T) int { return cmp.Compare(name(a), name(b)) })
	return messages.ListOf(specs...)
}

// ParseUpstream checks what stands under a name in upstreams, on its own: YAML
// or JSON, without variables. Paths in faults begin at the value. An error is
// always *Faults.
func ParseUpstream(name string, body []byte) (messages.UpstreamSpec, error) {
	return parseBody("upstream", name, body, item.upstream)
}

// ParseRoute checks what stands under a name in routes, on its own: YAML or
// JSON, without variables. Paths in faults begin at the value. An error is
// always *Faults.
func ParseRoute(name string, body []byte) (messages.RouteSpec, error) {
	return parseBody("route", name, body, item.route)
}

func parseBody[T any](kind, name string, body []byte, parse func(v item, name string) T) (T, error) {
	var none T
	doc, faults := readDocument("", body, bodyBounds())
	if len(faults) == 0 && !isName(name) {
		faults = append(faults, doc.fault(1, 1, fmt.Sprintf("%s %s: want a name (%s)", kind, quote(name), wantName)))
	}
	if len(faults) == 0 && doc.root == nil {
		faults = append(faults, doc.fault(1, 1, "the "+kind+" is empty"))
	}
	if len(faults) > 0 {
		return none, &Faults{List: faults}
	}
	r := newReader(nil, doc)
	spec := parse(r.root(), name)
	if err := r.err(); err != nil {
		return none, err
	}
	return spec, nil
}
