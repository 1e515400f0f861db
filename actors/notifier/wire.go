package notifier

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/weirproxy/weir/messages"
)

// The types of events. Within v1 a type only gains fields.
const (
	typeFlip      = "weir.health.v1.flip"
	typeUpstream  = "weir.upstream.v1.changed"
	typeDiscovery = "weir.discovery.v1.changed"
	typeCrashed   = "weir.actor.v1.crashed"
	typeRestarted = "weir.actor.v1.restarted"
	typeApplied   = "weir.config.v1.applied"
	typeRejected  = "weir.config.v1.rejected"
	typeExpiring  = "weir.cert.v1.expiring"
	typeReloaded  = "weir.cert.v1.reloaded"
	typeRefused   = "weir.cert.v1.refused"
	typeDropped   = "weir.outbox.v1.dropped"
)

// sourceProbe is the source of a flip that probes decided.
const sourceProbe = "probe"

// maxDetail bounds the text of a detail in bytes: it comes from outside, and an
// event has to fit into a message.
const maxDetail = 1024

// envelope is what every event begins with.
type envelope struct {
	Type   string `json:"type"`
	ID     string `json:"id"`
	Time   string `json:"time"`
	Member string `json:"member"`
}

type flipJSON struct {
	envelope
	Upstream  string `json:"upstream"`
	Peer      string `json:"peer"`
	From      string `json:"from"`
	To        string `json:"to"`
	Reason    string `json:"reason"`
	Detail    string `json:"detail"`
	Source    string `json:"source"`
	HeldS     int64  `json:"held_s"`
	Available int    `json:"available"`
	Peers     int    `json:"peers"`
}

type upstreamJSON struct {
	envelope
	Upstream  string `json:"upstream"`
	Change    string `json:"change"`
	Detail    string `json:"detail"`
	Available int    `json:"available"`
	Peers     int    `json:"peers"`
}

type discoveryJSON struct {
	envelope
	Upstream string `json:"upstream"`
	Change   string `json:"change"`
	Detail   string `json:"detail"`
	Peers    int    `json:"peers"`
}

type crashedJSON struct {
	envelope
	Actor  string `json:"actor"`
	Detail string `json:"detail"`
}

type restartedJSON struct {
	envelope
	Actor    string `json:"actor"`
	Failures int    `json:"failures"`
	DelayMS  int64  `json:"delay_ms"`
}

type appliedJSON struct {
	envelope
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	Detail string `json:"detail"`
}

type rejectedJSON struct {
	appliedJSON
	Faults int `json:"faults"`
}

type certJSON struct {
	envelope
	File     string `json:"file"`
	NotAfter string `json:"not_after"`
	DaysLeft int    `json:"days_left"`
	Detail   string `json:"detail"`
}

type droppedJSON struct {
	envelope
	Since      string `json:"since"`
	Dropped    uint64 `json:"dropped"`
	StoredLate uint64 `json:"stored_late"`
	Detail     string `json:"detail"`
}

// encoder makes records of events.
type encoder struct {
	cfg Config
	// next numbers the events that bring no number of their own.
	next func() uint64
}

// encode returns the record of an event. It returns false for one that it does
// not know, as a pointer where a value is expected.
func (e encoder) encode(event messages.Event) (Record, bool) {
	switch m := event.(type) {
	case messages.Flipped:
		// The time belongs to it: Seq begins again when a peer went and came back.
		id := hashID(m.Upstream, m.Peer, e.cfg.Member, e.cfg.Incarnation, number(m.Seq), wireTime(m.At))
		env := e.envelope(typeFlip, id, m.At)
		return record(env, healthSubject(e.cfg.Prefix, m.Upstream, m.Peer), m.At, flipJSON{envelope: env,
			Upstream: m.Upstream, Peer: m.Peer, From: m.From.String(), To: m.To.String(), Reason: string(m.Code), Detail: clip(m.Detail),
			Source: sourceProbe, HeldS: int64(m.Held / time.Second), Available: m.Available, Peers: m.Peers}), true
	case messages.UpstreamChanged:
		env := e.envelope(typeUpstream, e.ownID(typeUpstream, m.Upstream), m.At)
		return record(env, upstreamSubject(e.cfg.Prefix, m.Upstream), m.At, upstreamJSON{envelope: env,
			Upstream: m.Upstream, Change: string(m.Change), Detail: clip(m.Detail), Available: m.Available, Peers: m.Peers}), true
	case messages.DiscoveryChanged:
		env := e.envelope(typeDiscovery, e.ownID(typeDiscovery, m.Upstream), m.At)
		return record(env, discoverySubject(e.cfg.Prefix, m.Upstream), m.At, discoveryJSON{envelope: env,
			Upstream: m.Upstream, Change: string(m.Change), Detail: clip(m.Detail), Peers: m.Peers}), true
	case messages.ActorCrashed:
		env := e.envelope(typeCrashed, e.ownID(typeCrashed, m.Actor), m.At)
		return record(env, actorSubject(e.cfg.Prefix, m.Actor), m.At, crashedJSON{envelope: env, Actor: m.Actor, Detail: clip(m.Detail)}), true
	case messages.ActorRestarted:
		env := e.envelope(typeRestarted, e.ownID(typeRestarted, m.Actor), m.At)
		return record(env, actorSubject(e.cfg.Prefix, m.Actor), m.At, restartedJSON{envelope: env, Actor: m.Actor,
			Failures: m.Failures, DelayMS: m.Delay.Milliseconds()}), true
	case messages.ConfigChanged:
		return e.config(m), true
	case messages.CertChanged:
		return e.cert(m), true
	}
	return Record{}, false
}

func (e encoder) config(m messages.ConfigChanged) Record {
	kind := typeApplied
	if m.Change == messages.ConfigRejected {
		kind = typeRejected
	}
	env := e.envelope(kind, e.ownID(kind, m.Kind+"."+m.Name), m.At)
	var body any
	applied := appliedJSON{envelope: env, Kind: clip(m.Kind), Name: clip(m.Name), Detail: clip(m.Detail)}
	if body = applied; m.Change == messages.ConfigRejected {
		body = rejectedJSON{applied, m.Faults}
	}
	return record(env, configSubject(e.cfg.Prefix, m.Kind, m.Name), m.At, body)
}

func (e encoder) cert(m messages.CertChanged) Record {
	kind := typeExpiring
	switch m.Change {
	case messages.CertReloaded:
		kind = typeReloaded
	case messages.CertRefused:
		kind = typeRefused
	case messages.CertExpiring:
	}
	env := e.envelope(kind, e.ownID(kind, m.File), m.At)
	return record(env, certSubject(e.cfg.Prefix, m.File), m.At, certJSON{envelope: env, File: clip(m.File),
		NotAfter: wireTime(m.NotAfter), DaysLeft: m.DaysLeft, Detail: clip(m.Detail)})
}

// dropped tells at the end of an outage what was lost in it.
func (e encoder) dropped(o outage, now time.Time) Record {
	env := e.envelope(typeDropped, e.ownID(typeDropped, ""), now)
	return record(env, outboxSubject(e.cfg.Prefix), now, droppedJSON{envelope: env, Since: wireTime(o.since), Dropped: o.dropped,
		StoredLate: o.late, Detail: clip(o.reason.Error())})
}

func (e encoder) envelope(kind, id string, at time.Time) envelope {
	return envelope{Type: kind, ID: id, Time: wireTime(at), Member: e.cfg.Member}
}

// ownID is the id of an event that brings no number of its own.
func (e encoder) ownID(kind, name string) string {
	return hashID(kind, name, e.cfg.Member, e.cfg.Incarnation, number(e.next()))
}

// wireTime prints a time as events carry it: RFC 3339 with nanoseconds, UTC.
func wireTime(at time.Time) string { return at.UTC().Format(time.RFC3339Nano) }

func record(env envelope, subject string, at time.Time, body any) Record {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(body) // strings and integers always can be encoded
	return Record{ID: env.ID, Type: env.Type, Subject: subject, Time: at.UTC(), Body: bytes.TrimSuffix(b.Bytes(), []byte("\n"))}
}

// clip makes a detail valid UTF-8 of at most maxDetail bytes.
func clip(detail string) string {
	const more = "…"
	detail = strings.ToValidUTF8(detail, "\uFFFD")
	if len(detail) <= maxDetail {
		return detail
	}
	end := maxDetail - len(more)
	for !utf8.RuneStart(detail[end]) {
		end--
	}
	return detail[:end] + more
}
