package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
)

// The bounds of a service.
const (
	serviceSlots   = 16               // handlers that run at the same time
	serviceTimeout = 30 * time.Second // of one handler: its context ends then
)

// Service is what weir answers on NATS: a micro service (NATS ADR-32), which
// `nats service ls` finds.
type Service struct {
	// Version is semantic: "0.1.0".
	Version string
	// Description is for people.
	Description string
	Endpoints   []Endpoint
}

// Endpoint answers requests on one subject.
type Endpoint struct {
	// Name is for people and statistics: A-Z a-z 0-9 _ -.
	Name string
	// Subject comes after <prefix>.svc.: "state.upstream.*". Wildcards are allowed.
	Subject string
	// Type is the type of the answer, which errors carry too: weir.state.v1.status.
	Type string
	// Queue: one member answers. Default false: all do.
	Queue bool
	// Handler returns the body of the answer, which is JSON. An error of type
	// *ServiceError is told as it is; what others say is logged, and the client
	// learns that weir failed. At most 16 handlers run at a time; ctx ends after
	// 30 s, and when the bus closes.
	Handler func(ctx context.Context, request Request) ([]byte, error)
}

// Request is a request as a handler gets it.
type Request struct {
	// Subject is what comes after <prefix>.svc.: "state.upstream.web".
	Subject string
	// Header has the first value of each; names keep their case.
	Header map[string]string
	Body   []byte
	// Answered tells whether the client waits for an answer.
	Answered bool
}

// ServiceError is an error that the client learns of.
type ServiceError struct {
	// Code is one word: "not_found".
	Code string
	// Message is for people.
	Message string
	// Status is like that of HTTP; default 400.
	Status int
}

// Error implements error.
func (e *ServiceError) Error() string { return e.Code + ": " + e.Message }

// service is a Service that is served.
type service struct {
	bus    *Bus
	micro  micro.Service
	slots  chan struct{}
	under  sync.WaitGroup
	ctx    context.Context
	cancel context.CancelFunc
}

// flushTime bounds the wait for the server to know of a new service.
const flushTime = 2 * time.Second

// Serve answers requests until the bus is closed, and goes on over reconnects. On
// return they come, unless NATS is away or slow: then they come later.
func (b *Bus) Serve(what Service) error {
	s := &service{bus: b, slots: make(chan struct{}, serviceSlots)}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	var err error
	s.micro, err = micro.AddService(b.link.Conn, micro.Config{Name: "weir", Version: what.Version, Description: what.Description,
		Metadata: map[string]string{"member": b.cfg.Member, "prefix": b.cfg.Prefix}})
	if err != nil {
		s.cancel()
		return fmt.Errorf("serve requests on NATS: %w", err)
	}
	prefix := b.cfg.Prefix + ".svc."
	for _, e := range what.Endpoints {
		queue := micro.WithEndpointQueueGroup("weir")
		if !e.Queue {
			queue = micro.WithEndpointQueueGroupDisabled()
		}
		err := s.micro.AddEndpoint(e.Name, micro.HandlerFunc(func(r micro.Request) { s.arrived(e, r) }),
			micro.WithEndpointSubject(prefix+e.Subject), micro.WithEndpointPendingLimits(4096, 16<<20), queue)
		if err != nil {
			s.cancel()
			return errors.Join(fmt.Errorf("serve %s on NATS: %w", e.Subject, err), s.micro.Stop())
		}
	}
	b.mu.Lock()
	b.services = append(b.services, s)
	b.mu.Unlock()
	if b.link.IsConnected() {
		_ = b.link.FlushTimeout(flushTime) // later, then
	}
	return nil
}

// stopServices ends the services and waits for their handlers, as long as ctx lasts.
func (b *Bus) stopServices(ctx context.Context) {
	b.mu.Lock()
	all := b.services
	b.mu.Unlock()
	for _, s := range all {
		if err := s.micro.Stop(); err != nil && b.link.IsConnected() {
			b.log.Warn("stop answering requests on NATS", "error", err)
		}
	}
	for _, s := range all {
		idle := make(chan struct{})
		go func() {
			s.under.Wait()
			close(idle)
		}()
		select {
		case <-idle:
		case <-ctx.Done():
		}
		s.cancel() // handlers must end now
		<-idle
	}
}

// arrived takes a request. It returns at once.
func (s *service) arrived(e Endpoint, r micro.Request) {
	if why := trick(r); why != "" {
		s.bus.log.Debug("nats request refused", "subject", r.Subject(), "reason", why)
		return // an answer is what it may be after
	}
	select {
	case s.slots <- struct{}{}:
	default:
		s.fail(e, r, &ServiceError{Code: "busy", Message: "too many requests at this moment; try again", Status: 503})
		return
	}
	s.under.Go(func() {
		defer func() { <-s.slots }()
		s.handle(e, r)
	})
}

// handle calls the handler and answers.
func (s *service) handle(e Endpoint, r micro.Request) {
	ctx, cancel := context.WithTimeout(s.ctx, serviceTimeout)
	defer cancel()
	body, err := s.call(ctx, e, r)
	if err != nil {
		var told *ServiceError
		if !errors.As(err, &told) {
			s.bus.log.Error("nats request failed", "subject", r.Subject(), "error", err)
			told = &ServiceError{Code: "internal", Message: "weir failed; its log has more", Status: 500}
		}
		s.fail(e, r, told)
		return
	}
	s.respond(r, &nats.Msg{Data: body})
}

// respond sends an answer. Not by way of micro.Request, which may be used by
// its own goroutine alone.
func (s *service) respond(r micro.Request, msg *nats.Msg) {
	if r.Reply() == "" {
		return
	}
	msg.Subject = r.Reply()
	if err := s.bus.link.PublishMsg(msg); err != nil {
		s.bus.log.Warn("nats request not answered", "subject", r.Subject(), "error", err)
	}
}

// call runs the handler; a panic of it is an error.
func (s *service) call(ctx context.Context, e Endpoint, r micro.Request) (body []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			s.bus.log.Error("nats request handler panicked", "subject", r.Subject(), "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	header := map[string]string{}
	for name, values := range r.Headers() {
		if len(values) > 0 {
			header[name] = values[0]
		}
	}
	return e.Handler(ctx, Request{Subject: strings.TrimPrefix(r.Subject(), s.bus.cfg.Prefix+".svc."), Header: header,
		Body: r.Data(), Answered: r.Reply() != ""})
}

// fail answers with an error, in the body as well as in the headers: `nats req`
// shows the body and looks at nothing else.
func (s *service) fail(e Endpoint, r micro.Request, told *ServiceError) {
	body, err := json.Marshal(map[string]any{"type": e.Type, "error": map[string]string{"code": told.Code, "message": told.Message}})
	if err != nil {
		s.bus.log.Error("nats request not answered", "subject", r.Subject(), "error", err)
		return
	}
	status := told.Status
	orDefault(&status, 400)
	oneLine := strings.NewReplacer("\r", " ", "\n", " ").Replace(told.Message)
	s.respond(r, &nats.Msg{Data: body, Header: nats.Header{micro.ErrorCodeHeader: {strconv.Itoa(status)}, micro.ErrorHeader: {oneLine}}})
}

// trick tells what is wrong with a message that looks like a request and comes
// from a stream, or wants its answer where answers do not belong.
func trick(r micro.Request) string {
	if reply := r.Reply(); reply != "" && !strings.HasPrefix(reply, nats.InboxPrefix) && !strings.HasPrefix(reply, ownInboxes+".") && !strings.HasPrefix(reply, "_R_.") {
		return "the answer is wanted on " + reply
	}
	for name := range r.Headers() {
		switch {
		case strings.HasPrefix(strings.ToLower(name), "ce-"), name == "Status":
			return "it has the header " + name
		case strings.HasPrefix(name, "Nats-") && name != "Nats-Request-Info" && name != nats.MsgIdHdr:
			return "it has the header " + name
		}
	}
	return ""
}
