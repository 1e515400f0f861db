package config

import (
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Bounds of nats.events. A stream younger than a minute loses events before
// anybody who restarts can read them; beyond these sizes the store is a
// database that weir does not look after.
const (
	minEventAge   = time.Minute
	minEventBytes = 1 << 20
	maxEventBytes = 1 << 40
	maxPerSubject = 1_000_000
	maxURLs       = 100
)

// nats reads where events go.
func (o *object) nats(cfg *NATS, addrs *takenAddrs) {
	const elsewhere = "addr is where the embedded server listens; with url there is none"
	if o.has("url") {
		cfg.Addr = ""
		o.forbid(elsewhere, "want one of addr and url", "addr")
		o.natsClient(cfg)
	} else {
		read(o, "addr", &cfg.Addr, addrs.once("nats.addr", item.listenAddr))
		o.forbid("this is for connections to other servers; the embedded one needs none", "it goes with url",
			"creds", "nkey", "user", "password", "tls")
		o.get("url") // known, though it is not there
	}
	read(o, "prefix", &cfg.Prefix, subjectPrefix)
	section(o, "events", func(o *object) {
		read(o, "max_age", &cfg.Events.MaxAge, someDuration(minEventAge))
		read(o, "max_bytes", &cfg.Events.MaxBytes, sizeFrom(minEventBytes, maxEventBytes))
		read(o, "per_subject", &cfg.Events.PerSubject, count(1, maxPerSubject))
	})
}

// natsClient reads how to connect to other servers.
func (o *object) natsClient(cfg *NATS) {
	read(o, "url", &cfg.URLs, item.natsURLs)
	read(o, "creds", &cfg.Creds, filePath)
	read(o, "nkey", &cfg.NKey, seedFile)
	read(o, "user", &cfg.User, login)
	read(o, secretPassword, &cfg.Password, password)
	section(o, "tls", func(o *object) { o.tlsFiles(&cfg.TLS) })
	var ways []string
	for _, key := range []string{"creds", "nkey", "user"} {
		if o.has(key) {
			ways = append(ways, key)
		}
	}
	for _, u := range cfg.URLs {
		if u.HasSecret() {
			ways = append(ways, "the credentials in url")
			break
		}
	}
	if len(ways) > 1 {
		o.fault("want one way to log in, not " + strings.Join(ways, " and "))
	}
	if o.has("user") != o.has(secretPassword) {
		o.fault("user and password go together")
	}
}

// natsURLs reads a URL or a list of them.
func (v item) natsURLs() ([]URL, bool) {
	items := []item{v}
	if v.isList() {
		items, _ = v.list("")
	}
	if len(items) == 0 || len(items) > maxURLs {
		v.faultf("want 1 to %d URLs", maxURLs)
		return nil, false
	}
	before := len(v.r.faults)
	urls := make([]URL, 0, len(items))
	for _, v := range items {
		if u, _, ok := v.natsURL(); ok {
			urls = append(urls, u)
		}
	}
	return urls, before == len(v.r.faults)
}

// natsURL reads one URL. No message shows what stands before its "@", not even
// those of net/url.
func (v item) natsURL() (u URL, scheme string, ok bool) {
	const want = "a URL such as nats://127.0.0.1:4222"
	s, ok := v.scalar(want + ", or a list of them")
	if !ok {
		return URL{}, "", false
	}
	parsed, err := url.Parse(s.text)
	problem, hint := "", ""
	switch {
	case strings.Contains(s.text, redacted):
		problem, hint = "this is the placeholder of a secret, not a URL", "write the password"
	case strings.Contains(s.text, ","):
		problem, hint = "want one URL, not several with commas", `url: ["nats://a:4222", "nats://b:4222"]`
	case !strings.Contains(s.text, "://"):
		problem, hint = "want "+want+", not "+quote(s.text), quote("nats://"+s.text)
	case err != nil || hasBlank(s.text):
		problem, hint = "this is not a URL", "want "+want+"; in a user or password @ is %40, / is %2F, : is %3A"
	case parsed.Scheme != "nats" && parsed.Scheme != "tls":
		problem = "want nats:// or tls://, not " + quote(parsed.Scheme+"://")
	case strings.Trim(parsed.Path, "/") != "" || parsed.RawQuery != "" || parsed.Fragment != "":
		problem = "the URL of a NATS server has no path, no query and no fragment"
	case !isHostHeader(parsed.Host):
		problem = fmt.Sprintf("%s is not HOST or HOST:PORT", quote(parsed.Host))
	case parsed.User != nil && parsed.User.String() == "":
		problem = "there is nothing before the @"
	}
	if problem != "" {
		v.hinted(hint, problem)
		return URL{}, "", false
	}
	return NewURL(s.text), parsed.Scheme, true
}

// seedFile returns the path of a file with the seed of an nkey, and refuses the
// seed itself, which no message shows.
func seedFile(v item) (string, bool) {
	path, ok := filePath(v)
	if ok && len(path) == 58 && strings.HasPrefix(path, "SU") && !strings.ContainsAny(path, "/.") {
		v.hinted("put it into a file that only weir can read, and name the file here", "this is a seed itself, not the file that has it")
		return "", false
	}
	return path, ok
}

// login returns the name of a user.
func login(v item) (string, bool) {
	user, ok := text(v)
	if ok && user == "" {
		v.fault("want the name of a user, not an empty text")
		return "", false
	}
	return user, ok
}

// password returns a password. No message shows it.
func password(v item) (Secret, bool) {
	s, ok := v.scalar("a text")
	problem := ""
	switch {
	case !ok:
		return Secret{}, false
	case s.text == "":
		problem = "the password is empty"
	case s.text == redacted:
		problem = "this is the placeholder of a secret, not a password"
	case strings.ContainsFunc(s.text, func(r rune) bool { return r < ' ' || r == 0x7f }):
		problem = "the password has a control character"
	}
	if problem != "" {
		v.fault(problem)
		return Secret{}, false
	}
	return NewSecret(s.text), true
}
