package config

import (
	"os"
	"strings"
	"time"

	"github.com/weirproxy/weir/messages"
)

// All defaults are here, and docs/config.md says the same.

func defaultConfig(env Lookup) *Config {
	return &Config{
		Watch: true,
		NATS: NATS{
			Addr: defaultNATSAddr, Prefix: "weir",
			Events: Events{MaxAge: 168 * time.Hour, MaxBytes: 256 << 20, PerSubject: 100},
		},
		DNS:      DNS{},
		Docker:   Docker{Host: dockerHost(env), PeerAddr: peerAddrAuto},
		Member:   hostMember(),
		Admin:    Admin{Addr: "127.0.0.1:9070"},
		DataDir:  DefaultDataDir(env),
		Log:      Log{Level: "info", Format: "auto"},
		Shutdown: Shutdown{Timeout: 25 * time.Second},
	}
}

func defaultListener() Listener {
	return Listener{Limits: ListenerLimits{
		MaxHead: 64 << 10, MaxFields: 100,
		HeadTimeout: 10 * time.Second, IdleTimeout: 75 * time.Second, BodyTimeout: time.Minute, WriteTimeout: time.Minute,
		MinBodyRate: 240, MaxH2Streams: 128,
	}}
}

func defaultListenerTLS() ListenerTLS {
	return ListenerTLS{MinVersion: minTLS, H2: true, ClientAuth: authOff}
}

func defaultUpstream(name string) messages.UpstreamSpec {
	return messages.UpstreamSpec{
		Name:      name,
		Discovery: messages.Discovery{Kind: messages.DiscoverStatic},
		Algo:      messages.Algo{Kind: messages.RoundRobin},
		Check:     defaultCheck(messages.CheckTCP),
		Limits:    messages.Limits{Queue: 1000, QueueTimeout: 5 * time.Second},
		Retry:     defaultRetry(),
		Transport: messages.Transport{
			ConnectionTimeout:      3 * time.Second,
			TotalConnectionTimeout: 10 * time.Second,
			ResponseTimeout:        30 * time.Second,
			ReadTimeout:            time.Minute,
			WriteTimeout:           time.Minute,
			IdleTimeout:            time.Minute,
			TunnelTimeout:          time.Hour,
			TLS:                    messages.PeerTLS{VerifyCert: true, MinVersion: minTLS},
			ALPN:                   messages.H1,
			MaxH2Streams:           100,
			MaxIdle:                512,
		},
		DrainTimeout:   30 * time.Second,
		ReplaceTimeout: 10 * time.Second,
	}
}

func defaultCheck(kind messages.CheckKind) messages.CheckSpec {
	if kind == messages.CheckOff {
		return messages.CheckSpec{Kind: kind}
	}
	check := messages.CheckSpec{
		Kind: kind, Frequency: 10 * time.Second, Success: 1, Failure: 2,
		ConnectionTimeout: 3 * time.Second, ReadTimeout: 3 * time.Second,
	}
	if kind == messages.CheckHTTP || kind == messages.CheckHTTPS {
		check.HTTP = messages.HTTPCheck{Method: "GET", Path: "/"}
	}
	return check
}

func defaultRetry() messages.RetrySpec {
	return messages.RetrySpec{Attempts: 2, BudgetPercent: 20, BudgetPerSecond: 3}
}

func defaultRoute(name string) messages.RouteSpec {
	return messages.RouteSpec{Name: name, HostHeader: "keep"}
}

const (
	defaultDockerHost     = "unix:///var/run/docker.sock"
	defaultNATSAddr       = "127.0.0.1:4222"
	defaultPort           = 80
	tlsPort               = 443
	minTLS                = "1.2"
	defaultWeight         = 1
	defaultRedirectStatus = 308
)

// dockerHost returns where Docker's own tools would look.
func dockerHost(env Lookup) string {
	if host, _ := env(dockerHostVariable); host != "" {
		return host
	}
	return defaultDockerHost
}

// hostMember returns the host name up to its first dot, made a valid name.
func hostMember() string {
	host, err := os.Hostname()
	if err != nil {
		host = ""
	}
	return memberOf(host)
}

func memberOf(host string) string {
	host, _, _ = strings.Cut(host, ".")
	name := strings.Map(func(r rune) rune {
		if isNameRune(r) {
			return r
		}
		return '-'
	}, host)
	name = strings.Trim(name[:min(len(name), maxName)], "-")
	if name == "" {
		return "weir"
	}
	return name
}
