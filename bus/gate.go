package bus

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// gate lets readers have consumers of the stream of events, and no others than
// those they pull from. A consumer that pushes could be told to deliver on any
// subject, with weir's own rights: on svc, or into a bucket.
//
// It takes the body apart and passes on what it knows, so that it and the
// server cannot read it differently.
type gate struct {
	link   *link
	log    *slog.Logger
	prefix string // of the subjects that arrive
	stream string
	slots  chan struct{} // requests that are under way
}

const (
	gateSlots   = 16
	gateTimeout = 5 * time.Second
	gateBody    = 16 << 10 // the longest request, in bytes
)

// gateFields are what a reader may say of a consumer. The others are refused.
func gateFields() []string {
	return []string{"name", "description", "deliver_policy", "opt_start_seq", "opt_start_time", "ack_policy", "ack_wait", "max_deliver",
		"filter_subject", "filter_subjects", "replay_policy", "max_waiting", "max_ack_pending", "headers_only", "max_batch",
		"max_expires", "max_bytes", "inactive_threshold", "num_replicas", "mem_storage", "metadata"}
}

func newGate(cfg Config, l *link) (*gate, error) {
	g := &gate{link: l, log: cfg.Logger, prefix: strings.TrimSuffix(gateSubject(cfg.Prefix), ">"), stream: StreamName(cfg.Prefix),
		slots: make(chan struct{}, gateSlots)}
	_, err := l.QueueSubscribe(gateSubject(cfg.Prefix), "gate", g.arrived)
	return g, err
}

// arrived answers one request. It returns at once: the answer comes later, or
// the request is refused because too many are under way.
func (g *gate) arrived(msg *nats.Msg) {
	if msg.Reply == "" {
		return
	}
	body, err := g.checked(msg.Data)
	if err != nil {
		g.refuse(msg, 403, err.Error())
		return
	}
	select {
	case g.slots <- struct{}{}:
	default:
		g.refuse(msg, 503, "too many consumers are asked for at this moment; try again")
		return
	}
	go g.pass(msg, body)
}

// pass asks JetStream. It ends with the answer, the time-out, or the connection.
func (g *gate) pass(msg *nats.Msg, body []byte) {
	defer func() { <-g.slots }()
	subject := "$JS.API.CONSUMER.CREATE." + g.stream + "." + strings.TrimPrefix(msg.Subject, g.prefix)
	answer, err := g.link.Request(subject, body, gateTimeout)
	if err != nil {
		g.refuse(msg, 503, "JetStream does not answer: "+plain(err))
		return
	}
	g.respond(msg, answer.Data)
}

// checked returns the request as it may be passed on.
func (g *gate) checked(data []byte) ([]byte, error) {
	if len(data) > gateBody {
		return nil, fmt.Errorf("the request has more than %d bytes", gateBody)
	}
	var request struct {
		Stream string                     `json:"stream_name"`
		Config map[string]json.RawMessage `json:"config"`
		Action string                     `json:"action,omitempty"`
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&request); err != nil {
		return nil, fmt.Errorf("the request cannot be read: %w", err)
	}
	if request.Stream != g.stream {
		return nil, fmt.Errorf("readers may have consumers of stream %s", g.stream)
	}
	passed := map[string]json.RawMessage{}
	for _, field := range gateFields() {
		if value, given := request.Config[field]; given {
			passed[field] = value
			delete(request.Config, field)
		}
	}
	for field := range request.Config {
		return nil, fmt.Errorf("readers may not set %q of a consumer: they pull, and it ends with them", field)
	}
	request.Config = passed
	return json.Marshal(request)
}

// refuse answers in the form of JetStream.
func (g *gate) refuse(msg *nats.Msg, code int, text string) {
	body, err := json.Marshal(map[string]any{
		"type":  "io.nats.jetstream.api.v1.consumer_create_response",
		"error": map[string]any{"code": code, "err_code": 0, "description": text},
	})
	if err != nil {
		g.log.Error("gate: encode a refusal", "error", err)
		return
	}
	g.respond(msg, body)
}

func (g *gate) respond(msg *nats.Msg, body []byte) {
	if err := msg.Respond(body); err != nil && g.link.IsConnected() {
		g.log.Warn("gate: answer a reader", "error", err)
	}
}

// wait returns when no request is under way. Nothing may arrive any more.
func (g *gate) wait() {
	for range gateSlots {
		g.slots <- struct{}{}
	}
}
