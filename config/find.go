package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Find returns the configuration file to use: path when it is not empty, else
// ./weir.yaml, else /etc/weir/weir.yaml. ErrNotFound when neither is there.
func Find(path string, _ Lookup) (string, error) {
	if path != "" {
		return path, nil
	}
	places := []string{"weir.yaml", "/etc/weir/weir.yaml"}
	for _, place := range places {
		if info, err := os.Stat(place); err == nil && !info.IsDir() {
			return place, nil
		}
	}
	return "", fmt.Errorf("%w: neither ./%s; name one with -c, or begin without one: weir proxy :8080 localhost:3001",
		ErrNotFound, strings.Join(places, " nor "))
}

// systemDataDir is where an installed weir keeps its data.
const systemDataDir = "/var/lib/weir"

// DefaultDataDir returns the folder for data when the file names none:
// $STATE_DIRECTORY (systemd sets it), /var/lib/weir if it can be written to or
// made, $XDG_STATE_HOME/weir, ~/.local/state/weir, and ./weir-data when there is
// no home. It makes nothing.
func DefaultDataDir(env Lookup) string { return dataDir(env, systemDataDir) }

func dataDir(env Lookup, system string) string {
	get := func(name string) string {
		value, _ := env(name)
		return value
	}
	// systemd joins several by colons; the first is the service's own.
	if dir, _, _ := strings.Cut(get("STATE_DIRECTORY"), ":"); dir != "" {
		return dir
	}
	if canWrite(system) {
		return system
	}
	// A relative path is to be ignored (XDG base directory specification).
	if state := get("XDG_STATE_HOME"); filepath.IsAbs(state) {
		return filepath.Join(state, "weir")
	}
	if home := get("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, ".local", "state", "weir")
	}
	return "weir-data"
}

// canWrite tells whether dir can be written to, or made when it is not there.
func canWrite(dir string) bool {
	info, err := os.Stat(dir)
	if os.IsNotExist(err) {
		return accessible(filepath.Dir(dir))
	}
	return err == nil && info.IsDir() && accessible(dir)
}
