package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/weirproxy/weir/certs"
	"github.com/weirproxy/weir/internal/meter"
	"github.com/weirproxy/weir/messages"
)

// certificates are the files of TLS, of listeners and towards peers, and who is
// told when they change or end.
type certificates struct {
	set *certs.Set
	// clients are what connections to peers are made with, by settings: upstreams
	// with the same settings share one.
	mu      sync.Mutex
	clients map[messages.PeerTLS]*certs.Client

	log *slog.Logger

	stop context.CancelFunc
	done sync.WaitGroup
}

// newCertificates holds nothing yet. tell is given what is to be known of them.
func newCertificates(tell func(messages.Event), log *slog.Logger) *certificates {
	c := &certificates{clients: map[messages.PeerTLS]*certs.Client{}, log: log}
	c.set = certs.Open(certs.Options{Tell: func(n certs.Notice) {
		tell(certEvent(n, time.Now()))
		if n, ok := n.(certs.Reloaded); ok {
			c.warn(n.File)
		}
	}})
	return c
}

// warn logs what works of a certificate that was read again, and should not stay so.
func (c *certificates) warn(file string) {
	for _, w := range c.set.Warnings(time.Now()) {
		if w.File == file {
			c.log.Warn("certificate", "warning", w.String())
		}
	}
}

// refused returns the files that have what cannot be used, and say so.
func (c *certificates) refused() []string {
	var all []string
	for _, cert := range c.set.Certificates() {
		if cert.Problem != nil {
			all = append(all, fmt.Sprintf("the certificate %s is the one of before: %v", cert.File, cert.Problem))
		}
	}
	return all
}

// start begins to look at the files, until close.
func (c *certificates) start() {
	ctx, stop := context.WithCancel(context.Background())
	c.stop = stop
	c.done.Go(func() { c.set.Run(ctx) })
}

func (c *certificates) close() {
	if c.stop != nil {
		c.stop()
		c.done.Wait()
	}
}

// certEvent makes an event of a notice.
func certEvent(n certs.Notice, now time.Time) messages.CertChanged {
	const most = 20
	about := func(names []string) string {
		if len(names) > most {
			names = append(names[:most:most], "…")
		}
		return "for " + strings.Join(names, ", ")
	}
	left := func(end time.Time) int { return int(max(end.Sub(now)+24*time.Hour-1, 0) / (24 * time.Hour)) }
	switch n := n.(type) {
	case certs.Expiring:
		return messages.CertChanged{File: n.Files[0], Change: messages.CertExpiring, NotAfter: n.NotAfter, DaysLeft: n.DaysLeft,
			Detail: about(n.Names) + endsWith(n.EndsWith) + "; used by " + strings.Join(n.UsedBy, ", "), At: now}
	case certs.Refused:
		return messages.CertChanged{File: n.File, Change: messages.CertRefused, NotAfter: n.NotAfter, DaysLeft: left(n.NotAfter), Detail: n.Err.Error(), At: now}
	case certs.Reloaded:
		return messages.CertChanged{File: n.File, Change: messages.CertReloaded, NotAfter: n.NotAfter, DaysLeft: left(n.NotAfter), Detail: about(n.Names), At: now}
	}
	panic(fmt.Sprintf("certificates: no event for %T", n)) // a notice that was added there and not here
}

// endsWith says which certificate of a chain ends first, if it is not the first.
func endsWith(subject string) string {
	if subject == "" {
		return ""
	}
	return "; " + subject + " in its chain ends, get the chain from the authority anew"
}

// peerFiles is a change of what upstreams use.
type peerFiles struct {
	of   *certificates
	next map[messages.PeerTLS]*certs.Client
	made []*certs.Client
}

// settingsOf returns what upstreams that share a client have in common: all but the name.
func settingsOf(t messages.PeerTLS) messages.PeerTLS {
	t.ServerName = ""
	return t
}

// plan reads the files that upstreams name. Nothing of them is used when it fails.
func (c *certificates) plan(upstreams messages.List[messages.UpstreamSpec]) (*peerFiles, error) {
	p := &peerFiles{of: c, next: map[messages.PeerTLS]*certs.Client{}}
	for _, u := range upstreams.All() {
		settings := settingsOf(u.Transport.TLS)
		if u.Transport.TLS.ServerName == "" || p.next[settings] != nil {
			continue
		}
		c.mu.Lock()
		client := c.clients[settings]
		c.mu.Unlock()
		if client == nil {
			var err error
			if client, err = c.set.Client("upstream "+u.Name, clientOptions(settings)); err != nil {
				p.abort()
				return nil, err
			}
			p.made = append(p.made, client)
		}
		p.next[settings] = client
	}
	// Those of before stay until commit: codecs are made in between.
	c.mu.Lock()
	defer c.mu.Unlock()
	for settings, client := range p.next {
		c.clients[settings] = client
	}
	return p, nil
}

func clientOptions(t messages.PeerTLS) certs.ClientOptions {
	return certs.ClientOptions{SkipVerify: !t.VerifyCert, CA: t.CA, MinVersion: t.MinVersion,
		Pair: certs.Pair{Cert: t.ClientCert, Key: t.ClientKey}}
}

// abort gives up what was planned.
func (p *peerFiles) abort() {
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	for _, client := range p.made {
		client.Close()
		for settings, now := range p.of.clients {
			if now == client {
				delete(p.of.clients, settings)
			}
		}
	}
}

// commit lets go of what no upstream uses any more.
func (p *peerFiles) commit() {
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	for settings, client := range p.of.clients {
		if p.next[settings] == nil {
			client.Close()
		}
	}
	p.of.clients = p.next
}

// client returns how connections with some settings are made: a function for each
// dial. Plan has read the files before.
func (c *certificates) client(t messages.PeerTLS) func(serverName string) (*tls.Config, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	client := c.clients[settingsOf(t)]
	return func(serverName string) (*tls.Config, error) {
		if client == nil {
			return nil, fmt.Errorf("no certificates were read for the server name %q", serverName)
		}
		return client.Config(serverName, ""), nil
	}
}

// Collect emits when certificates end.
func (c *certificates) Collect(emit func(meter.Sample)) {
	seen := map[string]bool{}
	for _, cert := range c.set.Certificates() {
		if seen[cert.File] { // with another key, or as an authority too
			continue
		}
		seen[cert.File] = true
		labels := []meter.Label{{Name: "file", Value: cert.File}}
		emit(meter.Sample{Name: "weir_tls_certificate_not_after_seconds", Kind: meter.Gauge, Labels: labels,
			Help: "When a certificate in use ends, as Unix time.", Value: float64(cert.NotAfter.Unix())})
		refused := 0.0
		if cert.Problem != nil {
			refused = 1
		}
		emit(meter.Sample{Name: "weir_tls_certificate_refused", Kind: meter.Gauge, Labels: labels,
			Help: "1 while what the files of a certificate have cannot be used, and what was there before is.", Value: refused})
	}
}
