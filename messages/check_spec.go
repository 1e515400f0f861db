package messages

import "time"

// CheckKind says what a probe speaks.
type CheckKind string

// The kinds of probe.
const (
	CheckOff   CheckKind = "off"
	CheckTCP   CheckKind = "tcp"
	CheckHTTP  CheckKind = "http"
	CheckHTTPS CheckKind = "https"
)

// CheckSpec says how the peers of an upstream are probed.
type CheckSpec struct {
	Kind CheckKind
	// Frequency is the time between two probes of one peer; default 10s, at least 100ms.
	Frequency time.Duration
	// UnhealthyFrequency replaces Frequency while the peer is unhealthy; 0 = the same.
	UnhealthyFrequency time.Duration
	// Success and Failure are how many results in a row it takes to flip a
	// verdict to healthy and to unhealthy; defaults 1 and 2. The first result
	// of a peer decides alone.
	Success, Failure int
	// ConnectionTimeout bounds the connect (and TLS handshake); default 3s.
	ConnectionTimeout time.Duration
	// ReadTimeout bounds the rest, from the request to the end of what is read; default 3s.
	ReadTimeout time.Duration
	// Port is probed instead of the peer's own; 0 = the peer's own.
	Port int
	// ProxyProtocol is the header that begins each probe's connection, without an
	// address: the probe speaks for itself. Default none.
	ProxyProtocol ProxyProtocol
	// HTTP holds what http and https probes send and expect.
	HTTP HTTPCheck
}

// Equal tells whether two specs probe the same way.
func (c CheckSpec) Equal(o CheckSpec) bool {
	headers := EqualLists(c.HTTP.Headers, o.HTTP.Headers)
	c.HTTP.Headers, o.HTTP.Headers = List[HeaderField]{}, List[HeaderField]{}
	return headers && c.comparable() == o.comparable()
}

// HTTPCheck is the part of a CheckSpec that only http and https probes have.
type HTTPCheck struct {
	// Method is GET unless set.
	Method string
	// Host is the Host header; empty = the peer's address. For https it is also the server name.
	Host string
	// Path is path and query; default "/".
	Path string
	// Headers are sent in addition.
	Headers List[HeaderField]
	// Status are the statuses that pass; the zero set means 200-399. Redirects are not followed.
	Status StatusSet
	// BodyContains and BodyMatches (RE2) must be found in the first 64 KiB of the body; empty = not looked at.
	BodyContains, BodyMatches string
	// SkipVerify accepts any certificate of an https peer; default false.
	SkipVerify bool
	// CA is a PEM file of the authorities that may sign; empty = the system's.
	CA string
	// ServerName is asked for and verified where Host is empty; empty = the peer's address.
	ServerName string
	// ClientCert and ClientKey are PEM files of what is shown to peers that ask;
	// empty = nothing is.
	ClientCert, ClientKey string
}

// comparableCheck is CheckSpec without its list, so that == works.
type comparableCheck struct {
	kind                             CheckKind
	freq, unhealthyFreq, conn, read  time.Duration
	success, failure, port           int
	method, host, path, contains, re string
	status                           StatusSet
	skipVerify                       bool
	ca, name, cert, key              string
	proxyProtocol                    ProxyProtocol
}

func (c CheckSpec) comparable() comparableCheck {
	h := c.HTTP
	return comparableCheck{c.Kind, c.Frequency, c.UnhealthyFrequency, c.ConnectionTimeout, c.ReadTimeout, c.Success, c.Failure,
		c.Port, h.Method, h.Host, h.Path, h.BodyContains, h.BodyMatches, h.Status, h.SkipVerify, h.CA, h.ServerName, h.ClientCert, h.ClientKey, c.ProxyProtocol}
}
