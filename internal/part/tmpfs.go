package part

import (
	"fmt"
	"os/exec"
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
	Able(t, "tmpfs", fmt.Errorf("it cannot be mounted: %w: %s", err, text))
	return ""
}
