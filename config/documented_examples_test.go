package config

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

func TestDocumentedExamplesAreSound(t *testing.T) {
	text, err := os.ReadFile("../docs/config.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) < 6 {
		t.Fatalf("found %d examples only", len(blocks))
	}
	for _, block := range blocks {
		example := block[1]
		t.Run(strings.SplitN(example, "\n", 2)[0], func(t *testing.T) {
			if strings.HasPrefix(example, "include:") { // a text has no folder
				example = strings.SplitN(example, "\n", 2)[1]
			}
			if !strings.Contains(example, "listeners:") {
				example += "listeners: [{addr: \":1\"}]\n"
			}
			cfg := mustParse(t, example)
			if len(cfg.Warnings) > 0 {
				t.Errorf("warnings: %v", cfg.Warnings)
			}
		})
	}
}
