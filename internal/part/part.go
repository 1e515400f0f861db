package part

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Need returns the path of the program called name. Without it the test is
// skipped, or fails when WEIR_TEST_REQUIRE names it.
func Need(t testing.TB, name string) string {
	t.Helper()
	for _, candidate := range []string{name, "/usr/sbin/" + name} {
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
