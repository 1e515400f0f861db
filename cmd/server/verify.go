package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/weirproxy/weir/actors/discovery/docker"
	"github.com/weirproxy/weir/bus"
	"github.com/weirproxy/weir/certs"
	"github.com/weirproxy/weir/config"
	"github.com/weirproxy/weir/messages"
	"github.com/weirproxy/weir/socket"
)

// verification looks at what a valid file leads to and the file alone does not tell:
// patterns of hosts, addresses that overlap, options of sockets, files of certificates and of NATS.
type verification struct {
	cfg    *config.Config
	now    time.Time
	faults []config.Fault
	// warnings are of what works and should not stay so, each once.
	warnings []string
	warned   map[string]bool
}

// verify returns all that is wrong, as *config.Faults, and what works and should
// not stay so.
func verify(cfg *config.Config) (warnings []string, err error) {
	v := &verification{cfg: cfg, now: time.Now(), warned: map[string]bool{}}
	for i, l := range cfg.Listeners {
		at := fmt.Sprintf("listeners[%d]", i)
		for _, key := range socket.Unsupported(l.TCP, l.ReusePort) {
			v.warn(at + "." + key + ": not on this platform; weir does not start with it")
		}
		if l.TLS.On() {
			v.listener(at+".tls", l)
		}
		if l.ReusePort {
			if err := socket.TurnsAway(); err != nil {
				v.warn(at + ".reuse_port: when weir ends, clients that come in that moment may be reset: " + err.Error() + ", or net.ipv4.tcp_migrate_req=1 (sysctl)")
			}
		}
	}
	v.overlaps()
	clients := certs.Open(certs.Options{})
	for _, u := range cfg.Desired.Upstreams.All() {
		v.upstream("upstreams."+u.Name, u, clients)
	}
	v.tell(clients.Warnings(v.now))
	client := busConfig(cfg)
	for _, wrong := range bus.CheckFiles(client.Auth, client.TLS) {
		key := "nats." + wrong.Key
		if wrong.Key == "ca" || wrong.Key == "cert" {
			key = "nats.tls." + wrong.Key
		}
		v.fault(key, wrong.Err.Error())
	}
	v.docker()
	return v.warnings, config.NewFaults(v.faults)
}

// docker reads the files that the engine is reached with.
func (v *verification) docker() {
	if !usesDocker(v.cfg) {
		return
	}
	_, err := docker.New(dockerConfig(v.cfg, slog.New(slog.DiscardHandler)))
	if err == nil {
		return
	}
	key, text := "docker.host", strings.TrimPrefix(err.Error(), docker.ErrConfig.Error()+": ")
	if of, isTLS := strings.CutPrefix(text, "tls: "); isTLS {
		file, _, _ := strings.Cut(of, " ") // "ca:", or "cert and key:"
		key, text = "docker.tls."+strings.TrimSuffix(file, ":"), of
	}
	v.fault(key, text)
}

func (v *verification) fault(path, text string) {
	v.faults = append(v.faults, v.cfg.FaultAt(path, text))
}

func (v *verification) warn(text string) {
	if !v.warned[text] {
		v.warned[text] = true
		v.warnings = append(v.warnings, text)
	}
}

func (v *verification) tell(warnings []certs.Warning) {
	for _, w := range warnings {
		v.warn(w.String())
	}
}

// listener reads the files of a listener.
func (v *verification) listener(at string, l config.Listener) {
	options := serverOptions(l.TLS)
	var good []certs.Pair
	for i, pair := range options.Pairs {
		of := fmt.Sprintf("%s.certs[%d].", at, i)
		if v.missing(of+"cert", pair.Cert, of+"key", pair.Key) {
			continue
		}
		if _, err := certs.Check(v.now, pair); err != nil {
			v.fault(keyAtFault(of, "cert", pair.Cert, "key", pair.Key, err), err.Error())
			continue
		}
		good = append(good, pair)
	}
	warnings, _ := certs.Check(v.now, good...) // they were read a moment ago; what became of them since is told later
	v.tell(warnings)
	if options.Pairs = good; v.missing(at+".client_ca", l.TLS.ClientCA) || len(good) == 0 {
		return
	}
	set := certs.Open(certs.Options{})
	if _, err := set.Server(l.Addr, options); err != nil {
		v.fault(at+".client_ca", strings.TrimPrefix(err.Error(), l.Addr+": ")) // all else was read
	}
	v.tell(set.Warnings(v.now))
}

// upstream looks at what an upstream leads to, and reads its files.
func (v *verification) upstream(at string, u messages.UpstreamSpec, clients *certs.Set) {
	for _, key := range socket.Unsupported(u.Transport.TCP, false) {
		v.warn(at + "." + key + ": not on this platform; no peer is reached with it")
	}
	if u.Discovery.Kind == messages.DiscoverTransparent {
		if _, err := patternsOf(u.Discovery.Transparent); err != nil {
			key, text, _ := strings.Cut(err.Error(), ": ")
			v.fault(at+"."+key, text)
		}
	}
	t := u.Transport.TLS
	if t.ServerName == "" {
		return
	}
	if v.missing(at+".ca", t.CA, at+".client_cert", t.ClientCert, at+".client_key", t.ClientKey) {
		return
	}
	if _, err := clients.Client(u.Name, clientOptions(t)); err != nil {
		key := keyAtFault(at+".", "client_cert", t.ClientCert, "client_key", t.ClientKey, err)
		if text := err.Error(); t.CA != "" && strings.Contains(text, t.CA) && (t.ClientCert == "" || !strings.Contains(text, t.ClientCert)) {
			key = at + ".ca"
		}
		v.fault(key, strings.TrimPrefix(err.Error(), u.Name+": "))
	}
}

// missing tells of each file that is not there, of pairs of a key and a file; a file
// without a name is none. It opens none: a pipe can be read once.
func (v *verification) missing(pairs ...string) (some bool) {
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			continue
		}
		_, err := os.Stat(pairs[i+1])
		if err == nil {
			continue
		}
		var because *fs.PathError
		if errors.As(err, &because) {
			err = because.Err
		}
		v.fault(pairs[i], fmt.Sprintf("%s cannot be read: %v; is the path right, and mounted?", pairs[i+1], err))
		some = true
	}
	return some
}

// keyAtFault returns the path of the one of two keys whose file an error names
// alone, or else the first.
func keyAtFault(at, first, firstFile, second, secondFile string, err error) string {
	if text := err.Error(); firstFile != secondFile && strings.Contains(text, secondFile) && !strings.Contains(text, firstFile) {
		return at + second
	}
	return at + first
}

// texts are warnings of the file as they are shown.
func texts(warnings []config.Warning) []string {
	all := make([]string, len(warnings))
	for i, w := range warnings {
		all[i] = w.String()
	}
	return all
}
