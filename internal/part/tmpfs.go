package part

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Tmpfs returns a folder on a file system of its own with that many bytes, for
// tests of full disks. Where nothing can be mounted (that takes root) the test
// is skipped, or fails when WEIR_TEST_REQUIRE names tmpfs.
func Tmpfs(t testing.TB, bytes int) string {
	t.Helper()
	dir := t.TempDir()
	text, err := exec.Command("mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%d", bytes), "tmpfs", dir).CombinedOutput()
	if err == nil {
		t.Cleanup(func() {
			if text, err := exec.Command("umount", "-l", dir).CombinedOutput(); err != nil {
				t.Errorf("umount %s: %v: %s", dir, err, text)
			}
		})
		return dir
	}
	if slices.Contains(strings.Split(os.Getenv("WEIR_TEST_REQUIRE"), ","), "tmpfs") {
		t.Fatalf("WEIR_TEST_REQUIRE names tmpfs, and it cannot be mounted: %v: %s", err, text)
	}
	t.Skip("tmpfs cannot be mounted")
	return ""
}
