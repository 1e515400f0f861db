package notifier

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/weirproxy/weir/messages"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// cfg is who speaks in tests.
func cfg() Config { return Config{Prefix: "weir", Member: "a", Incarnation: "1"} }

// noon is when everything happens, in a zone that is not UTC.
func noon() time.Time {
	return time.Date(2026, 11, 23, 13, 0, 0, 250_000_000, time.FixedZone("CET", 3600))
}

func flip() messages.Flipped {
	return messages.Flipped{Upstream: "web", Peer: "10.0.0.1:8080", From: messages.Healthy, To: messages.Unhealthy,
		Code: messages.CodeConnectRefused, Detail: "connect: connection refused", At: noon(), Held: 412*time.Second + 900*time.Millisecond,
		Available: 2, Peers: 3, Seq: 7}
}

// samples is one event of each type, and what else is worth to be looked at.
func samples() map[string]messages.Event {
	first := messages.Flipped{Upstream: "web", Peer: "[2001:db8::1]:80", To: messages.Healthy, Code: messages.CodeOK, At: noon(), Available: 1, Peers: 1, Seq: 1}
	return map[string]messages.Event{
		"flip":       flip(),
		"flip_first": first,
		"upstream_down": messages.UpstreamChanged{Upstream: "web", Change: messages.UpstreamDown, Detail: `no peer is available <"&">`,
			Peers: 3, At: noon()},
		"upstream_added":      messages.UpstreamChanged{Upstream: "web", Change: messages.UpstreamAdded, At: noon()},
		"discovery_failed":    messages.DiscoveryChanged{Upstream: "web", Change: messages.DiscoveryFailure, Detail: `resolve "api.local": no such host`, Peers: 2, At: noon()},
		"discovery_changed":   messages.DiscoveryChanged{Upstream: "web", Change: messages.DiscoverySet, Peers: 4, At: noon()},
		"discovery_recovered": messages.DiscoveryChanged{Upstream: "web", Change: messages.DiscoveryRecovered, Peers: 4, At: noon()},
		"actor_crashed":       messages.ActorCrashed{Actor: "system/upstreams/web/health/10.0.0.1:8080", Detail: "index out of range", At: noon()},
		"actor_restarted":     messages.ActorRestarted{Actor: "system/upstreams/web", Failures: 2, Delay: 1500 * time.Millisecond, At: noon()},
		"cert_expiring":       messages.CertChanged{File: "/etc/weir/shop.pem", Change: messages.CertExpiring, NotAfter: noon().Add(6 * 24 * time.Hour), DaysLeft: 6, Detail: "for shop.example.com", At: noon()},
		"cert_reloaded":       messages.CertChanged{File: "/etc/weir/shop.pem", Change: messages.CertReloaded, NotAfter: noon().Add(90 * 24 * time.Hour), DaysLeft: 90, Detail: "for shop.example.com", At: noon()},
		"cert_refused":        messages.CertChanged{File: "/etc/weir/shop.pem", Change: messages.CertRefused, NotAfter: noon().Add(-time.Hour), Detail: "the key does not belong to the certificate", At: noon()},
		"config_applied":      messages.ConfigChanged{Kind: "file", Name: "weir.yaml", Change: messages.ConfigApplied, Detail: "upstreams: 1 added", At: noon()},
		"config_rejected": messages.ConfigChanged{Kind: "file", Name: "weir.yaml", Change: messages.ConfigRejected,
			Detail: `weir.yaml:3:5: unknown key "adrs"`, Faults: 2, At: noon()},
		"upstream_unproven": messages.UpstreamChanged{Upstream: "web", Change: messages.UpstreamUnproven, Detail: "none of 3 new peers is healthy", Peers: 3, At: noon()},
	}
}

// records is what leaves for the samples, and for what the outbox tells by itself.
func records(t *testing.T) map[string]Record {
	t.Helper()
	out := map[string]Record{}
	for name, event := range samples() {
		r, ok := newEncoder(cfg()).encode(event)
		if !ok {
			t.Fatalf("%s is not known", name)
		}
		out[name] = r
	}
	lost := outage{since: noon().Add(-time.Hour), reason: errAway, late: 1012, dropped: 7}
	out["outbox_dropped"] = newEncoder(cfg()).dropped(lost, noon())
	return out
}

// newEncoder returns an encoder that numbers from 1.
func newEncoder(cfg Config) encoder {
	var n uint64
	return encoder{cfg: cfg, next: func() uint64 { n++; return n }}
}
