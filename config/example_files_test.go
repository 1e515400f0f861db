package config

import (
	"path/filepath"
	"testing"
)

func TestEveryExampleLoads(t *testing.T) {
	files, err := filepath.Glob("../examples/*.yaml")
	if err != nil || len(files) < 2 {
		t.Fatalf("examples: %v, %v", files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			cfg, err := Load(file, noEnv)
			if err != nil {
				t.Fatal(err)
			}
			if len(cfg.Warnings) > 0 {
				t.Errorf("warnings: %v", cfg.Warnings)
			}
			again, err := Parse("effective", []byte(cfg.Effective()), noEnv)
			if err != nil {
				t.Fatalf("the effective configuration does not parse: %v\n%s", err, cfg.Effective())
			}
			if changes := Diff(cfg.Desired, again.Desired); !changes.Empty() {
				t.Errorf("the effective configuration differs: %+v\n%s", changes, cfg.Effective())
			}
			t.Log("\n" + cfg.Effective())
		})
	}
}
