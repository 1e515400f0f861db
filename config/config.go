package config

import (
	"net/netip"
	"time"

	"github.com/weirproxy/weir/messages"
)

// Config is a configuration file, read, checked and with every default filled
// in. It is made by Load and Parse and is not changed by this package afterwards.
type Config struct {
	// Listeners are the addresses that accept clients; at least one.
	Listeners []Listener
	// Desired is the upstreams and routes of the file, both sorted by name.
	Desired messages.Desired
	// NATS is the embedded NATS server.
	NATS NATS
	// Member is this instance's name, [A-Za-z0-9_-]{1,63} (key cluster.member);
	// default: the host name, made valid.
	Member string
	// Admin is the HTTP API, the metrics and the page.
	Admin Admin
	// Auth says who may change things.
	Auth Auth
	// DataDir is the folder for what is kept over a restart; default see DefaultDataDir.
	DataDir string
	// Log says what is logged, and how.
	Log Log
	// Shutdown says how the process ends.
	Shutdown Shutdown
	// Warnings are what is odd in the file and no fault.
	Warnings []Warning

	// origins and remarks are for Effective.
	origins origins
	remarks map[string]string
}

// Listener is an address that accepts clients.
type Listener struct {
	// Addr is HOST:PORT or :PORT (all addresses). Port 0 takes a free one.
	Addr string
	// H2C also accepts HTTP/2 without TLS; default false.
	H2C bool
	// TrustedProxies are those whose forwarded headers and request ids count;
	// default none.
	TrustedProxies []netip.Prefix
	// Forwarded also sends peers the Forwarded header of RFC 7239; default false.
	Forwarded bool
}

// NATS is the embedded NATS server.
type NATS struct {
	// Addr is HOST:PORT; default 127.0.0.1:4222.
	Addr string
	// Prefix is the first token of every subject; default weir.
	Prefix string
}

// Admin is the HTTP API, the metrics and the page.
type Admin struct {
	// Addr is HOST:PORT or unix:/path; default 127.0.0.1:9070.
	Addr string
}

// Auth says who may change things.
type Auth struct {
	// OperatorToken allows changes. Empty: one is made in the data directory
	// at the first start.
	OperatorToken Secret
}

// Log says what is logged, and how.
type Log struct {
	// Level is debug, info, warn or error; default info.
	Level string
	// Format is text, json, or auto: text on a terminal, JSON elsewhere; default auto.
	Format string
	// Access logs each request; default false.
	Access bool
}

// Shutdown says how the process ends.
type Shutdown struct {
	// Delay is how long listeners stay open after /readyz turned false, for
	// balancers in front to notice; default 0.
	Delay time.Duration
	// Timeout is how long requests in flight may take after that; default 25s.
	// What is left is cut.
	Timeout time.Duration
}

// Warning is what is odd in a file and no fault.
type Warning struct {
	File string `json:"file"`
	// Line and Column are counted from 1, in characters.
	Line   int `json:"line"`
	Column int `json:"column"`
	// Path is where in the document it is: "routes.api.upstream".
	Path    string `json:"path"`
	Message string `json:"message"`
}

// String returns place and message in one line.
func (w Warning) String() string { return place(w.File, w.Line, w.Column, w.Path) + w.Message }
