package bus

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/nats-io/nats.go"
)

// maxServers bounds the list of a URL.
const maxServers = 64

// servers reads a list of URLs. Its errors never repeat what was given, which
// may hold a password.
func servers(list string) ([]*url.URL, error) {
	parts := strings.Split(list, ",")
	if len(parts) > maxServers {
		return nil, fmt.Errorf("%w: url: more than %d servers", ErrConfig, maxServers)
	}
	var all []*url.URL
	for i, part := range parts {
		part = strings.TrimSpace(part)
		if !strings.Contains(part, "://") {
			part = "nats://" + part
		}
		u, err := url.Parse(part)
		if err != nil {
			return nil, fmt.Errorf("%w: url: server %d is not a URL like nats://host:4222", ErrConfig, i+1)
		}
		switch {
		case u.Scheme != "nats" && u.Scheme != "tls":
			return nil, fmt.Errorf("%w: url: server %d begins with %q, want nats:// or tls://", ErrConfig, i+1, u.Scheme+"://")
		case u.Hostname() == "":
			return nil, fmt.Errorf("%w: url: server %d has no host; want nats://host:4222", ErrConfig, i+1)
		case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
			return nil, fmt.Errorf("%w: url: server %d has more than host and port", ErrConfig, i+1)
		}
		if u.Port() == "" {
			u.Host += ":4222"
		}
		u.Path = ""
		all = append(all, u)
	}
	return all, nil
}

// bareURL is a list of servers without user, password or token, for people.
func bareURL(all []*url.URL) string {
	var bare []string
	for _, u := range all {
		bare = append(bare, u.Scheme+"://"+u.Host)
	}
	return strings.Join(bare, ",")
}

// urlList is a list of servers as the client takes it.
func urlList(all []*url.URL) string {
	var list []string
	for _, u := range all {
		list = append(list, u.String())
	}
	return strings.Join(list, ",")
}

// checkClient finds what is wrong with the way to an external NATS, as far as
// it can be known without asking it.
func checkClient(list string, auth Auth, files TLS) []error {
	all, err := servers(list)
	if err != nil {
		return []error{err}
	}
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("%w: "+format, append([]any{ErrConfig}, args...)...))
	}
	var ways []string
	for _, way := range []struct {
		name  string
		given bool
	}{
		{"a user in the url", hasUser(all)}, {"user and password", auth.User != "" || auth.Password != ""},
		{"a creds file", auth.Creds != ""}, {"an nkey file", auth.NKey != ""},
	} {
		if way.given {
			ways = append(ways, way.name)
		}
	}
	if len(ways) > 1 {
		fault("%s: choose one way to say who weir is", strings.Join(ways, " and "))
	}
	if (auth.User == "") != (auth.Password == "") {
		fault("user and password go together")
	}
	if (files.Cert == "") != (files.Key == "") {
		fault("the certificate (cert) and its key go together")
	}
	for _, fault := range CheckFiles(auth, files) {
		faults = append(faults, fault)
	}
	return faults
}

// FileError tells of a file of Auth or TLS that cannot be used.
type FileError struct {
	// Key is what the file is: creds, nkey, ca or cert (which goes with a key).
	Key string
	// Err is what is wrong with it.
	Err error
}

// Error returns the key and what is wrong.
func (e *FileError) Error() string { return ErrConfig.Error() + ": " + e.Key + ": " + e.Err.Error() }

// Unwrap returns ErrConfig and what is wrong.
func (e *FileError) Unwrap() []error { return []error{ErrConfig, e.Err} }

// CheckFiles reads the files of auth and files and returns what is wrong with them.
func CheckFiles(auth Auth, files TLS) []*FileError {
	_, faults := readFiles(auth, files)
	return faults
}

func hasUser(all []*url.URL) bool {
	for _, u := range all {
		if u.User != nil {
			return true
		}
	}
	return false
}

// clientOptions makes the options of a client from auth and files, which are
// read once now, so that a wrong one is found before anything starts.
func clientOptions(auth Auth, files TLS) ([]nats.Option, error) {
	opts, faults := readFiles(auth, files)
	var all []error
	for _, fault := range faults {
		all = append(all, fault)
	}
	return opts, errors.Join(all...)
}

func readFiles(auth Auth, files TLS) ([]nats.Option, []*FileError) {
	var opts []nats.Option
	var faults []*FileError
	use := func(what, path string, option func() (nats.Option, error)) {
		if path == "" {
			return
		}
		if _, err := os.ReadFile(path); err != nil {
			faults = append(faults, &FileError{what, err})
			return
		}
		opt, err := option()
		if err == nil {
			scratch := nats.GetDefaultOptions()
			err = opt(&scratch) // it reads and judges the file
		}
		if err != nil {
			faults = append(faults, &FileError{what, fmt.Errorf("%s: %w", path, err)})
			return
		}
		opts = append(opts, opt)
	}
	if auth.User != "" {
		opts = append(opts, nats.UserInfo(auth.User, auth.Password))
	}
	use("creds", auth.Creds, func() (nats.Option, error) { return nats.UserCredentials(auth.Creds), checkCreds(auth.Creds) })
	use("nkey", auth.NKey, func() (nats.Option, error) { return nats.NkeyOptionFromSeed(auth.NKey) })
	use("ca", files.CA, func() (nats.Option, error) { return nats.RootCAs(files.CA), nil })
	if files.Cert != "" && files.Key != "" {
		use("cert", files.Cert, func() (nats.Option, error) { return nats.ClientCert(files.Cert, files.Key), nil })
	}
	return opts, faults
}

// checkCreds finds out whether a credentials file holds what its name says.
// The text of an error has nothing of the content.
func checkCreds(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for _, part := range []string{"NATS USER JWT", "USER NKEY SEED"} {
		if !strings.Contains(string(text), "BEGIN "+part) {
			return fmt.Errorf("it has no part %q", part)
		}
	}
	return nil
}
