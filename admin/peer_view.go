package admin

import (
	"time"

	"github.com/weirproxy/weir/balance"
)

// drainView is a peer that left the set and still has requests in flight.
type drainView struct {
	Addr  string    `json:"addr"`
	Since time.Time `json:"since"`
	// Until is when its requests are cut; absent = never.
	Until    time.Time `json:"until,omitzero"`
	InFlight int64     `json:"in_flight"`
}

// discoveryView says where the peers come from, and how fresh they are.
type discoveryView struct {
	Source      string    `json:"source"`
	LastSuccess time.Time `json:"last_success,omitzero"`
	AgeS        float64   `json:"age_s,omitempty"`
	LastFailure time.Time `json:"last_failure,omitzero"`
	Detail      string    `json:"detail,omitempty"`
	Stale       bool      `json:"stale"`
	Next        time.Time `json:"next,omitzero"`
}

// peerView is a peer as the API shows it.
type peerView struct {
	Addr    string `json:"addr"`
	Weight  int    `json:"weight"`
	Tier    int    `json:"tier"`
	Verdict string `json:"verdict"`
	// Remembered: the verdict is one that the last process left behind.
	Remembered bool      `json:"remembered,omitempty"`
	Since      time.Time `json:"since,omitzero"`
	Reason     string    `json:"reason,omitempty"`
	Detail     string    `json:"detail,omitempty"`
	Available  bool      `json:"available"`
	InFlight   int64     `json:"in_flight"`
	Requests   uint64    `json:"requests"`
	Failures   uint64    `json:"failures"`
	// LastProbe is nil until there was one.
	LastProbe *probeView `json:"last_probe,omitempty"`
}

// probeView is the result of a probe.
type probeView struct {
	At     time.Time `json:"at"`
	TookMs float64   `json:"took_ms"`
	LateMs float64   `json:"late_ms"`
	Code   string    `json:"code"`
	Detail string    `json:"detail,omitempty"`
}

func newPeerView(m balance.Member) peerView {
	s := m.Peer.State()
	v := peerView{Addr: m.Peer.Addr(), Weight: m.Weight, Tier: m.Tier, Verdict: s.Verdict.String(), Remembered: s.Remembered, Since: s.Since.UTC(),
		Reason: string(s.Code), Detail: s.Detail, Available: m.Available, InFlight: s.InFlight, Requests: s.Requests, Failures: s.Failures}
	if s.Probed {
		v.LastProbe = &probeView{At: s.Probe.At.UTC(), TookMs: milliseconds(s.Probe.Took), LateMs: milliseconds(s.Probe.Late),
			Code: string(s.Probe.Code), Detail: s.Probe.Detail}
	}
	return v
}

func newDrainView(d balance.Draining) drainView {
	return drainView{Addr: d.Peer.Addr(), Since: d.Since.UTC(), Until: utc(d.Cut), InFlight: d.Peer.InFlight()}
}

func newDiscoveryView(d balance.DiscoveryRecord, now time.Time) *discoveryView {
	v := &discoveryView{Source: d.Source, LastSuccess: utc(d.LastSuccess), LastFailure: utc(d.LastFailure), Detail: d.Detail, Stale: d.Stale, Next: utc(d.Next)}
	if !d.LastSuccess.IsZero() {
		v.AgeS = max(now.Sub(d.LastSuccess), 0).Round(time.Millisecond).Seconds()
	}
	return v
}

// utc keeps the zero time what it is.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC()
}
