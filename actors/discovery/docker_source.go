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

// FromDocker makes an Engine the source of upstreams of kind docker. run is
// called before each look; it sees to it that somebody runs the Engine. name is
// shown. The source holds a subscription for each upstream, until Release.
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
	v, err := s.view(spec)
	if err != nil {
		return Found{Source: s.name}, err
	}
	for {
		set, known, news := v.latest()
		if known {
			return s.found(set, news)
		}
		select {
		case <-news:
		case <-ctx.Done():
			return Found{Source: s.name, Changed: news}, ctx.Err()
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

// view returns the subscription of an upstream, a new one when its selectors changed.
func (s *dockerSource) view(spec messages.UpstreamSpec) (*dockerView, error) {
	selectors := make([]docker.Selector, 0, spec.Addrs.Len())
	for _, entry := range spec.Addrs.All() {
		selector, err := docker.SelectorOf(entry)
		if err != nil {
			return nil, err
		}
		selectors = append(selectors, selector)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.views[spec.Name]
	if old != nil && slices.Equal(old.selectors, selectors) {
		return old, nil
	}
	sub, err := s.engine.Subscribe(selectors)
	if err != nil {
		return nil, err
	}
	v := &dockerView{selectors: selectors, sub: sub, end: make(chan struct{}), done: make(chan struct{}), news: make(chan struct{})}
	s.views[spec.Name] = v
	go v.read()
	if old != nil {
		old.close()
	}
	return v, nil
}

// found makes what discovery tells of a set. What is wrong with one container is
// told, and the others are found.
func (s *dockerSource) found(set docker.Set, news <-chan struct{}) (Found, error) {
	f := Found{Source: s.name, Peers: set.Peers, Stale: set.Stale, Changed: news, Empty: !set.Success.IsZero()}
	switch faults := set.Faults(); {
	case set.Failure != "":
		return f, fmt.Errorf("%w: %s", ErrEngine, set.Failure)
	case faults != "":
		return f, fmt.Errorf("%w: %s", ErrEngine, faults)
	}
	return f, nil
}

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
