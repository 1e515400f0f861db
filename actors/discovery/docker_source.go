package discovery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/weirproxy/weir/actors/discovery/docker"
	"github.com/weirproxy/weir/messages"
)

// ErrEngine is returned by a look while the Docker engine cannot be asked, or a
// container is left out because something is wrong with it.
var ErrEngine = errors.New("docker")

// errUnwatched tells that what is known stays as it is from now on.
var errUnwatched = fmt.Errorf("%w: the engine is not watched any more", ErrEngine)

// FromDocker makes an Engine the source of upstreams of kind docker. run is
// called before each look; it sees to it that somebody runs the Engine. name is
// shown. The source holds a subscription, and a goroutine that reads it, for each
// upstream until Release. While nothing is known a look waits; it fails when the
// engine cannot be asked, with what was known of its containers.
func FromDocker(engine *docker.Engine, name string, run func()) Source {
	return &dockerSource{engine: engine, name: name, run: run, views: map[string]*dockerView{}}
}

type dockerSource struct {
	engine *docker.Engine
	name   string
	run    func()

	mu    sync.Mutex
	views map[string]*dockerView // by upstream
}

// dockerView is one upstream's subscription.
type dockerView struct {
	selectors []docker.Selector
	sub       *docker.Subscription
	end       chan struct{} // closed by close
	done      chan struct{} // closed when nobody reads the subscription any more

	mu    sync.Mutex
	known bool
	set   docker.Set
	news  chan struct{} // closed when set is replaced
}

// Find waits until something is known of the upstream's containers, and returns it.
func (s *dockerSource) Find(ctx context.Context, spec messages.UpstreamSpec) (Found, error) {
	s.run()
	selectors, bad := selectorsOf(spec)
	if bad != nil && len(selectors) == 0 {
		return Found{Source: s.name}, bad
	}
	v, err := s.view(spec.Name, selectors)
	if err != nil {
		return Found{Source: s.name}, errors.Join(bad, err)
	}
	for {
		set, known, news := v.latest()
		if known {
			return s.found(set, news, bad)
		}
		select {
		case <-news:
		case <-v.end:
			return Found{Source: s.name}, fmt.Errorf("%w: nobody looks for this any more", ErrEngine)
		case <-s.engine.Done():
			return Found{Source: s.name}, errUnwatched
		case <-ctx.Done():
			return Found{Source: s.name, Changed: news}, fmt.Errorf("%w: it has not said yet which containers there are: %w", ErrEngine, ctx.Err())
		}
	}
}

// Look is Find that has the engine asked at once when requests starve.
func (s *dockerSource) Look(ctx context.Context, look Look) (Found, error) {
	if look.AtOnce {
		s.engine.Look()
	}
	return s.Find(ctx, look.Spec)
}

// Release ends the subscription of an upstream.
func (s *dockerSource) Release(upstream string) {
	s.mu.Lock()
	v := s.views[upstream]
	delete(s.views, upstream)
	s.mu.Unlock()
	if v != nil {
		v.close()
	}
}

// selectorsOf reads the entries of an upstream. One that is none is told, and the
// others are followed.
func selectorsOf(spec messages.UpstreamSpec) (selectors []docker.Selector, bad error) {
	for _, entry := range spec.Addrs.All() {
		selector, err := docker.SelectorOf(entry)
		if err != nil {
			bad = errors.Join(bad, err)
			continue
		}
		selectors = append(selectors, selector)
	}
	return selectors, bad
}

// view returns the subscription of an upstream, a new one when its selectors changed.
func (s *dockerSource) view(upstream string, selectors []docker.Selector) (*dockerView, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.views[upstream]
	if old != nil && slices.Equal(old.selectors, selectors) {
		return old, nil
	}
	// The new one first: what both select is watched without a gap.
	sub, err := s.engine.Subscribe(selectors)
	if err != nil {
		return nil, err
	}
	v := &dockerView{selectors: selectors, sub: sub, end: make(chan struct{}), done: make(chan struct{}), news: make(chan struct{})}
	s.views[upstream] = v
	go v.read()
	if old != nil {
		old.close()
	}
	return v, nil
}

// found makes what discovery tells of a set. What is wrong with one container, or
// with one selector, is told, and the others are found.
func (s *dockerSource) found(set docker.Set, news <-chan struct{}, bad error) (Found, error) {
	f := Found{Source: s.name, Peers: set.Peers, Stale: set.Stale, Detail: set.Remarks(), Changed: news,
		Empty: len(set.Peers) == 0 && bad == nil && !set.Success.IsZero()}
	select {
	case <-s.engine.Done():
		f.Stale = len(f.Peers) > 0
		return f, errors.Join(bad, errUnwatched)
	default:
	}
	switch faults := set.Faults(); {
	case set.Failure != "":
		return f, errors.Join(bad, partFailed{"engine", set.Failure})
	case faults != "":
		return f, errors.Join(bad, partFailed{faults, faults})
	}
	return f, bad
}

// partFailed is an ErrEngine of which it is known what failed.
type partFailed struct{ what, text string }

func (p partFailed) Error() string { return ErrEngine.Error() + ": " + p.text }

func (p partFailed) Unwrap() error { return ErrEngine }

// Failing returns the same text as long as the same fails.
func (p partFailed) Failing() string { return p.what }

// read is the view's goroutine: it keeps the latest set.
func (v *dockerView) read() {
	defer close(v.done)
	for {
		select {
		case set := <-v.sub.Sets():
			v.mu.Lock()
			v.known, v.set = true, set
			close(v.news)
			v.news = make(chan struct{})
			v.mu.Unlock()
		case <-v.end:
			return
		}
	}
}

func (v *dockerView) latest() (set docker.Set, known bool, news <-chan struct{}) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.set, v.known, v.news
}

func (v *dockerView) close() {
	v.sub.Close()
	close(v.end)
	<-v.done
}
