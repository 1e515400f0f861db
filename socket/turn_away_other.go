//go:build !linux

package socket

import "syscall"

// On other platforms clients cannot be turned away before a socket is closed, and
// nobody can be asked who waits: CloseGracefully is Close.

func turnAway(syscall.Conn) error { return nil }

func waits(syscall.Conn) (bool, error) { return false, nil }

func migrates() bool { return false }

// TurnsAway tells that there is nothing to be missed.
func TurnsAway() error { return nil }
