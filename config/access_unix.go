//go:build unix

package config

import "syscall"

// accessible asks whether this process may write to and search dir.
func accessible(dir string) bool {
	const search, write = 1, 2 // X_OK, W_OK
	return syscall.Access(dir, search|write) == nil
}
