package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/weirproxy/weir/config"
)

// defaultAdmin is where a running weir is looked for when nothing is said.
const defaultAdmin = "http://127.0.0.1:9070"

// client talks to the admin address of a running weir.
type client struct {
	base  string // of URLs
	where string // for messages: what was asked
	token string
	http  *http.Client
}

// clientFlags are the flags of commands that talk to a running weir.
type clientFlags struct {
	file, admin string
	asJSON      bool
}

func (f *clientFlags) add(c *cobra.Command) {
	c.Flags().StringVarP(&f.file, "config", "c", "", "find the admin address in this configuration file")
	c.Flags().StringVar(&f.admin, "admin", "", "admin address, http://HOST:PORT or unix:/path (also WEIR_ADMIN; default "+defaultAdmin+")")
	c.Flags().BoolVar(&f.asJSON, "json", false, "print JSON")
}

// client finds the running weir: --admin, else -c, else WEIR_ADMIN, else the default.
func (f *clientFlags) client(env environment) (*client, error) {
	addr := defaultAdmin
	if fromEnv, ok := env.lookup("WEIR_ADMIN"); ok && fromEnv != "" {
		addr = fromEnv
	}
	token, _ := env.lookup("WEIR_OPERATOR_TOKEN")
	if f.file != "" {
		cfg, err := config.LoadAccess(f.file, env.lookup)
		switch {
		case err == nil:
			addr = cfg.Admin.Addr
			if t := cfg.Auth.OperatorToken.Reveal(); t != "" {
				token = t
			}
			if r, ok := readRunning(cfg.DataDir); ok { // as it runs, whatever the file says by now
				addr = r.Admin
				if r.Token != "" {
					token = r.Token
				}
			}
		case f.admin == "": // else the address is known, whatever the file says
			return nil, err
		}
	}
	if f.admin != "" {
		addr = f.admin
	}
	return newClient(addr, token)
}

func newClient(addr, token string) (*client, error) {
	transport := &http.Transport{Proxy: nil, ResponseHeaderTimeout: 10 * time.Second}
	c := &client{where: addr, token: token, http: &http.Client{Transport: transport}}
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", path)
		}
		c.base = "http://localhost"
		return c, nil
	}
	if !strings.Contains(addr, "://") {
		addr = "http://" + addr
	}
	u, err := url.Parse(addr)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("admin address %q is neither http://HOST:PORT nor unix:/path", addr)
	}
	c.base, c.where = u.Scheme+"://"+u.Host, u.Scheme+"://"+u.Host
	return c, nil
}

// get asks for path. The caller closes the body of the answer, which has status 200.
func (c *client) get(ctx context.Context, path string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", c.where, err)
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w; is weir running there? (--admin, WEIR_ADMIN or -c say where)", c.where, err)
	}
	if response.StatusCode == http.StatusOK {
		return response, nil
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode == http.StatusUnauthorized || response.StatusCode == http.StatusForbidden {
		return nil, fmt.Errorf("%s: not allowed, needs operator: set WEIR_OPERATOR_TOKEN", c.where)
	}
	var answer struct {
		Error struct{ Code, Message string }
	}
	text, _ := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if json.Unmarshal(text, &answer) == nil && answer.Error.Message != "" {
		return nil, &refusedError{where: c.where, code: answer.Error.Code, message: answer.Error.Message}
	}
	return nil, fmt.Errorf("%s%s: unexpected answer %s; is that weir's admin address?", c.where, path, response.Status)
}

// refusedError is weir's own answer that it does not do what was asked.
type refusedError struct{ where, code, message string }

func (e *refusedError) Error() string { return e.where + ": " + e.message }

// getJSON asks for path and decodes the answer into v. It returns the answer's text too.
func (c *client) getJSON(ctx context.Context, path string, v any) ([]byte, error) {
	response, err := c.get(ctx, path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", c.where, err)
	}
	if err := json.Unmarshal(text, v); err != nil {
		return nil, fmt.Errorf("%s%s: %w; is that weir's admin address?", c.where, path, err)
	}
	return text, nil
}
