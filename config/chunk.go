package config

import (
	"errors"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// chunkKeys is how many keys of one mapping the parser gets at once. It calls
// itself for each key and copies what it has each time, so that a mapping of
// 10,000 upstreams costs it half a gigabyte and 100,000 are beyond it.
const chunkKeys = 256

// chunk is a run of entries of a block mapping that stands under a key of the
// document, which is to be parsed by itself.
type chunk struct {
	parent   *token.Token // the key in the document
	from, to int          // tokens
}

// parseTokens parses a document, long mappings in chunks. The result is that of
// parsing it at once.
func parseTokens(tokens token.Tokens, size int) (*ast.File, error) {
	chunks := chunksOf(tokens, size)
	if len(chunks) == 0 {
		return parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	}
	rest := make(token.Tokens, 0, len(tokens))
	at := 0
	for _, c := range chunks {
		rest = append(rest, tokens[at:c.from]...)
		at = c.to
	}
	rest = append(rest, tokens[at:]...)
	file, err := parser.Parse(rest, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, err
	}
	mappings := childMappings(file)
	for _, c := range chunks {
		into := mappings[c.parent]
		part, err := parser.Parse(tokens[c.from:c.to], 0, parser.AllowDuplicateMapKey())
		if err != nil {
			return nil, err
		}
		mapping := onlyMapping(part)
		if into == nil || mapping == nil {
			return nil, errors.New("a long mapping cannot be read")
		}
		into.Values = append(into.Values, mapping.Values...)
	}
	return file, nil
}

// chunksOf returns what of the tokens is to be parsed apart: of each mapping
// under a key of the document the entries from the second chunk on.
func chunksOf(tokens token.Tokens, size int) []chunk {
	var chunks []chunk
	var parent *token.Token // the key whose mapping is counted
	outer, inner, keys, flow := 0, 0, 0, 0
	open, fresh := false, false // a chunk is open; a key of the document has just begun
	end := func(i int) {
		if open {
			chunks[len(chunks)-1].to = i
		}
		open = false
	}
	for i, tk := range tokens {
		switch tk.Type {
		case token.MappingStartType, token.SequenceStartType:
			flow++
		case token.MappingEndType, token.SequenceEndType:
			flow--
		case token.CommentType, token.MappingValueType:
			continue
		}
		column := tk.Position.Column
		switch key := flow == 0 && isKey(tokens, i); {
		case key && (outer == 0 || column == outer):
			end(i)
			outer, parent, inner, keys, fresh = column, tk, 0, 0, true
			continue
		case fresh && key && column > outer:
			inner, keys = column, 1
		case fresh:
			parent = nil // its value is no block mapping
		case key && parent != nil && column == inner:
			if keys++; keys%size == 1 {
				end(i)
				chunks, open = append(chunks, chunk{parent: parent, from: i}), true
			}
		}
		fresh = false
	}
	end(len(tokens))
	return chunks
}

// childMappings returns the block mappings under the keys of a document.
func childMappings(file *ast.File) map[*token.Token]*ast.MappingNode {
	mappings := map[*token.Token]*ast.MappingNode{}
	root := onlyMapping(file)
	if root == nil {
		return mappings
	}
	for _, pair := range root.Values {
		if m, ok := pair.Value.(*ast.MappingNode); ok && !m.IsFlowStyle {
			mappings[pair.Key.GetToken()] = m
		}
	}
	return mappings
}

// onlyMapping returns the mapping that a file is, or nil.
func onlyMapping(file *ast.File) *ast.MappingNode {
	var mapping *ast.MappingNode
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		m, ok := doc.Body.(*ast.MappingNode)
		if !ok || mapping != nil {
			return nil
		}
		mapping = m
	}
	return mapping
}
