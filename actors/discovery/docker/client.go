package docker

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	api "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"
	"github.com/docker/docker/errdefs"
)

// dockerDialer opens sessions by the client module. Each has a client of its
// own: an engine that was replaced is negotiated with anew, and certificates
// are read again.
func dockerDialer(cfg Config) dialer {
	return func(ctx context.Context, since int64) (session, error) {
		cli, err := newClient(cfg)
		if err != nil {
			return nil, err
		}
		remote, err := remoteOf(ctx, cfg.Host)
		if err != nil {
			return nil, err
		}
		ping, err := cli.Ping(ctx)
		if err != nil {
			return nil, errors.Join(err, cli.Close())
		}
		cli.NegotiateAPIVersionPing(ping)
		stream, err := openStream(ctx, cli, since)
		if err != nil {
			return nil, errors.Join(err, cli.Close())
		}
		return &dockerSession{client: cli, at: remote, stream: stream}, nil
	}
}

// newClient makes a client; it does not connect yet.
func newClient(cfg Config) (*client.Client, error) {
	config, err := cfg.tlsConfig()
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{TLSClientConfig: config, MaxIdleConns: atOnce, MaxIdleConnsPerHost: atOnce,
		IdleConnTimeout: 30 * time.Second, TLSHandshakeTimeout: openTimeout}
	host := cfg.Host
	if scheme, rest, _ := strings.Cut(host, "://"); scheme == "http" || scheme == "https" {
		host = "tcp://" + rest // the client takes TLS from its transport
	}
	cli, err := client.NewClientWithOpts(client.WithHTTPClient(&http.Client{Transport: transport, CheckRedirect: client.CheckRedirect}),
		client.WithHost(host), client.WithAPIVersionNegotiation(), client.WithUserAgent("weir"))
	if err != nil {
		return nil, fmt.Errorf("%w: host %q: %w", ErrConfig, cfg.Host, err)
	}
	return cli, nil
}

// tlsConfig reads the files that TLS names; nil = no TLS.
func (c Config) tlsConfig() (*tls.Config, error) {
	if c.TLS == (TLS{}) && !strings.HasPrefix(c.Host, "https://") {
		return nil, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: c.TLS.SkipVerify} // only when asked to
	if c.TLS.CA != "" {
		pem, err := os.ReadFile(c.TLS.CA)
		if err != nil {
			return nil, fmt.Errorf("%w: tls: ca: %w", ErrConfig, err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%w: tls: ca: %s holds no certificate in PEM form", ErrConfig, c.TLS.CA)
		}
	}
	if c.TLS.Cert != "" {
		pair, err := tls.LoadX509KeyPair(c.TLS.Cert, c.TLS.Key)
		if err != nil {
			return nil, fmt.Errorf("%w: tls: cert and key: %w", ErrConfig, err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// remoteOf returns the address of an engine on another machine; invalid = it is
// on this one.
func remoteOf(ctx context.Context, host string) (netip.Addr, error) {
	if strings.HasPrefix(host, "unix://") {
		return netip.Addr{}, nil
	}
	u, err := url.Parse(host)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("%w: host: %w", ErrConfig, err)
	}
	return lookup(ctx, u.Hostname())
}

// lookup returns the address of the engine's machine; invalid = loopback, which
// is this one. It must be an address: peers are.
func lookup(ctx context.Context, host string) (netip.Addr, error) {
	addrs, err := (&net.Resolver{}).LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("look up the engine's host: %w", err)
	}
	if len(addrs) == 0 {
		return netip.Addr{}, fmt.Errorf("look up the engine's host: %q has no address", host)
	}
	slices.SortFunc(addrs, netip.Addr.Compare) // IPv4 first, and not another each time
	if addr := addrs[0].Unmap(); !addr.IsLoopback() {
		return addr, nil
	}
	return netip.Addr{}, nil
}

// dockerSession is a session by the client module.
type dockerSession struct {
	client *client.Client
	at     netip.Addr
	*stream
}

func (s *dockerSession) version() string    { return s.client.ClientVersion() }
func (s *dockerSession) remote() netip.Addr { return s.at }

func (s *dockerSession) list(ctx context.Context) ([]*container, error) {
	found, err := s.client.ContainerList(ctx, api.ListOptions{})
	if err != nil {
		return nil, err
	}
	list := make([]*container, 0, len(found))
	for i := range found {
		if c := fromSummary(&found[i]); c != nil {
			list = append(list, c)
		}
	}
	return list, nil
}

func (s *dockerSession) inspect(ctx context.Context, id string) (*container, error) {
	found, err := s.client.ContainerInspect(ctx, id)
	switch {
	case errdefs.IsNotFound(err): //nolint:staticcheck // what it is deprecated for is another module, for this one word
		return nil, errGone
	case err != nil:
		return nil, err
	}
	return fromInspect(&found)
}

func (s *dockerSession) close() {
	s.stream.close()
	_ = s.client.Close() // closes idle connections, and never fails
}
