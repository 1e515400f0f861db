package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// watchEvery is how often a watch is compared with its bucket. A watch that
// broke without a sign would be noticed by the client after 19 s.
const watchEvery = time.Second

// maxBeginning is how many times watchEvery it may take to tell what is there.
const maxBeginning = 30

// Entry is what a watch tells of a key.
type Entry struct {
	Key   string
	Value []byte
	// Revision counts all changes of the bucket; 0 when a key was found gone
	// without a trace.
	Revision uint64
	// Deleted: the key is gone.
	Deleted bool
	// CaughtUp: no key; all that was there when the watch began has been told.
	// It comes once.
	CaughtUp bool
}

// Watch tells the value of each key of a bucket, and then each change, until
// ctx is done; it returns the error of ctx. keys are patterns; none means all.
// Between two values of a key others may be skipped, the last never is. Nothing
// is told twice: revisions of a key only rise, unless the bucket was made anew.
// A bucket that is not there is waited for.
//
// Outages are no errors: the watch begins again when the connection is back,
// and when it lags behind its bucket; what was removed meanwhile is told then.
func (b *Bus) Watch(ctx context.Context, bucket string, keys []string, tell func(Entry)) error {
	js, err := jetstream.New(b.link.Conn)
	if err != nil {
		return fmt.Errorf("watch bucket %s: %w", bucket, err)
	}
	w := &watch{bus: b, js: js, bucket: bucket, keys: keys, tell: tell, seen: map[string]uint64{}}
	pause := firstPause
	for ctx.Err() == nil {
		begun := time.Now()
		again := b.link.again()
		err := w.once(ctx)
		if time.Since(begun) > settled || errors.Is(err, errReconnected) {
			pause = firstPause
		}
		if ctx.Err() != nil {
			break
		}
		b.log.Debug("nats watch begins again", "bucket", bucket, "reason", err)
		if errors.Is(err, errReconnected) {
			continue
		}
		select {
		case <-ctx.Done():
		case <-again:
		case <-b.link.closed:
			<-ctx.Done() // there is nothing to watch any more
		case <-time.After(pause):
			pause = min(2*pause, longPause)
		}
	}
	return ctx.Err()
}

// Reasons for a watch to begin again.
var (
	errReconnected = errors.New("the connection is back")
	errBehind      = errors.New("it lags behind its bucket")
	errEnded       = errors.New("it ended")
)

// watch is what is known over all beginnings.
type watch struct {
	bus    *Bus
	js     jetstream.JetStream
	bucket string
	keys   []string
	tell   func(Entry)

	created time.Time
	seen    map[string]uint64 // the revisions told, of keys that are there
	gone    uint64            // the highest revision of a deletion that was told
	told    bool              // CaughtUp
	level   uint64            // the last sequence of the bucket that is known to be told
}

// once watches until something is wrong.
func (w *watch) once(ctx context.Context) error {
	again := w.bus.link.again()
	last, err := w.look(ctx)
	if err != nil {
		return err
	}
	short, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	kv, err := w.js.KeyValue(short, w.bucket)
	if err != nil {
		return err
	}
	own, stop := context.WithCancel(ctx)
	defer stop()
	late := time.AfterFunc(askTimeout, stop) // the client would wait for ever
	keys := append([]string{}, w.keys...)    // the client writes into what it is given
	if len(keys) == 0 {
		keys = append(keys, ">")
	}
	updates, err := kv.WatchFiltered(own, keys)
	if err != nil {
		return err
	}
	// Stopping takes the client 5 s when the server is gone, and its callback
	// hangs as long as nobody takes what it has: neither is waited for here.
	defer w.bus.behind.Go(func() {
		for range updates.Updates() { // until it has stopped
		}
	})
	defer stop()
	if !late.Stop() {
		return errNoAnswer
	}
	return w.follow(ctx, updates, last, again)
}

// follow passes on what comes. last is what the bucket had before.
func (w *watch) follow(ctx context.Context, updates jetstream.KeyWatcher, last uint64, again <-chan struct{}) error {
	found := map[string]bool{}
	var level uint64
	var behind, waiting int
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-w.bus.link.closed:
			return errEnded
		case <-again:
			return errReconnected
		case e, open := <-updates.Updates():
			switch {
			case !open:
				return errEnded
			case e != nil:
				if found != nil {
					found[e.Key()] = true
				}
				w.take(e)
			case found != nil: // all that was there has come
				w.caughtUp(found, last)
				found = nil
			}
		case <-tick.C:
			now, err := w.look(ctx)
			if err != nil {
				return err
			}
			if now <= w.level || level != w.level {
				behind = 0
			} else if behind++; behind == 2 {
				return errBehind // not at once: a message may be under way
			}
			level = w.level
			if waiting++; found != nil && waiting == maxBeginning {
				return errBehind
			}
		}
	}
}

// look returns the last sequence of the bucket's stream, and forgets the
// revisions when it is another stream.
func (w *watch) look(ctx context.Context) (uint64, error) {
	short, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	stream, err := w.js.Stream(short, "KV_"+w.bucket)
	if err != nil {
		return 0, err
	}
	info := stream.CachedInfo()
	if !info.Created.Equal(w.created) {
		for key := range w.seen {
			w.seen[key] = 0
		}
		first := w.created.IsZero()
		w.created, w.gone, w.level = info.Created, 0, 0
		if !first {
			return 0, fmt.Errorf("bucket %s was made anew", w.bucket)
		}
	}
	return info.State.LastSeq, nil
}

// take tells an entry, unless it was told.
func (w *watch) take(e jetstream.KeyValueEntry) {
	w.level = max(w.level, e.Revision())
	before, there := w.seen[e.Key()]
	if there && e.Revision() <= before {
		return
	}
	if e.Operation() == jetstream.KeyValuePut {
		w.seen[e.Key()] = e.Revision()
		w.tell(Entry{Key: e.Key(), Value: e.Value(), Revision: e.Revision()})
		return
	}
	if !there && (e.Revision() <= w.gone || !w.told) {
		return // it was told, or there is nobody who knew the key
	}
	delete(w.seen, e.Key())
	w.gone = max(w.gone, e.Revision())
	w.tell(Entry{Key: e.Key(), Revision: e.Revision(), Deleted: true})
}

// caughtUp ends the beginning: what was not found is gone.
func (w *watch) caughtUp(found map[string]bool, last uint64) {
	for key := range w.seen {
		if !found[key] {
			delete(w.seen, key)
			w.tell(Entry{Key: key, Deleted: true})
		}
	}
	w.level = max(w.level, last) // what lies between is of other keys
	if !w.told {
		w.told = true
		w.tell(Entry{CaughtUp: true})
	}
}
