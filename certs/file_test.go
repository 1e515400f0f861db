package certs

import (
	"os"
	"testing"
	"time"
)

func TestAFileIsReadWhenItMayHaveChanged(t *testing.T) {
	dir := t.TempDir()
	name := put(t, dir+"/a", []byte("one"))
	f := files{names: []string{name}}
	read := func() string {
		t.Helper()
		texts, err := f.read()
		if err != nil {
			t.Fatal(err)
		}
		return string(texts[0])
	}
	read()
	if f.unchanged() {
		t.Error("a file that was written just now is trusted: the next write may leave no trace")
	}
	long := time.Now().Add(-time.Hour)
	set := func() {
		t.Helper()
		if err := os.Chtimes(name, long, long); err != nil {
			t.Fatal(err)
		}
	}
	set()
	read()
	if !f.unchanged() {
		t.Error("a file that nobody touched is read again")
	}
	put(t, name, []byte("two"))
	set() // in place, of the same size, with its time set back: stat cannot tell
	looks := 0
	for f.unchanged() {
		if looks++; looks > rereadEvery {
			t.Fatal("it is never read again")
		}
	}
	if got := read(); got != "two" {
		t.Errorf("got %q", got)
	}
	put(t, dir+"/b", []byte("new"))
	if err := os.Chtimes(dir+"/b", long, long); err != nil {
		t.Fatal(err)
	}
	mustRename(t, dir+"/b", name)
	if f.unchanged() {
		t.Error("another file of the same size and time is not read")
	}
}
