package config

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"time"
)

// settings reads everything but upstreams and routes.
func (r *reader) settings(o *object, cfg *Config) {
	addrs := &takenAddrs{}
	if v, ok := o.get("listeners"); ok {
		cfg.Listeners = v.listeners(addrs)
	} else {
		o.hinted(`listeners: [{addr: ":8080"}]`, "listeners is missing; want at least one")
	}
	read(o, "watch", &cfg.Watch, truth)
	section(o, "nats", func(o *object) { o.nats(&cfg.NATS, addrs) })
	section(o, "dns", func(o *object) { o.dns(&cfg.DNS) })
	section(o, "docker", func(o *object) { o.docker(&cfg.Docker) })
	section(o, "cluster", func(o *object) { read(o, "member", &cfg.Member, name) })
	section(o, "admin", func(o *object) {
		read(o, "addr", &cfg.Admin.Addr, addrs.once("admin.addr", item.adminAddr))
	})
	section(o, secretSection, func(o *object) { read(o, secretKey, &cfg.Auth.OperatorToken, operatorToken) })
	read(o, "data_dir", &cfg.DataDir, folder)
	section(o, "log", func(o *object) {
		read(o, "level", &cfg.Log.Level, oneOf("debug", "info", "warn", "error"))
		read(o, "format", &cfg.Log.Format, oneOf("auto", "json", "text"))
		read(o, "access", &cfg.Log.Access, truth)
	})
	section(o, "shutdown", func(o *object) {
		read(o, "delay", &cfg.Shutdown.Delay, duration(time.Millisecond))
		read(o, "timeout", &cfg.Shutdown.Timeout, duration(time.Millisecond))
	})
}

// section reads the mapping under key, if it is there.
func section(o *object, key string, parse func(*object)) {
	v, ok := o.get(key)
	if !ok {
		return
	}
	if inner, ok := v.object("a mapping (keys and values)"); ok {
		parse(inner)
		inner.close()
	}
}

// takenAddrs finds addresses that are to be opened twice.
type takenAddrs struct{ by map[string]string }

// once returns parse, with a fault for an address that another key has.
func (t *takenAddrs) once(key string, parse func(item) (string, bool)) func(item) (string, bool) {
	return func(v item) (string, bool) {
		addr, ok := parse(v)
		if !ok || strings.HasSuffix(addr, ":0") && !isSocket(addr) || strings.HasPrefix(addr, "fd:") { // of these there may be several
			return addr, ok
		}
		if other := t.by[addr]; other != "" {
			v.faultf("%s has the address %s already", other, addr)
			return addr, false
		}
		if t.by == nil {
			t.by = map[string]string{}
		}
		t.by[addr] = key
		return addr, true
	}
}

// listenAddr returns HOST:PORT to listen at.
func (v item) listenAddr() (string, bool) {
	const want = "an address to listen at such as :8080 or 127.0.0.1:8080"
	s, ok := v.scalar(want)
	if !ok {
		return "", false
	}
	if strings.Trim(s.text, "0123456789") == "" && s.text != "" {
		v.hinted(`":`+s.text+`"`, fmt.Sprintf("want %s, not %s", want, quote(s.text)))
		return "", false
	}
	host, port, problem, hint := splitAddr(s.text, 0)
	switch {
	case problem != "":
	case port < 0:
		problem = fmt.Sprintf("want %s, not %s: it has no port", want, quote(s.text))
	case host != "" && !isHostName(host) && !isAddr(host):
		problem = fmt.Sprintf("want %s; %s is no host", want, quote(host))
	default:
		return joinAddr(host, port), true
	}
	v.hinted(hint, problem)
	return "", false
}

// adminAddr returns HOST:PORT or unix:/path.
func (v item) adminAddr() (string, bool) {
	s, ok := v.scalar("HOST:PORT or unix:/path")
	if !ok {
		return "", false
	}
	path, unix := strings.CutPrefix(s.text, "unix:")
	if !unix {
		return v.listenAddr()
	}
	if !strings.HasPrefix(path, "/") || strings.ContainsRune(path, 0) {
		v.faultf("want unix: and a path that begins with /, not %s", quote(s.text))
		return "", false
	}
	return s.text, true
}

// prefixes returns networks: 10.0.0.0/8, or single addresses.
func (v item) prefixes() ([]netip.Prefix, bool) {
	items, ok := v.list(`a list of networks such as ["10.0.0.0/8", "192.0.2.1"]`)
	if !ok {
		return nil, false
	}
	prefixes := make([]netip.Prefix, 0, len(items))
	for _, v := range items {
		s, ok := v.scalar("a network such as 10.0.0.0/8, or an address")
		if !ok {
			continue
		}
		prefix, err := netip.ParsePrefix(s.text)
		if addr, single := netip.ParseAddr(s.text); single == nil && addr.Zone() == "" {
			addr = addr.Unmap()
			prefix, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err != nil {
			v.faultf("want a network such as 10.0.0.0/8, or an address, not %s", quote(s.text))
			continue
		}
		prefixes = append(prefixes, prefix.Masked())
	}
	return prefixes, true
}

// subjectPrefix returns the first tokens of NATS subjects.
func subjectPrefix(v item) (string, bool) {
	s, ok := v.scalar("a word")
	if !ok {
		return "", false
	}
	for part := range strings.SplitSeq(s.text, ".") {
		if !isName(part) {
			v.faultf("want names (%s) joined by dots, not %s", wantName, quote(s.text))
			return "", false
		}
	}
	switch {
	case strings.HasPrefix(s.text, "_"):
		v.fault("what begins with _ belongs to NATS itself (_INBOX and others)")
	case len(s.text) > maxSubjectPrefix:
		v.faultf("want at most %d characters, not %d", maxSubjectPrefix, len(s.text))
	default:
		return s.text, true
	}
	return "", false
}

// maxSubjectPrefix is the longest prefix of subjects, in bytes: bus holds the same number.
const maxSubjectPrefix = 120

// operatorToken returns the token. No message shows it.
func operatorToken(v item) (Secret, bool) {
	const shortest, longest = 8, 1024
	s, ok := v.scalar("a text")
	problem := ""
	switch {
	case !ok:
		return Secret{}, false
	case s.text == "":
	case s.text == redacted:
		problem = "this is the placeholder of a secret, not a token"
	case len(s.text) < shortest || len(s.text) > longest:
		problem = fmt.Sprintf("want %d to %d bytes, not %d", shortest, longest, len(s.text))
	case strings.ContainsFunc(s.text, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		problem = "the token has a blank or a control character"
	case strings.HasPrefix(s.text, "$2"):
		problem = "the token begins with $2, which marks a bcrypt hash"
	}
	if problem != "" {
		v.hinted("leave it empty: weir makes one and keeps it in data_dir/operator.token", problem)
		return Secret{}, false
	}
	return NewSecret(s.text), true
}

// folder returns the path of a folder.
func folder(v item) (string, bool) { return v.somePath("a folder") }

// filePath returns the path of a file. A relative one counts from the folder of
// the file that it stands in.
func filePath(v item) (string, bool) {
	path, ok := v.somePath("a file")
	if ok && !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(v.doc.file), path)
	}
	return path, ok
}

func (v item) somePath(kind string) (string, bool) {
	path, ok := text(v)
	if ok && path == "" {
		v.fault("want the path of " + kind + ", not an empty text")
		return "", false
	}
	return path, ok
}

// tlsFiles reads {ca, cert, key}.
func (o *object) tlsFiles(files *TLSFiles) {
	read(o, "ca", &files.CA, filePath)
	read(o, "cert", &files.Cert, filePath)
	read(o, "key", &files.Key, filePath)
	switch {
	case o.has("cert") && !o.has("key"):
		o.fault("cert needs its key")
	case o.has("key") && !o.has("cert"):
		o.fault("key needs its cert")
	}
}
