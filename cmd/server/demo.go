package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/weirproxy/weir/config"
	"github.com/weirproxy/weir/internal/demo"
)

// demoText is the configuration of the demo; the peers' addresses go in.
const demoText = `
listeners:
  - addr: 127.0.0.1:8080
routes:
  demo: {path: /, upstream: demo}
upstreams:
  demo:
    addrs: [%q, %q, %q]
    health_check: "http://demo/healthz?check_frequency=1s&read_timeout=1s"
    response_timeout: 2s
    retry: {attempts: 2, on: [timeout, 503], budget: "50%%", budget_per_second: 20}
nats: {addr: 127.0.0.1:4222}
admin: {addr: 127.0.0.1:9070}
shutdown: {timeout: 5s}
`

const demoTraffic = 40 // requests a second

func demoCommand(env environment) *cobra.Command {
	c := &cobra.Command{
		Use:   "demo",
		Short: "Show weir with sample peers, traffic and an embedded NATS server",
		Long: `Show weir on this machine, with nothing else installed: three sample peers of
which one is moody, a proxy, an embedded NATS server, an admin page and gentle
traffic. Ports that are taken are replaced by the next free ones. Everything
stays on loopback; nothing is kept when it ends. Ctrl-C ends it.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return runDemo(c.Context(), env) },
	}
	return c
}

func runDemo(ctx context.Context, env environment) error {
	var peers []*demo.Peer
	for i := range 3 {
		peer, err := demo.StartPeer(fmt.Sprintf("peer-%d", i+1), 9001+i, 9101+i)
		if err != nil {
			return err
		}
		defer peer.Close()
		peers = append(peers, peer)
	}
	cfg, err := config.Parse("demo", fmt.Appendf(nil, demoText, peers[0].Addr(), peers[1].Addr(), peers[2].Addr()), env.lookup)
	if err != nil {
		return err
	}
	dir, remove, err := tempDir()
	if err != nil {
		return err
	}
	defer remove()
	cfg.DataDir = dir
	silent := slog.New(slog.DiscardHandler) // the screen shows what happens
	if env.adopt != nil {
		env.adopt(silent)
	}
	w, err := start(ctx, cfg, options{open: true, nearPorts: true, logger: silent})
	if err != nil {
		return err
	}
	screen := demo.NewScreen(env.stdout, isTerminal(env.stdout), env.colors(env.stdout))
	introduce(screen, w, peers)

	var background sync.WaitGroup
	running, cancel := context.WithCancel(ctx)
	background.Go(func() { demo.Traffic(running, "http://"+w.addrs[0]+"/", demoTraffic) })
	background.Go(func() { demo.Moody(running, peers[1], 6*time.Second, 14*time.Second) })
	show(running, screen, w)
	cancel()
	background.Wait()
	screen.Live(totals(w).String())
	screen.Done()
	stopped := w.stop(context.WithoutCancel(ctx))
	screen.Println(screen.Paint(demo.Dim, "stopped: "+totals(w).String()))
	return stopped
}

// introduce prints what runs and what to try.
func introduce(s *demo.Screen, w *weir, peers []*demo.Peer) {
	cyan := func(text string) string { return s.Paint(demo.Cyan, text) }
	s.Println(s.Paint(demo.Bold, "weir demo") + s.Paint(demo.Dim, "  everything on loopback, Ctrl-C ends it"))
	s.Println("")
	s.Println("  proxy   " + cyan("http://"+w.addrs[0]+"/"))
	s.Println("  page    " + cyan("http://"+w.adminAddr+"/"))
	s.Println("  events  " + cyan(w.bus.ClientURL()) + "  (embedded NATS)")
	s.Println(fmt.Sprintf("  peers   %s %s %s  (%s is moody)", peers[0].Addr(), peers[1].Addr(), peers[2].Addr(), peers[1].Addr()))
	s.Println("")
	s.Println("Try, in another terminal:")
	s.Println("  " + cyan("curl http://"+w.addrs[0]+"/"))
	s.Println("  " + cyan("curl -X POST "+peers[0].Control()+"/{sick,hang,refuse,well}") + "   make peer-1 ill and well; " +
		peers[1].Control() + " and " + peers[2].Control() + " are the others'")
	s.Println("  " + cyan("nats -s "+w.bus.ClientURL()+" sub 'weir.evt.>'"))
	s.Println("  " + cyan("weir events --admin http://"+w.adminAddr) + "   or: go run ./cmd/server events --admin http://" + w.adminAddr)
	s.Println("")
}

// show prints a line for each event and keeps the live line until ctx is done.
func show(ctx context.Context, s *demo.Screen, w *weir) {
	events := w.feed.Subscribe(100)
	defer events.Close()
	live := time.NewTicker(250 * time.Millisecond)
	defer live.Stop()
	// Where there is no live line, its text comes as a line now and then.
	plain := time.NewTicker(10 * time.Second)
	defer plain.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case err := <-w.failed:
			s.Println(s.Paint(demo.Red, err.Error()))
		case record, open := <-events.C:
			if !open {
				return
			}
			if line := eventLine(s, record.Body); line != "" {
				s.Println(line)
			}
		case <-live.C:
			s.Live(totals(w).String())
		case <-plain.C:
			if !s.Terminal() {
				s.Println(totals(w).String())
			}
		}
	}
}

func totals(w *weir) demo.Totals {
	t := w.core.Totals()
	return demo.Totals{Requests: t.Requests, Failed: t.Failed, Retried: t.Retried, Flips: w.feed.Flips()}
}
