package bus

import (
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
)

// liveOnly is the stream that Publish expects, a name that no stream can have:
// names of streams have no dots. The server compares before it stores, so no
// stream takes the message, while subscribers get it.
const liveOnly = "live.only"

// Publish sends a message to whoever is subscribed now; the stream does not
// keep it (see Store). It returns ErrNotConnected at once when there is no
// connection; nil means that the message is on its way, not that anybody got
// it. body is not kept. Subscribers see one header more, Nats-Expected-Stream:
// live.only, by which the live copy of an event can be told from a stored one.
func (b *Bus) Publish(subject string, header map[string]string, body []byte) error {
	what := fmt.Sprintf("publish to %q", subject)
	msg, err := message(subject, header, body)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if !b.link.IsConnected() { // the client has another error while it has never been
		return fmt.Errorf("%s: %w", what, ErrNotConnected)
	}
	msg.Header[nats.ExpectedStreamHdr] = []string{liveOnly}
	return connError(what, b.link.PublishMsg(msg))
}

// message makes a message; the names of its headers keep their case.
func message(subject string, header map[string]string, body []byte) (*nats.Msg, error) {
	msg := &nats.Msg{Subject: subject, Data: body, Header: make(nats.Header, len(header)+1)}
	for name, value := range header {
		if name == "" || strings.ContainsAny(name, "\r\n: ") || strings.ContainsAny(value, "\r\n") {
			return nil, fmt.Errorf("header %q: line breaks, or a name that is empty or has blanks or colons", name)
		}
		msg.Header[name] = []string{value}
	}
	return msg, nil
}
