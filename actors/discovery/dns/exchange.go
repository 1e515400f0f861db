package dns

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	wire "github.com/miekg/dns"
)

const (
	// udpSize is the largest answer to take over UDP: what passes every path unfragmented.
	udpSize = 1232
	// maxStrays is how many datagrams that do not answer the question are passed
	// over before a server counts as one that does not answer.
	maxStrays = 100
	// othersWait is how long one server may be silent while others could be asked.
	othersWait = 4 * time.Second
)

// exchange asks the servers in turn until one knows the answer, be it that there
// is nothing. Who did not answer is asked again, conf.attempts times in all; who
// said that it cannot is not.
func (r *Resolver) exchange(ctx context.Context, conf settings, name string, qtype uint16, doubtful bool) (*wire.Msg, error) {
	leave, err := r.gate.enter(ctx, doubtful)
	if err != nil {
		return nil, fmt.Errorf("%w: too many questions wait: %w", ErrTimeout, err)
	}
	defer leave()
	servers := r.servers.order(conf.servers, conf.rotate, time.Now())
	failed := make(map[string]error, len(servers))
	timeout := conf.timeout
	if len(servers) > 1 {
		timeout = min(timeout, othersWait)
	}
	for range conf.attempts {
		for _, server := range servers {
			if cannot := failed[server]; cannot != nil && !isSilence(cannot) {
				continue
			}
			msg, err := askServer(ctx, timeout, server, name, qtype)
			// A look whose time is over says of a server that it was silent; one that
			// was given up says nothing.
			if cause := context.Cause(ctx); cause == nil || errors.Is(cause, context.DeadlineExceeded) {
				r.servers.note(server, err == nil || !isSilence(err), time.Now())
			}
			if err == nil {
				return msg, nil
			}
			failed[server] = fmt.Errorf("%s: %w", server, err)
			if ctx.Err() != nil {
				return nil, failed[server]
			}
		}
	}
	var all []error
	for _, server := range conf.servers {
		all = append(all, failed[server])
	}
	return nil, allOf(all)
}

// isSilence tells whether a server gave no answer at all.
func isSilence(err error) bool { return errors.Is(err, ErrTimeout) || errors.Is(err, ErrUnreachable) }

// askServer asks one server: over UDP, over TCP when the answer is too large
// for it, and without EDNS0 when the server does not know that.
func askServer(ctx context.Context, timeout time.Duration, server, name string, qtype uint16) (*wire.Msg, error) {
	network, edns := "udp", true
	for {
		msg, err := askOnce(ctx, timeout, network, server, name, qtype, edns)
		if err != nil {
			return nil, err
		}
		switch {
		case edns && (msg.Rcode == wire.RcodeFormatError || msg.Rcode == wire.RcodeNotImplemented || msg.Rcode == wire.RcodeBadVers):
			edns = false
		case msg.Truncated && network == "udp":
			network = "tcp"
		case msg.Truncated:
			return nil, fmt.Errorf("%w: truncated over TCP too", ErrBadAnswer)
		default:
			return msg, judge(msg)
		}
	}
}

// askOnce sends one question from a fresh socket, with a fresh id, and waits for its answer.
func askOnce(ctx context.Context, timeout time.Duration, network, server, name string, qtype uint16, edns bool) (msg *wire.Msg, err error) {
	var id [2]byte
	if _, err := rand.Read(id[:]); err != nil {
		return nil, fmt.Errorf("%w: no random numbers: %w", ErrUnreachable, err)
	}
	query := &wire.Msg{}
	query.SetQuestion(name, qtype)
	query.Id = binary.BigEndian.Uint16(id[:])
	if edns {
		query.SetEdns0(udpSize, false)
	}
	packet, err := query.Pack()
	if err != nil {
		return nil, fmt.Errorf("%w: %q cannot be asked for: %w", ErrBadAnswer, name, err)
	}
	deadline := time.Now().Add(timeout)
	conn, err := (&net.Dialer{Deadline: deadline}).DialContext(ctx, network, server)
	if err != nil {
		return nil, silence(ctx, network, timeout, err, nil)
	}
	defer func() { _ = conn.Close() }() // the answer is there, or it does not come
	if err := conn.SetDeadline(deadline); err != nil {
		return nil, silence(ctx, network, timeout, err, nil)
	}
	// The end of ctx ends reads and writes. The socket is connected: it takes from one server only.
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	var stray error
	if network == "tcp" {
		msg, err = overTCP(conn, packet, query)
	} else {
		msg, stray, err = overUDP(conn, packet, query)
	}
	if err != nil {
		return nil, silence(ctx, network, timeout, err, stray)
	}
	return msg, nil
}

// overUDP passes over what does not answer the query; stray says what that was last.
func overUDP(conn net.Conn, packet []byte, query *wire.Msg) (msg *wire.Msg, stray, err error) {
	if _, err := conn.Write(packet); err != nil {
		return nil, nil, err
	}
	buf := make([]byte, 4*udpSize)
	for range maxStrays {
		n, err := conn.Read(buf)
		if err != nil {
			return nil, stray, err
		}
		msg, err := unpack(buf[:n], query)
		if err == nil {
			return msg, nil, nil
		}
		stray = err
	}
	return nil, nil, fmt.Errorf("%w: %d strays, the last: %w", ErrTimeout, maxStrays, stray)
}

func overTCP(conn net.Conn, packet []byte, query *wire.Msg) (*wire.Msg, error) {
	framed := append(binary.BigEndian.AppendUint16(nil, uint16(len(packet))), packet...)
	if _, err := conn.Write(framed); err != nil {
		return nil, err
	}
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return nil, err
	}
	answer := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(conn, answer); err != nil {
		return nil, err
	}
	return unpack(answer, query)
}

// unpack reads a message that must answer query.
func unpack(packet []byte, query *wire.Msg) (*wire.Msg, error) {
	msg := &wire.Msg{}
	if err := msg.Unpack(packet); err != nil {
		// A truncated message may end in the middle of a record. The head tells that.
		if !msg.Truncated || len(msg.Question) == 0 {
			return nil, fmt.Errorf("%w: %w", ErrBadAnswer, err)
		}
	}
	return msg, answers(msg, query.Id, query.Question[0].Name, query.Question[0].Qtype)
}

// silence says why a server gave no answer; stray is what came instead, if anything did.
func silence(ctx context.Context, network string, timeout time.Duration, err, stray error) error {
	var timedOut net.Error
	switch {
	case errors.Is(err, ErrBadAnswer), errors.Is(err, ErrTimeout):
		return err
	case ctx.Err() != nil:
		return fmt.Errorf("%w over %s yet: %w", ErrTimeout, network, ctx.Err())
	case !errors.As(err, &timedOut) || !timedOut.Timeout():
		return fmt.Errorf("%w over %s: %w", ErrUnreachable, network, err)
	case stray != nil:
		return fmt.Errorf("%w over %s within %v, only strays (the last: %w)", ErrTimeout, network, timeout, stray)
	}
	return fmt.Errorf("%w over %s within %v", ErrTimeout, network, timeout)
}

// allOf joins what each server said into one line.
func allOf(errs []error) error {
	errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	if len(errs) == 0 {
		return fmt.Errorf("%w: there is no server to ask", ErrUnreachable)
	}
	joined := errs[0]
	for _, err := range errs[1:] {
		joined = fmt.Errorf("%w; %w", joined, err)
	}
	return joined
}
