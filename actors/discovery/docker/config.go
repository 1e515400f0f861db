package docker

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// ErrConfig is returned when the engine cannot be spoken to as configured.
var ErrConfig = errors.New("invalid Docker configuration")

// PeerAddr says which address of a container is the peer's.
type PeerAddr string

// The ways to choose an address.
const (
	// PeerAddrAuto takes the container's own address where weir reaches it: on a
	// network that weir's own container shares, or on a bridge of the machine
	// that weir runs on. Else it takes a published port.
	PeerAddrAuto PeerAddr = "auto"
	// PeerAddrNetwork takes the container's own address, reachable or not.
	PeerAddrNetwork PeerAddr = "network"
	// PeerAddrPublished takes the port that is published on the engine's host.
	PeerAddrPublished PeerAddr = "published"
)

// TLS is how an engine on TCP is spoken to. The zero value is no TLS.
type TLS struct {
	// CA is a PEM file of the authorities that may have signed the engine's
	// certificate; empty = the system's.
	CA string
	// Cert and Key are PEM files of the client's certificate; both or none.
	Cert, Key string
	// SkipVerify accepts any certificate of the engine; default false.
	SkipVerify bool
}

// Config says which engine is asked, and how.
type Config struct {
	// Host is unix:///path, tcp://HOST:PORT, http://HOST:PORT or
	// https://HOST:PORT. Empty: $DOCKER_HOST, else unix:///var/run/docker.sock.
	Host string
	// TLS is for a Host on TCP. The zero value: as $DOCKER_CERT_PATH and
	// $DOCKER_TLS_VERIFY say, which Docker's own tools follow too. Files are read
	// at each connect.
	TLS TLS
	// PeerAddr says which address of a container is the peer's; default auto.
	PeerAddr PeerAddr
	// Auto makes upstreams and routes of labelled containers; default false.
	Auto bool
	// Logger is told when the engine is lost and found; nil = nobody is.
	Logger *slog.Logger
	// Getenv reads the environment; nil = os.Getenv.
	Getenv func(string) string
}

const defaultHost = "unix:///var/run/docker.sock"

// withDefaults returns the configuration with every default filled in, or
// ErrConfig.
func (c Config) withDefaults() (Config, error) {
	if c.Getenv == nil {
		c.Getenv = os.Getenv
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.PeerAddr == "" {
		c.PeerAddr = PeerAddrAuto
	}
	switch c.PeerAddr {
	case PeerAddrAuto, PeerAddrNetwork, PeerAddrPublished:
	default:
		return c, fmt.Errorf("%w: peer_addr %q: want auto, network or published", ErrConfig, c.PeerAddr)
	}
	origin := "host"
	if c.Host == "" {
		c.Host, origin = c.Getenv("DOCKER_HOST"), "$DOCKER_HOST"
	}
	if c.Host == "" {
		c.Host, origin = defaultHost, "host"
	}
	if err := checkHost(c.Host); err != nil {
		return c, fmt.Errorf("%w: %s %q: %w", ErrConfig, origin, c.Host, err)
	}
	return c.withTLS()
}

var (
	errHostForm = errors.New("want unix:///path, tcp://HOST:PORT, http://HOST:PORT or https://HOST:PORT")
	errSSH      = errors.New("ssh:// is not supported: forward the engine's socket with ssh -L and name that as unix:///path")
)

func checkHost(host string) error {
	scheme, rest, found := strings.Cut(host, "://")
	switch {
	case !found:
		return errHostForm
	case scheme == "ssh":
		return errSSH
	case scheme == "unix":
		if !strings.HasPrefix(rest, "/") {
			return errHostForm
		}
		return nil
	case scheme != "tcp" && scheme != "http" && scheme != "https":
		return errHostForm
	}
	u, err := url.Parse(host)
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errHostForm
	}
	return nil
}

// withTLS fills TLS in from the environment where it is unset, and checks it.
func (c Config) withTLS() (Config, error) {
	unix := strings.HasPrefix(c.Host, "unix://")
	path, verify := c.Getenv("DOCKER_CERT_PATH"), c.Getenv("DOCKER_TLS_VERIFY") != ""
	switch {
	case c.TLS != TLS{} && (unix || strings.HasPrefix(c.Host, "http://")):
		return c, fmt.Errorf("%w: tls needs a host that begins with tcp:// or https://, not %q", ErrConfig, c.Host)
	case c.TLS != TLS{} || unix || strings.HasPrefix(c.Host, "http://"):
	case path != "":
		c.TLS = TLS{CA: filepath.Join(path, "ca.pem"), Cert: filepath.Join(path, "cert.pem"), Key: filepath.Join(path, "key.pem"), SkipVerify: !verify}
	case verify:
		return c, fmt.Errorf("%w: $DOCKER_TLS_VERIFY is set, and neither tls nor $DOCKER_CERT_PATH says where the certificates are", ErrConfig)
	}
	if (c.TLS.Cert == "") != (c.TLS.Key == "") {
		return c, fmt.Errorf("%w: tls: cert and key go together", ErrConfig)
	}
	_, err := c.tlsConfig()
	return c, err
}
