package config

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// outline prints a tree with the places of its keys and values.
func outline(b *strings.Builder, n ast.Node) {
	at := startOf(n).Position
	fmt.Fprintf(b, "%T %d", n, at.Line)
	if _, absent := n.(*ast.NullNode); !absent { // the place of what is not there is another at the end of a text
		fmt.Fprintf(b, ":%d ", at.Column)
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		for _, pair := range n.Values {
			outline(b, pair.Key)
			outline(b, pair.Value)
		}
	case *ast.SequenceNode:
		for _, v := range n.Values {
			outline(b, v)
		}
	default:
		b.WriteString(n.String())
	}
	b.WriteString(";\n")
}

// inChunks returns the outline of a text that is parsed in chunks of a size, or
// why it is refused.
func inChunks(t *testing.T, text string, size int) (outlined string, refused error) {
	t.Helper()
	tokens, err := tokenize(text)
	if err != nil || tokens.InvalidToken() != nil {
		return "", fmt.Errorf("tokens: %w", err)
	}
	if d := (&document{file: "", plain: []string{""}, lines: []string{""}}); len(d.checkTokens(tokens, fileBounds())) > 0 {
		return "", fmt.Errorf("refused")
	}
	file, err := parseTokens(tokens, size)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, doc := range file.Docs {
		if doc.Body != nil {
			outline(&b, doc.Body)
		}
	}
	return b.String(), nil
}

// compareChunks parses a text at once and in chunks.
func compareChunks(t *testing.T, text string) {
	t.Helper()
	want, wantErr := inChunks(t, text, 1<<30)
	for _, size := range []int{2, 3, 7} {
		got, err := inChunks(t, text, size)
		if (err != nil) != (wantErr != nil) || got != want {
			t.Fatalf("in chunks of %d: %v, at once: %v\n%s\n%s\n%s", size, err, wantErr, text, got, want)
		}
	}
}

func TestChunksMakeNoDifference(t *testing.T) {
	for _, pattern := range []string{"testdata/faults/*.yaml", "../examples/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			compareChunks(t, plainText(string(text)))
		}
	}
	random := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // repeatable
	for range 100 {
		compareChunks(t, randomConfig(random))
	}
	for _, text := range []string{
		"a:\n  b: 1\n  c: 2\n  d: 3\n  e: 4\n",
		"  a:\n    b: 1\n    c: 2\n    d:\n     x: 1\n     y: 1\n     z: 1\n  e: 4\n",
		"a: {b: 1, c: 2,\n d: 3, e: 4}\nf:\n  g: 1\n  h: |\n   i: 1\n   j: 2\n  k: 'l: 1\n    m: 2'\n  n: 3\n",
		"a:\n- b: 1\n  c: 2\n  d: 3\n- e: 4\n",
		"a:\n  # x\n  b: 1 # y\n  # z\n  c: 2\n\n  d: 3\n# end\n",
		"---\na:\n  b: 1\n  c: 2\n  d: 3\n...\n",
		"a:\n  b: 1\n  c: 2\n   d: 3\n  e: 4\n",
		"a:\n  b: 1\n  c: 2\n d: 3\n  e: 4\n",
		"a:\n  b: 1\n  c: 2\n  - d\n  e: 4\n",
		"a:\n  b: 1\n  c: 2\n  d\n  e: 4\n  f: 5\n",
		"a:\n  b: 1\n  c: 2\n  d: 3: 4\n  e: 4\n",
		"a:\n  b: 1\n  c:\n  d: 3\n  e:\n",
		"a: x\n  b: 1\n  c: 2\n  d: 3\n",
		"a:\n  b: 1\n  b: 2\n  b: 3\na:\n  b: 4\n  b: 5\n  b: 6\n",
	} {
		compareChunks(t, text)
	}
}

func TestLongMappingsAreParsedInChunks(t *testing.T) {
	tokens, err := tokenize(manyUpstreams(1000, 1))
	if err != nil {
		t.Fatal(err)
	}
	parents := map[*token.Token]int{}
	for _, c := range chunksOf(tokens, chunkKeys) {
		parents[c.parent]++
	}
	if len(parents) != 2 {
		t.Errorf("chunks of %d mappings, want routes and upstreams", len(parents))
	}
}

func manyUpstreams(n, peers int) string {
	var b strings.Builder
	b.WriteString("listeners: [{addr: \":8080\"}]\nroutes:\n")
	for i := range n {
		fmt.Fprintf(&b, "  r%d: {host: h%d.example.com, path: /v1/, upstream: u%d}\n", i, i, i)
	}
	b.WriteString("upstreams:\n")
	for i := range n {
		fmt.Fprintf(&b, "  u%d:\n    addrs:\n", i)
		for j := range peers {
			fmt.Fprintf(&b, "      - 10.%d.%d.%d:8080 %d\n", i/250, i%250, j+1, j+1)
		}
		b.WriteString("    health_check: \"http://api/healthz?check_frequency=5s\"\n    queue_timeout: 2s\n")
	}
	return b.String()
}

// allocated returns how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestLoadingGrowsWithTheNumberOfUpstreams(t *testing.T) {
	load := func(n int) uint64 {
		text := []byte(manyUpstreams(n, 10))
		return allocated(func() {
			cfg, err := Parse("big.yaml", text, noEnv)
			if err != nil || cfg.Desired.Upstreams.Len() != n || cfg.Desired.Routes.Len() != n {
				t.Errorf("%d upstreams: %v", n, err)
			}
		})
	}
	few, many := load(1000), load(10_000)
	t.Logf("allocated %d MB for 1,000 upstreams of 10 peers, %d MB for 10,000", few>>20, many>>20)
	if many > 15*few { // 10 by proportion; a step that copies what it has is far above
		t.Errorf("ten times the upstreams take %.1f times the memory", float64(many)/float64(few))
	}
}

func BenchmarkLoad10000(b *testing.B) {
	text := []byte(manyUpstreams(10_000, 10))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("big.yaml", text, noEnv); err != nil {
			b.Fatal(err)
		}
	}
}
