package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// awayFor is how long NATS is away.
const awayFor = 30 * time.Second

// outage is a stage whose NATS server comes and goes.
type outage struct {
	*stage
	server string
	nats   *process
}

func contains(text, part string) bool { return strings.Contains(text, part) }

// serveNATS starts the NATS server on its port and store.
func (o *outage) serveNATS(ctx context.Context) (err error) {
	o.nats, err = launch("nats-server", o.server, "-a", "127.0.0.1", "-p", fmt.Sprint(o.stage.nats), "-js", "-sd", filepath.Join(o.dir, "jetstream"))
	if err != nil {
		return err
	}
	return until(ctx, 15*time.Second, "weir is connected to NATS and stores events", func() bool {
		return strings.Contains(fetch(ctx, fmt.Sprintf("http://127.0.0.1:%d/readyz", o.admin)), `"degraded":[]`)
	})
}

// begin checks that weir serves and says what it misses while there is no NATS yet.
func (o *outage) begin(ctx context.Context) error {
	text := fetch(ctx, fmt.Sprintf("http://127.0.0.1:%d/readyz", o.admin))
	if !strings.Contains(text, `"ready":true`) || !strings.Contains(text, "NATS") {
		return fmt.Errorf("without NATS /readyz says %s; want ready, and that NATS is missing", text)
	}
	return nil
}

// arrive starts NATS: what happened before is stored.
func (o *outage) arrive(ctx context.Context) error {
	if err := o.serveNATS(ctx); err != nil {
		return fmt.Errorf("%w\nweir printed:\n%s\nNATS printed:\n%s", err, o.weir.out, o.nats.out)
	}
	say("NATS came, after weir")
	return o.hasFirstVerdicts(ctx)
}

// hasFirstVerdicts waits until the stream has the first flip of each peer.
func (o *outage) hasFirstVerdicts(ctx context.Context) error {
	text := ""
	err := until(ctx, 15*time.Second, "the first verdicts are in the stream", func() bool {
		text, _ = o.stored(ctx) // asked again
		for _, port := range o.peerPorts {
			if flips(text, port, "healthy") != 1 {
				return false
			}
		}
		return true
	})
	if err != nil {
		return fmt.Errorf("%w; it has:\n%s\nweir printed:\n%s", err, text, o.weir.out)
	}
	return nil
}

// away kills NATS for awayFor, under load and with flips: no request fails, and
// every flip is in the stream once, later.
func (o *outage) away(ctx context.Context) error {
	load, err := o.load(int(awayFor/time.Second) + 4)
	if err != nil {
		return err
	}
	defer load.end()
	if err := pause(ctx, time.Second); err != nil {
		return err
	}
	if err := o.nats.signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-o.nats.done
	begun := time.Now()
	say("killed NATS")
	victim := o.peerPorts[0]
	const rounds = 3
	for range rounds {
		o.peers[0].end()
		if err := o.verdict(ctx, victim, "unhealthy"); err != nil {
			return err
		}
		if o.peers[0], err = nginx(o.dir, victim); err != nil {
			return err
		}
		if err := o.verdict(ctx, victim, "healthy"); err != nil {
			return err
		}
	}
	if err := pause(ctx, awayFor-time.Since(begun)); err != nil {
		return err
	}
	if err := o.serveNATS(ctx); err != nil {
		return fmt.Errorf("%w\nweir printed:\n%s", err, o.weir.out)
	}
	requests, failed, err := result(load)
	if err != nil {
		return err
	}
	say("NATS away for %v: %s requests, %d failed", awayFor, requests, failed)
	if failed != 0 {
		return fmt.Errorf("%d requests failed while NATS was away\n%s\nweir printed:\n%s", failed, load.out, o.weir.out)
	}
	return o.hasAll(ctx, victim, rounds)
}

// hasAll checks that the stream has each flip of the outage, once.
func (o *outage) hasAll(ctx context.Context, port, rounds int) error {
	text := ""
	if err := until(ctx, 20*time.Second, "every flip of the outage is in the stream", func() bool {
		text, _ = o.stored(ctx) // asked again
		return flips(text, port, "unhealthy") == rounds && flips(text, port, "healthy") == rounds+1
	}); err != nil {
		return fmt.Errorf("%w; it has:\n%s\nweir printed:\n%s", err, text, o.weir.out)
	}
	if id := twice(text); id != "" {
		return fmt.Errorf("the stream has event %s twice:\n%s", id, text)
	}
	if !strings.Contains(text, `"late":true`) {
		return fmt.Errorf("no event is marked as late:\n%s", text)
	}
	say("all %d flips of the outage are in the stream, once each, marked as late", 2*rounds)
	return nil
}

// verdict waits until weir decided on a peer.
func (o *outage) verdict(ctx context.Context, port int, verdict string) error {
	text := fmt.Sprintf(`"addr":"127.0.0.1:%d","weight":1,"tier":0,"verdict":"%s"`, port, verdict)
	return until(ctx, 10*time.Second, fmt.Sprintf("127.0.0.1:%d is %s", port, verdict), func() bool { return o.shows(ctx, text) })
}

// gone kills NATS for good.
func (o *outage) gone(context.Context) error {
	say("killed NATS for good")
	o.nats.end()
	return nil
}

func (o *outage) end() {
	if o.nats != nil {
		o.nats.end()
	}
}
