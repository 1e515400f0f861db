package verdicts

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	fileName = "verdicts.jsonl"
	lockName = "lock"
)

// Defaults and bounds of the pace.
const (
	// DefaultDelay is how long after a change the file is written.
	DefaultDelay = 50 * time.Millisecond
	// retryFirst and retryMost bound the pause after a write that failed.
	retryFirst = time.Second
	retryMost  = time.Minute
)

// Config sets a Keeper up.
type Config struct {
	// Dir is the data directory; it is made when it is not there. Required.
	Dir string
	// Delay is how long after a change the file is written; 0 = DefaultDelay.
	Delay  time.Duration
	Logger *slog.Logger
}

// Keeper has the data directory locked and writes the file. Make it with Open.
type Keeper struct {
	cfg     Config
	path    string
	lock    *os.File
	touched chan struct{}
	problem atomic.Pointer[string]

	start, end sync.Once
	stop, done chan struct{}
}

// Open locks the data directory and reads what the last process left. A file
// that cannot be read is moved aside and told in the log. The errors are
// ErrLocked and ErrDir.
func Open(cfg Config) (*Keeper, []Entry, error) {
	if cfg.Delay == 0 {
		cfg.Delay = DefaultDelay
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("%w: make %s: %w", ErrDir, cfg.Dir, err)
	}
	lock, err := lockDir(cfg.Dir)
	if err != nil {
		return nil, nil, err
	}
	k := &Keeper{cfg: cfg, path: filepath.Join(cfg.Dir, fileName), lock: lock,
		touched: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
	k.removeTemporary()
	entries, aside, err := load(k.path, time.Now())
	switch {
	case aside != "":
		cfg.Logger.Warn("verdicts of the last run cannot be used; every peer is probed before it counts as known",
			"error", err, "moved_to", aside)
	case err != nil:
		cfg.Logger.Warn("verdicts of the last run cannot be read", "file", k.path, "error", err)
	}
	return k, entries, nil
}

// lockDir takes the lock, which is flock(2): it ends with its process, however that ends.
func lockDir(dir string) (*os.File, error) {
	path := filepath.Join(dir, lockName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%w: open %s: %w", ErrDir, path, err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return f, nil
	}
	_ = f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("%s: %w; stop it, or give this one a data_dir of its own", dir, ErrLocked)
	}
	return nil, fmt.Errorf("%w: lock %s: %w", ErrDir, path, err)
}

// removeTemporary removes what a process left that was killed as it wrote.
func (k *Keeper) removeTemporary() {
	left, _ := filepath.Glob(k.path + ".tmp-*") // the pattern is good
	for _, path := range left {
		if err := os.Remove(path); err != nil {
			k.cfg.Logger.Warn("cannot remove a temporary file", "file", path, "error", err)
		}
	}
}

// Touch says that something changed. It never waits.
func (k *Keeper) Touch() {
	select {
	case k.touched <- struct{}{}:
	default: // said already
	}
}

// Problem says why the file cannot be written; empty when all is well.
func (k *Keeper) Problem() string {
	if p := k.problem.Load(); p != nil {
		return *p
	}
	return ""
}

// Start begins to write what collect returns, whenever Touch was called. collect
// is called from the Keeper's goroutine.
func (k *Keeper) Start(collect func() []Entry) {
	k.start.Do(func() { go k.run(collect) })
}

// Close writes once more, if anything is due, ends the Keeper and unlocks the
// directory.
func (k *Keeper) Close() error {
	k.start.Do(func() { close(k.done) }) // never started
	k.end.Do(func() { close(k.stop) })
	<-k.done
	if err := k.lock.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("unlock %s: %w", k.cfg.Dir, err)
	}
	return nil
}

// run is the Keeper's goroutine.
func (k *Keeper) run(collect func() []Entry) {
	defer close(k.done)
	pause := k.cfg.Delay
	for {
		select {
		case <-k.touched:
		case <-k.stop:
			select {
			case <-k.touched:
				k.write(collect)
			default:
			}
			return
		}
		if !k.wait(pause) {
			k.write(collect)
			return
		}
		// What is told from here on may be too late for this write.
		pause = k.next(pause, k.write(collect))
	}
}

// wait returns false when the Keeper is to end.
func (k *Keeper) wait(pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-k.stop:
		return false
	}
}

// next returns the pause before the next write. took is what the last one took,
// negative if it failed.
func (k *Keeper) next(pause, took time.Duration) time.Duration {
	if took >= 0 {
		return max(k.cfg.Delay, 10*took)
	}
	k.Touch() // it is still due
	return min(max(2*pause, retryFirst), retryMost)
}

// write writes the file and returns how long that took, negative if it failed.
func (k *Keeper) write(collect func() []Entry) time.Duration {
	select {
	case <-k.touched: // before it reads: what comes later is for the next
	default:
	}
	begun := time.Now()
	err := save(k.path, collect(), begun)
	if err != nil {
		text := fmt.Sprintf("verdicts cannot be written to %s: %v", k.path, err)
		if k.problem.Swap(&text) == nil {
			k.cfg.Logger.Warn("verdicts cannot be written; a restart would begin with the last ones that could", "file", k.path, "error", err)
		}
		return -1
	}
	if k.problem.Swap(nil) != nil {
		k.cfg.Logger.Info("verdicts are written again", "file", k.path)
	}
	return time.Since(begun)
}
