package dnstest

import (
	"net"
	"slices"

	"github.com/miekg/dns"
)

// Reply says how a question is answered.
type Reply struct {
	// Answer, Authority and Additional are records as in a zone file:
	// "web.test. 60 IN A 10.0.0.1".
	Answer, Authority, Additional []string
	// Code is the response code, as in "NXDOMAIN"; empty = NOERROR.
	Code string
	// Lame answers without authority and without offering recursion.
	Lame bool
	// Hold delays the answer until it is closed; nil = no delay.
	Hold <-chan struct{}
	// Trick makes the answer wrong; the zero value is none.
	Trick Trick
	// OnlyUDP plays the trick over UDP alone.
	OnlyUDP bool
}

// Trick is a way to answer wrong.
type Trick int

// The tricks. WrongID, WrongQuestion, NotAResponse, Spoofed and Garbage may be
// followed by the right answer: see ThenRight.
const (
	None            Trick = iota
	Silence                        // no answer
	WrongID                        // another id
	WrongQuestion                  // the answer to a question that was not asked
	NotAResponse                   // a question comes back
	Spoofed                        // the answer comes from another socket
	Garbage                        // bytes that are no message
	NoQuestion                     // a response without a question section
	AlwaysTruncated                // nothing but the TC bit
	ThenRight       Trick = 1 << 8 // added to another: the right answer follows
)

// Records answers with records as in a zone file.
func Records(records ...string) Reply { return Reply{Answer: records} }

// Code answers with a response code; NXDOMAIN and NOERROR (NODATA) come with the
// SOA record that they have.
func Code(code string) Reply {
	reply := Reply{Code: code}
	if code == "NXDOMAIN" || code == "NOERROR" {
		reply.Authority = []string{"test. 60 IN SOA ns.test. admin.test. 1 60 60 60 60"}
	}
	return reply
}

// NoData answers that the name exists, without a record of that type.
func NoData() Reply { return Code("NOERROR") }

// message builds the right answer to query.
func (r Reply) message(query *dns.Msg) (*dns.Msg, error) {
	msg := new(dns.Msg).SetReply(query)
	msg.Authoritative, msg.RecursionAvailable = !r.Lame, !r.Lame
	if r.Code != "" {
		msg.Rcode = dns.StringToRcode[r.Code]
	}
	for _, section := range []struct {
		texts []string
		into  *[]dns.RR
	}{{r.Answer, &msg.Answer}, {r.Authority, &msg.Ns}, {r.Additional, &msg.Extra}} {
		for _, text := range section.texts {
			rr, err := dns.NewRR(text)
			if err != nil {
				return nil, err
			}
			*section.into = append(*section.into, rr)
		}
	}
	if query.IsEdns0() != nil {
		msg.SetEdns0(1232, false)
	}
	return msg, nil
}

// write sends the answer that the reply makes.
func (r Reply) write(w dns.ResponseWriter, query *dns.Msg, tcp bool) error {
	right, err := r.message(query)
	if err != nil {
		return err
	}
	if !tcp {
		size := dns.MinMsgSize
		if opt := query.IsEdns0(); opt != nil {
			size = int(opt.UDPSize())
		}
		right.Truncate(size)
	}
	trick := r.Trick &^ ThenRight
	if r.OnlyUDP && tcp {
		trick = None
	}
	if trick == None {
		return w.WriteMsg(right)
	}
	if err := play(trick, w, right.Copy()); err != nil || r.Trick&ThenRight == 0 {
		return err
	}
	return w.WriteMsg(right)
}

// play answers wrong.
func play(trick Trick, w dns.ResponseWriter, msg *dns.Msg) error {
	switch trick {
	case WrongID:
		msg.Id ^= 1
	case WrongQuestion:
		msg.Question[0].Name = "other.test."
	case NotAResponse:
		msg.Response = false
	case NoQuestion:
		msg.Question = nil
	case AlwaysTruncated:
		msg.Truncated, msg.Answer, msg.Ns = true, nil, nil
	case Garbage:
		_, err := w.Write(slices.Repeat([]byte{0xC0, 0x0C, 0xFF}, 20))
		return err
	case Spoofed:
		return spoof(w.RemoteAddr(), msg)
	case Silence, None, ThenRight:
		return nil
	}
	return w.WriteMsg(msg)
}

// spoof sends msg from a socket that was not asked.
func spoof(to net.Addr, msg *dns.Msg) error {
	packet, err := msg.Pack()
	if err != nil {
		return err
	}
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if _, err := conn.WriteTo(packet, to); err != nil {
		return err
	}
	return conn.Close()
}
