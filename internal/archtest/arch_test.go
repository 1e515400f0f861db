package archtest

import (
	"os"
	"path/filepath"
	"testing"
)

// root is the module's folder; tests run in the folder of their package.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
		t.Fatalf("find the module: %v", err)
	}
	return dir
}

func TestArchitecture(t *testing.T) {
	tree, err := load(root(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range architecture().check(tree) {
		t.Error(f)
	}
}

func TestEveryMessageIsHandled(t *testing.T) {
	v, err := loadVocabulary(root(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range v.check() {
		t.Error(f)
	}
}
