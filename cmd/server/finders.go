package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"github.com/weirproxy/weir/actors/discovery"
	"github.com/weirproxy/weir/actors/discovery/dns"
	"github.com/weirproxy/weir/actors/discovery/docker"
	"github.com/weirproxy/weir/config"
	"github.com/weirproxy/weir/internal/meter"
	"github.com/weirproxy/weir/messages"
)

// finders are what discoverers ask: name servers, and a Docker engine that is
// watched from the first upstream on that wants it.
type finders struct {
	resolver *dns.Resolver
	open     *dns.Resolver  // for names that clients choose
	engine   *docker.Engine // nil: it cannot be made, and nobody needs it yet
	source   discovery.Source
	log      *slog.Logger

	auto    bool
	begin   sync.Once
	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// dockerConfig says how the engine is reached.
func dockerConfig(cfg *config.Config, log *slog.Logger) docker.Config {
	return docker.Config{Host: cfg.Docker.Host, PeerAddr: docker.PeerAddr(cfg.Docker.PeerAddr), Auto: cfg.Docker.Auto, Logger: log,
		TLS: docker.TLS{CA: cfg.Docker.TLS.CA, Cert: cfg.Docker.TLS.Cert, Key: cfg.Docker.TLS.Key}}
}

// newFinders makes what the configuration says. Where Docker is not used, a
// fault in how to reach it is told to those who use it later.
func newFinders(cfg *config.Config, log *slog.Logger) (*finders, error) {
	settings := dns.Config{Servers: cfg.DNS.Servers, Timeout: cfg.DNS.Timeout, Attempts: cfg.DNS.Attempts, MaxStale: cfg.DNS.MaxStale}
	resolver, err := dns.New(settings)
	if err != nil {
		return nil, fmt.Errorf("dns: %w", err)
	}
	open, err := dns.New(settings)
	if err != nil {
		return nil, fmt.Errorf("dns: %w", err)
	}
	f := &finders{resolver: resolver, open: open, log: log, auto: cfg.Docker.Auto}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	names := discovery.FromDNS(resolver)
	kinds := discovery.ByKind{messages.DiscoverStatic: names, messages.DiscoverDNS: names, messages.DiscoverTransparent: discovery.Transparent{}}
	engine, err := docker.New(dockerConfig(cfg, log))
	switch {
	case err == nil:
		f.engine = engine
		kinds[messages.DiscoverDocker] = discovery.FromDocker(engine, "docker "+cfg.Docker.Host, f.watchEngine)
	case usesDocker(cfg):
		return nil, fmt.Errorf("docker: %w", err)
	default:
		kinds[messages.DiscoverDocker] = noEngine{err}
	}
	f.source = kinds
	return f, nil
}

func usesDocker(cfg *config.Config) bool {
	if cfg.Docker.Auto {
		return true
	}
	for _, u := range cfg.Desired.Upstreams.All() {
		if u.Discovery.Kind == messages.DiscoverDocker {
			return true
		}
	}
	return false
}

// noEngine is the source where the Docker engine cannot be asked at all.
type noEngine struct{ err error }

func (n noEngine) Find(context.Context, messages.UpstreamSpec) (discovery.Found, error) {
	return discovery.Found{Source: "docker"}, n.err
}

// watchEngine begins to watch the engine, once.
func (f *finders) watchEngine() {
	f.begin.Do(func() {
		f.running.Go(func() { _ = f.engine.Run(f.ctx) }) // it runs once, so it has no error
	})
}

// follow hands what labels of containers ask for to apply, until stop.
func (f *finders) follow(apply func(messages.Desired)) {
	if !f.auto || f.engine == nil {
		return
	}
	f.watchEngine()
	f.running.Go(func() {
		told := map[string]bool{}
		for {
			select {
			case labelled := <-f.engine.Labelled():
				told = f.tellNotes(labelled.Notes, told)
				apply(f.desired(labelled))
			case <-f.ctx.Done():
				return
			}
		}
	})
}

// tellNotes logs the notes that were not there before, and returns all of them.
func (f *finders) tellNotes(notes []docker.Note, before map[string]bool) map[string]bool {
	now := map[string]bool{}
	for _, note := range notes {
		text := note.String()
		now[text] = true
		if !before[text] && note.Kind != docker.NoteUnavailable {
			f.log.Warn("labels of a container", "note", text)
		}
	}
	return now
}

// desired makes upstreams and routes of what labels ask for. All that labels do
// not say has the defaults of the file.
func (f *finders) desired(labelled docker.Labelled) messages.Desired {
	d := messages.Desired{Layer: messages.LayerLabels}
	var upstreams []messages.UpstreamSpec
	var routes []messages.RouteSpec
	for _, u := range labelled.Upstreams {
		spec, err := config.ParseUpstream(u.Name, fmt.Appendf(nil, "{discovery: docker, addrs: [%q]}", u.Selector.String()))
		if err != nil {
			f.log.Error("labels ask for an upstream that is not valid", "upstream", u.Name, "error", err)
			continue
		}
		upstreams = append(upstreams, spec)
	}
	for _, r := range labelled.Routes {
		spec, err := config.ParseRoute(r.Name, fmt.Appendf(nil, "{upstream: %q}", r.Upstream))
		if err != nil {
			f.log.Error("labels ask for a route that is not valid", "route", r.Name, "error", err)
			continue
		}
		spec.Host, spec.Path = r.Host, r.Path
		routes = append(routes, spec)
	}
	d.Upstreams, d.Routes = messages.ListOf(upstreams...), messages.ListOf(routes...)
	return d
}

// stop ends the watching.
func (f *finders) stop() {
	f.cancel()
	f.running.Wait()
}

// Collect emits the metrics of name lookups: those for upstreams, and those of
// names that clients choose.
func (f *finders) Collect(emit func(meter.Sample)) {
	for who, resolver := range map[string]*dns.Resolver{"upstreams": f.resolver, "transparent": f.open} {
		resolver.Collect(func(s meter.Sample) {
			s.Labels = append(slices.Clone(s.Labels), meter.Label{Name: "for", Value: who})
			emit(s)
		})
	}
}
