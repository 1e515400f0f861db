package config

import (
	"time"

	"github.com/weirproxy/weir/messages"
)

// Config is a configuration file with what it includes, read, checked and with
// every default filled in. It is made by Load and Parse and is not changed by this package afterwards.
type Config struct {
	// Listeners are the addresses that accept clients; at least one.
	Listeners []Listener
	// Desired is the upstreams and routes of all files, both sorted by name.
	Desired messages.Desired
	// Files are the names of all files that were read: the one that was named
	// first, then those that it includes.
	Files []string
	// Watch looks for changes of the files each second; default true.
	Watch bool
	// NATS is where events go: a server inside of weir, or others.
	NATS NATS
	// DNS says how names are looked up.
	DNS DNS
	// Docker says where containers are found.
	Docker Docker
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
	origins *origins
	remarks map[string]string
}

// NATS is where events go: the server inside of weir at Addr, or those at URLs.
type NATS struct {
	// Addr is HOST:PORT of the embedded server; default 127.0.0.1:4222, empty
	// when there are URLs.
	Addr string
	// URLs are the servers to connect to instead of the embedded one: nats://,
	// tls://, ws:// or wss://, with or without credentials; default none.
	URLs []URL
	// Creds and NKey are files, of a user's JWT and seed (.creds) and of a seed
	// alone; User and Password a login. At most one of the three is set, and none
	// when the URLs hold credentials.
	Creds, NKey, User string
	Password          Secret
	// TLS is for the connections to URLs; the zero value takes the system's authorities.
	TLS TLSFiles
	// Prefix is the first token of every subject; default weir.
	Prefix string
	// Events bounds the stream that keeps events.
	Events Events
}

// Events bounds the stream that keeps events.
type Events struct {
	// MaxAge is how long an event is kept; default 168h.
	MaxAge time.Duration
	// MaxBytes is how much all of them may take; default 256 MiB.
	MaxBytes int64
	// PerSubject is how many are kept of one subject; default 100.
	PerSubject int
}

// TLSFiles are PEM files for connections that weir makes.
type TLSFiles struct {
	// CA has the authorities that may sign; empty = the system's.
	CA string
	// Cert and Key are shown to the other side; both or none.
	Cert, Key string
}

// DNS says how names are looked up.
type DNS struct {
	// Servers are ADDRESS:PORT; empty = those of the system's resolv.conf.
	Servers []string
	// MaxStale is how long peers are kept of a name that cannot be looked up
	// any more; default 0 = as long as that lasts.
	MaxStale time.Duration
	// Timeout bounds one question to one server; 0 = as resolv.conf says, else 2s.
	Timeout time.Duration
	// Attempts is how often each server is asked; 0 = as resolv.conf says, else 2.
	Attempts int
}

// Docker says where containers are found.
type Docker struct {
	// Host is unix:///path, tcp://HOST:PORT, http:// or https://; default
	// $DOCKER_HOST, else unix:///var/run/docker.sock.
	Host string
	// TLS is for a tcp or https host; the zero value of a tcp host is no TLS.
	TLS TLSFiles
	// PeerAddr is network (the container's own address), published (the port
	// that the host opened for it), or auto: network where weir shares one; default auto.
	PeerAddr string
	// Auto makes upstreams and routes of labelled containers; default false.
	Auto bool
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
