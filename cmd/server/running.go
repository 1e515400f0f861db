package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// runningFile is in data_dir while weir runs: where it can be asked, and with
// what. The configuration file may say something else by now, for both count
// after a restart only. Its owner alone may read it.
const runningFile = "running.json"

// running is what is in the file.
type running struct {
	Admin string `json:"admin"`
	Token string `json:"token,omitempty"`
}

// noteRunning writes the file.
func noteRunning(dir string, r running) error {
	text, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("data_dir: %w", err)
	}
	path := filepath.Join(dir, runningFile)
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return fmt.Errorf("data_dir: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("data_dir: %w", err)
	}
	return nil
}

// readRunning returns what is in the file; false when nothing runs there, or it
// is not ours to read.
func readRunning(dir string) (r running, ok bool) {
	text, err := os.ReadFile(filepath.Join(dir, runningFile))
	if err != nil || json.Unmarshal(text, &r) != nil || r.Admin == "" {
		return running{}, false
	}
	return r, true
}

// forgetRunning removes the file.
func forgetRunning(dir string) { _ = os.Remove(filepath.Join(dir, runningFile)) } // it only helps to find weir
