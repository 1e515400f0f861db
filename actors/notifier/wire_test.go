package notifier

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/weirproxy/weir/messages"
)

var update = flag.Bool("update", false, "write the golden files")

const schemas = "../../docs/events"

// golden is what a golden file holds: what leaves for one event.
type golden struct {
	Subject string            `json:"subject"`
	Header  map[string]string `json:"header"`
	Body    json.RawMessage   `json:"body"`
}

func TestEventsLeaveAsTheyAreWrittenDown(t *testing.T) {
	for name, r := range records(t) {
		t.Run(name, func(t *testing.T) {
			var got strings.Builder
			enc := json.NewEncoder(&got)
			enc.SetEscapeHTML(false)
			enc.SetIndent("", "  ")
			if err := enc.Encode(golden{r.Subject, cfg().headers(r), r.Body}); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", name+".json")
			if *update {
				if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("not as in %s (-want +got):\n%s", file, diff)
			}
			validate(t, r)
			r.Body = (&entry{record: r, late: true}).body()
			validate(t, r)
			if want := `,"late":true}`; !strings.HasSuffix(string(r.Body), want) {
				t.Errorf("stored late it is %s", r.Body)
			}
		})
	}
}

// validate checks a record against the schema of its type.
func validate(t *testing.T, r Record) {
	t.Helper()
	schema := compile(t, r.Type)
	body, err := jsonschema.UnmarshalJSON(strings.NewReader(string(r.Body)))
	if err != nil {
		t.Fatalf("%v: %s", err, r.Body)
	}
	if err := schema.Validate(body); err != nil {
		t.Errorf("%s does not fit its schema: %v", r.Body, err)
	}
}

func compile(t *testing.T, kind string) *jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	schema, err := compiler.Compile(filepath.Join(schemas, kind+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func TestEveryGoldenFileIsOfASample(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(records(t)) {
		t.Errorf("%d golden files for %d samples", len(files), len(records(t)))
	}
}

func TestSchemasDescribeWhatLeavesAndNoMore(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range records(t) {
		seen[r.Type] = true
		var body map[string]any
		if err := json.Unmarshal(r.Body, &body); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(schemas, r.Type+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var schema struct {
			Properties           map[string]struct{ Description string }
			Required             []string
			AdditionalProperties bool
		}
		if err := json.Unmarshal(text, &schema); err != nil {
			t.Fatal(err)
		}
		if !schema.AdditionalProperties {
			t.Errorf("%s: types may gain fields, so the schema must allow them", r.Type)
		}
		// late is described, and only there when it is true.
		if len(schema.Required) != len(body) || len(schema.Properties) != len(body)+1 || schema.Properties["late"].Description == "" {
			t.Errorf("%s: %d fields, of which the schema requires %d and describes %d", r.Type, len(body), len(schema.Required), len(schema.Properties))
		}
		for name := range body {
			if schema.Properties[name].Description == "" {
				t.Errorf("%s: the schema does not describe %s", r.Type, name)
			}
		}
	}
	files, err := filepath.Glob(filepath.Join(schemas, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if kind := strings.TrimSuffix(filepath.Base(file), ".json"); !seen[kind] {
			t.Errorf("there is no sample of %s", kind)
		}
	}
	if len(files) != len(seen) {
		t.Errorf("%d schemas for %d types", len(files), len(seen))
	}
}

func TestASchemaRefusesWhatIsNotItsEvent(t *testing.T) {
	r, _ := newEncoder(cfg()).encode(flip())
	schema := compile(t, typeFlip)
	for name, change := range map[string]func(map[string]any){
		"another type":       func(m map[string]any) { m["type"] = "weir.health.v2.flip" },
		"a missing field":    func(m map[string]any) { delete(m, "held_s") },
		"a fraction":         func(m map[string]any) { m["held_s"] = 1.5 },
		"an unknown verdict": func(m map[string]any) { m["to"] = "Verdict(7)" },
		"a local time":       func(m map[string]any) { m["time"] = "2026-11-23T13:00:00+01:00" },
		"no time at all":     func(m map[string]any) { m["time"] = "noonZ" },
		"late, but not":      func(m map[string]any) { m["late"] = false },
	} {
		t.Run(name, func(t *testing.T) {
			var body map[string]any
			if err := json.Unmarshal(r.Body, &body); err != nil {
				t.Fatal(err)
			}
			change(body)
			if schema.Validate(body) == nil {
				t.Error("it is accepted")
			}
		})
	}
}

func TestTheReadmeShowsARealFlip(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(schemas, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```json\n")
	body, _, ok := strings.Cut(rest, "\n```")
	if !ok {
		t.Fatal("no example in it")
	}
	validate(t, Record{Type: typeFlip, Body: []byte(body)})
	var shown, real flipJSON
	r, _ := newEncoder(cfg()).encode(flip())
	if json.Unmarshal([]byte(body), &shown) != nil || json.Unmarshal(r.Body, &real) != nil {
		t.Fatal("no JSON")
	}
	if shown != real {
		t.Errorf("the README shows\n%+v\nbut it is\n%+v", shown, real)
	}
}

func TestIdsAreUniqueAndReproducible(t *testing.T) {
	base := flip()
	id := func(c Config, f messages.Flipped) string {
		r, _ := newEncoder(c).encode(f)
		return r.ID
	}
	if first, second := id(cfg(), base), id(cfg(), base); first != second {
		t.Error("the same flip has two ids")
	}
	seen := map[string]string{id(cfg(), base): "the flip itself"}
	for name, change := range map[string]func(*Config, *messages.Flipped){
		"another upstream":           func(_ *Config, f *messages.Flipped) { f.Upstream = "web2" },
		"another peer":               func(_ *Config, f *messages.Flipped) { f.Peer = "10.0.0.2:8080" },
		"the border between the two": func(_ *Config, f *messages.Flipped) { f.Upstream, f.Peer = "web1", "0.0.0.1:8080" },
		"another member":             func(c *Config, _ *messages.Flipped) { c.Member = "b" },
		"another incarnation":        func(c *Config, _ *messages.Flipped) { c.Incarnation = "2" },
		"the next flip":              func(_ *Config, f *messages.Flipped) { f.Seq++ },
		"a peer that came back":      func(_ *Config, f *messages.Flipped) { f.At = f.At.Add(time.Nanosecond) },
	} {
		c, f := cfg(), base
		change(&c, &f)
		got := id(c, f)
		if other, taken := seen[got]; taken {
			t.Errorf("%s has the id of %s", name, other)
		}
		seen[got] = name
	}
	e := newEncoder(cfg())
	again := messages.UpstreamChanged{Upstream: "web", Change: messages.UpstreamDown, At: noon()}
	a, _ := e.encode(again)
	b, _ := e.encode(again)
	if a.ID == b.ID {
		t.Error("two changes that look alike have one id")
	}
}

func TestDetailsAreBoundedAndValid(t *testing.T) {
	for name, detail := range map[string]string{
		"long":                     strings.Repeat("x", 1<<20),
		"long, of wide letters":    strings.Repeat("€", 1<<18),
		"long, of odd alignment":   "x" + strings.Repeat("€", 1<<18),
		"not UTF-8":                strings.Repeat("x\xff", 2000),
		"long, not UTF-8, at last": strings.Repeat("x", maxDetail) + "\xe2\x82",
	} {
		t.Run(name, func(t *testing.T) {
			f := flip()
			f.Detail = detail
			r, _ := newEncoder(cfg()).encode(f)
			var body flipJSON
			if err := json.Unmarshal(r.Body, &body); err != nil {
				t.Fatal(err)
			}
			if len(body.Detail) > maxDetail || len(body.Detail) < maxDetail-8 || !utf8.ValidString(body.Detail) || !strings.HasSuffix(body.Detail, "…") {
				t.Errorf("%d bytes, valid %v, ends with %q", len(body.Detail), utf8.ValidString(body.Detail), body.Detail[len(body.Detail)-3:])
			}
			validate(t, r)
		})
	}
	if exact := strings.Repeat("x", maxDetail); clip(exact) != exact {
		t.Error("a detail that fits is cut")
	}
}
