package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weirproxy/weir/admin"
	"github.com/weirproxy/weir/config"
	"github.com/weirproxy/weir/internal/meter"
	"github.com/weirproxy/weir/messages"
)

// reloader puts a changed configuration file in force: when its content
// changed, on a signal, and when the operator asks. One goroutine does it, one
// reload at a time. A file that is refused changes nothing.
type reloader struct {
	weir *weir
	// sources are the texts that the process began with; file is where they are from, empty = nowhere.
	sources config.Sources
	file    string
	env     config.Lookup
	level   *slog.LevelVar
	log     *slog.Logger

	requests chan reloadRequest
	stop     context.CancelFunc
	done     chan struct{}

	// running is what is in force; of what needs a restart, what the process began with.
	running atomic.Pointer[config.Config]
	// taken is the content that was put in force or refused last.
	taken config.Sources
	// unreadable tells that the file could not be read last.
	unreadable bool
	// refused says why the content of the file is not in force; nil = it is.
	refused atomic.Pointer[refusedFile]
	counts  struct{ applied, rejected atomic.Uint64 }
	// appliedAt is when a file was put in force last, in Unix seconds.
	appliedAt atomic.Int64
}

// refusedFile is a file that is not in force.
type refusedFile struct {
	at   time.Time
	text string
}

// reloadRequest asks for a reload; answer has room for one.
type reloadRequest struct {
	cause  string
	answer chan<- reloadAnswer
}

type reloadAnswer struct {
	result admin.Reloaded
	err    error
}

// errStopping is returned when a reload was asked for as weir stopped.
var errStopping = errors.New("weir is stopping")

func newReloader(w *weir, opts options) *reloader {
	r := &reloader{weir: w, sources: opts.sources, file: opts.sources.Path(), taken: opts.sources, env: opts.env, level: opts.level, log: w.log, requests: make(chan reloadRequest), done: make(chan struct{})}
	r.running.Store(w.cfg)
	r.appliedAt.Store(time.Now().Unix())
	return r
}

// start begins to watch the file. hangups asks for a reload by signal; nil = never.
func (r *reloader) start(hangups <-chan os.Signal) {
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	go r.run(ctx, hangups)
}

// close ends the reloader; a reload under way is given up.
func (r *reloader) close() {
	if r.stop != nil {
		r.stop()
		<-r.done
	}
}

// run is the reloader's goroutine.
func (r *reloader) run(ctx context.Context, hangups <-chan os.Signal) {
	defer close(r.done)
	var found <-chan config.Reading
	if r.file != "" {
		watcher := config.NewWatcher(r.sources)
		found = watcher.Readings()
		var watching sync.WaitGroup
		watching.Go(func() { watcher.Run(ctx) })
		defer watching.Wait()
	}
	retry := time.NewTicker(time.Second)
	defer retry.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-retry.C: // the watcher may not have seen that it was away
			if r.unreadable && r.running.Load().Watch {
				if sources, err := config.ReadSources(r.file); err == nil {
					_, _ = r.take(ctx, sources, "watch") // it tells the log
				}
			}
		case <-hangups:
			_, _ = r.reload(ctx, "signal") // it tells the log
		case request := <-r.requests:
			result, err := r.reload(ctx, request.cause)
			request.answer <- reloadAnswer{result, err}
		case reading, open := <-found:
			if !open {
				found = nil // ctx is done
				continue
			}
			r.found(ctx, reading)
		}
	}
}

// found takes what the watcher found. A file that was away, and is back as it
// was taken last, has nothing new but that it can be read again.
func (r *reloader) found(ctx context.Context, reading config.Reading) {
	switch {
	case !r.running.Load().Watch:
	case reading.Err != nil:
		r.unreadable = true
		_ = r.refuse("watch", reading.Err) // it tells the log
	case !reading.Sources.Equal(r.taken) || r.unreadable:
		// What the watcher read may be older than what an operator's reload took.
		_, _ = r.reload(ctx, "watch") // it tells the log
	}
}

// Reload reads the file and puts it in force. It is what the admin API asks for.
func (r *reloader) Reload(ctx context.Context) (admin.Reloaded, error) {
	if r.file == "" {
		return admin.Reloaded{}, &admin.Refusal{Code: "no_file", Message: "this weir runs without a configuration file: there is nothing to reload"}
	}
	answer := make(chan reloadAnswer, 1)
	select {
	case r.requests <- reloadRequest{cause: "operator", answer: answer}:
	case <-r.done:
		return admin.Reloaded{}, errStopping
	case <-ctx.Done():
		return admin.Reloaded{}, ctx.Err()
	}
	select {
	case a := <-answer:
		return a.result, a.err
	case <-r.done:
		return admin.Reloaded{}, errStopping
	}
}

func (r *reloader) reload(ctx context.Context, cause string) (admin.Reloaded, error) {
	if r.file == "" {
		r.log.Warn("nothing to reload: weir runs without a configuration file", "cause", cause)
		return admin.Reloaded{}, nil
	}
	sources, err := config.ReadSources(r.file)
	if err != nil {
		r.unreadable = true
		return admin.Reloaded{}, r.refuse(cause, err)
	}
	return r.take(ctx, sources, cause)
}

// take puts a content in force, or refuses it whole.
func (r *reloader) take(ctx context.Context, sources config.Sources, cause string) (admin.Reloaded, error) {
	r.taken, r.unreadable = sources, false
	next, err := sources.Load(r.env)
	if err != nil {
		return admin.Reloaded{}, r.refuse(cause, err)
	}
	running := r.running.Load()
	delta := config.Compare(running, next)
	w := r.weir
	plan, err := w.listeners.plan(ctx, config.KeepSockets(running.Listeners, next.Listeners), false)
	if err != nil {
		return admin.Reloaded{}, r.refuse(cause, placed(next, err))
	}
	files, err := w.certs.plan(next.Desired.Upstreams)
	if err != nil {
		return admin.Reloaded{}, r.refuse(cause, errors.Join(placed(next, err), plan.abort()))
	}
	if err := w.apply(ctx, next.Desired); err != nil {
		files.abort()
		return admin.Reloaded{}, r.refuse(cause, errors.Join(err, plan.abort()))
	}
	files.commit()
	w.listeners.linger = next.Shutdown.Timeout
	plan.commit()
	w.noteOwn()
	if r.level != nil {
		r.level.Set(levelOf(next.Log.Level))
	}
	r.running.Store(inForce(running, next))
	tidyMemory(next)
	found, faults := verify(next)
	return r.tell(delta, slices.Concat(texts(next.Warnings), found, notToStart(faults)), cause), nil
}

// manyUpstreams is from how many upstreams on the memory of reading them is worth
// giving back: reading 10,000 takes half a gigabyte for a moment.
const manyUpstreams = 1000

// tidyMemory gives memory back to the system after a large configuration was read.
func tidyMemory(cfg *config.Config) {
	if cfg.Desired.Upstreams.Len() >= manyUpstreams {
		debug.FreeOSMemory()
	}
}

// inForce returns next with what only counts after a restart as it is in running.
func inForce(running, next *config.Config) *config.Config {
	c := *next
	c.NATS, c.DNS, c.Docker, c.Member = running.NATS, running.DNS, running.Docker, running.Member
	c.Admin, c.Auth, c.DataDir = running.Admin, running.Auth, running.DataDir
	c.Log.Format, c.Log.Access = running.Log.Format, running.Log.Access
	c.Listeners = config.KeepSockets(running.Listeners, next.Listeners)
	return &c
}

// tell logs and publishes what a reload changed, and returns it.
func (r *reloader) tell(delta config.Delta, warnings []string, cause string) admin.Reloaded {
	r.refused.Store(nil)
	r.counts.applied.Add(1)
	r.appliedAt.Store(time.Now().Unix())
	result := admin.Reloaded{File: r.file, Changes: delta.Changes()}
	if file, err := filepath.Abs(r.file); err == nil {
		result.File = file
	}
	for _, key := range delta.NeedsRestart {
		result.NeedsRestart = append(result.NeedsRestart, key.String())
	}
	for _, warning := range warnings {
		result.Warnings = append(result.Warnings, warning)
		r.log.Warn("configuration", "warning", warning)
	}
	for _, h := range r.weir.shadowed() {
		text := fmt.Sprintf("the %s %s of %s is not in force: %s", h.Kind, h.Name, h.Layer, h.Detail)
		result.Warnings = append(result.Warnings, text)
		r.log.Warn("configuration", "warning", text)
	}
	if len(result.NeedsRestart) > 0 {
		r.log.Warn("configuration: some keys need a restart", "keys", result.NeedsRestart)
	}
	if len(result.Changes) == 0 {
		r.log.Debug("configuration reloaded, nothing changed", "file", r.file, "cause", cause)
		return result
	}
	summary := summarize(result.Changes)
	r.log.Info("configuration reloaded", "file", r.file, "cause", cause, "changes", summary)
	r.weir.system.Notify(messages.ConfigChanged{Kind: "file", Name: filepath.Base(r.file), Change: messages.ConfigApplied,
		Detail: summary, At: time.Now()})
	return result
}

// summarize says what changed in one line: the first few, and how many more.
func summarize(changes []string) string {
	const most = 5
	if len(changes) <= most {
		return strings.Join(changes, "; ")
	}
	return fmt.Sprintf("%s; and %d more", strings.Join(changes[:most], "; "), len(changes)-most)
}

// refuse tells that the file is not put in force, and returns the error for who asked.
func (r *reloader) refuse(cause string, err error) error {
	if errors.Is(err, context.Canceled) {
		return errStopping
	}
	r.counts.rejected.Add(1)
	refusal := &admin.Refusal{Code: "invalid", Message: err.Error()}
	count, first := 1, err.Error()
	var faults *config.Faults
	if errors.As(err, &faults) && len(faults.List) > 0 {
		refusal.Faults, count, first = faults.List, len(faults.List)+faults.More, brief(faults.List[0])
	}
	r.refused.Store(&refusedFile{at: time.Now(), text: first})
	r.log.Error("configuration refused, the last good one stays", "file", r.file, "cause", cause, "faults", count, "error", err)
	r.weir.system.Notify(messages.ConfigChanged{Kind: "file", Name: filepath.Base(r.file), Change: messages.ConfigRejected,
		Detail: first, Faults: count, At: time.Now()})
	return refusal
}

// brief returns a fault in one line: place and message.
func brief(f config.Fault) string {
	f.Source, f.Hint = "", ""
	return f.String()
}

// problem says what of the file is not in force; empty when all is.
func (r *reloader) problem() string {
	refused := r.refused.Load()
	if refused == nil {
		return ""
	}
	return fmt.Sprintf("%s is refused since %s, the last good configuration serves: %s",
		r.file, refused.at.UTC().Format(time.RFC3339), refused.text)
}

// Collect emits the metrics of reloads. It implements meter.Source.
func (r *reloader) Collect(emit func(meter.Sample)) {
	success := 1.0
	if r.refused.Load() != nil {
		success = 0
	}
	emit(meter.Sample{Name: "weir_config_last_apply_success", Help: "1 if the configuration file is in force, 0 if it was refused.", Kind: meter.Gauge, Value: success})
	emit(meter.Sample{Name: "weir_config_last_apply_seconds", Help: "When a configuration was put in force last, in Unix time.", Kind: meter.Gauge, Value: float64(r.appliedAt.Load())})
	emit(meter.Sample{Name: "weir_config_shadowed", Help: "Objects that are desired and not in force, because a higher layer has the same.", Kind: meter.Gauge,
		Value: float64(len(r.weir.shadowed()))})
	for _, c := range []struct {
		result string
		n      uint64
	}{{"applied", r.counts.applied.Load()}, {"rejected", r.counts.rejected.Load()}} {
		emit(meter.Sample{Name: "weir_config_reloads_total", Help: "Reloads of the configuration file, by result.", Kind: meter.Counter,
			Labels: []meter.Label{{Name: "result", Value: c.result}}, Value: float64(c.n)})
	}
}
