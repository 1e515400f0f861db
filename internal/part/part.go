package part

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// program is what the part called name is started as.
func program(name string) string {
	if name == "natscli" {
		return "nats"
	}
	return name
}

// Able skips the test when err says that this machine or user lacks the part called
// name, which is no program; the test fails when WEIR_TEST_REQUIRE names it.
func Able(t testing.TB, name string, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if slices.Contains(strings.Split(os.Getenv("WEIR_TEST_REQUIRE"), ","), name) {
		t.Fatalf("WEIR_TEST_REQUIRE names %s: %v", name, err)
	}
	t.Skipf("%s: %v", name, err)
}

// Need returns the path of the program of the part called name. Without it the
// test is skipped, or fails when WEIR_TEST_REQUIRE names it.
func Need(t testing.TB, name string) string {
	t.Helper()
	for _, candidate := range []string{program(name), "/usr/sbin/" + program(name)} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	if slices.Contains(strings.Split(os.Getenv("WEIR_TEST_REQUIRE"), ","), name) {
		t.Fatalf("WEIR_TEST_REQUIRE names %s, and it is not installed", name)
	}
	t.Skipf("%s is not installed", name)
	return ""
}
