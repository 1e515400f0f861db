package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/weirproxy/weir/config"
)

func reloadCommand(env environment) *cobra.Command {
	var flags clientFlags
	c := &cobra.Command{
		Use:   "reload",
		Short: "Make a running weir read its configuration file again, and say what changed",
		Long: `Make a running weir read its configuration file again. It waits until the
file is in force and prints what changed; or it prints every fault, exits with
status 1, and what was in force stays. The file is the one that weir was started
with; -c only says where weir is. It needs the operator token: that of the file
named by -c and of the weir that runs with it, else WEIR_OPERATOR_TOKEN, else the
one in data_dir/operator.token.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := flags.client(env)
			if err == nil && client.token == "" {
				client.token, err = tokenOnDisk(flags.file, env)
			}
			if err != nil {
				return notAsked(env, flags.asJSON, err)
			}
			return reload(c.Context(), env, client, flags)
		},
	}
	flags.add(c)
	return c
}

// notAsked adds to the faults of the file that weir was not asked: without the
// file there is no way to it, and with it, it would say the same.
func notAsked(env environment, asJSON bool, err error) error {
	var faults *config.Faults
	if asJSON && errors.As(err, &faults) {
		if err := json.NewEncoder(env.stdout).Encode(map[string]any{"error": map[string]any{"code": "invalid", "message": err.Error(), "faults": faults.List}}); err != nil {
			return err
		}
		return errQuiet
	}
	if errors.Is(err, config.ErrInvalid) {
		return fmt.Errorf("the file is not valid, what was in force stays:\n%w", err)
	}
	return err
}

// tokenOnDisk returns the token that a weir on this machine made for itself;
// empty when there is none, or it is not ours to read. The error is that of the file.
func tokenOnDisk(file string, env environment) (string, error) {
	dir := config.DefaultDataDir(env.lookup)
	if path, err := config.Find(file, env.lookup); err == nil {
		cfg, err := config.LoadAccess(path, env.lookup)
		if err != nil {
			return "", err
		}
		dir = cfg.DataDir
		if token := cfg.Auth.OperatorToken.Reveal(); token != "" {
			return token, nil
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "operator.token"))
	if err != nil {
		return "", nil //nolint:nilerr // weir says what is missing
	}
	return strings.TrimSpace(string(text)), nil
}

// reload asks for a reload and prints what came of it.
func reload(ctx context.Context, env environment, client *client, flags clientFlags) error {
	status, text, err := client.post(ctx, "/api/v1/reload")
	if err != nil {
		return err
	}
	if flags.asJSON {
		env.printf("%s\n", strings.TrimSpace(string(text)))
		if status != http.StatusOK {
			return errQuiet
		}
		return nil
	}
	var answer struct {
		File         string   `json:"file"`
		Changes      []string `json:"changes"`
		NeedsRestart []string `json:"needs_restart"`
		Warnings     []string `json:"warnings"`
		Error        struct{ Code, Message string }
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return fmt.Errorf("%s: %w; is that weir's admin address?", client.where, err)
	}
	if status != http.StatusOK {
		if answer.Error.Message == "" {
			return fmt.Errorf("%s: unexpected answer, status %d; is that weir's admin address?", client.where, status)
		}
		return fmt.Errorf("%s refused the file; what was in force stays:\n%s", client.where, answer.Error.Message)
	}
	if named, err := filepath.Abs(flags.file); flags.file != "" && err == nil && answer.File != "" && answer.File != named {
		env.printf("warning: %s was read, which this weir was started with, and not %s\n", answer.File, named)
	}
	for _, warning := range answer.Warnings {
		env.printf("warning: %s\n", warning)
	}
	for _, change := range answer.Changes {
		env.printf("%s\n", change)
	}
	if len(answer.Changes) == 0 {
		env.printf("nothing changed\n")
	}
	for _, key := range answer.NeedsRestart {
		env.printf("needs a restart: %s\n", key)
	}
	return nil
}

// errNotAllowed is returned when weir does not take the token, or there is none.
var errNotAllowed = errors.New("not allowed, needs operator: set WEIR_OPERATOR_TOKEN, or run this as the user that owns the data_dir")

// post asks for a change. Statuses other than 401 and 403 are the caller's to judge.
func (c *client) post(ctx context.Context, path string) (status int, body []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, nil)
	if err != nil {
		return 0, nil, fmt.Errorf("ask %s: %w", c.where, err)
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return 0, nil, fmt.Errorf("ask %s: %w; is weir running there? (--admin, WEIR_ADMIN or -c say where)", c.where, err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode == http.StatusUnauthorized || response.StatusCode == http.StatusForbidden {
		return 0, nil, fmt.Errorf("%s: %w", c.where, errNotAllowed)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, 16<<20))
	if err != nil {
		return 0, nil, fmt.Errorf("read the answer of %s: %w", c.where, err)
	}
	return response.StatusCode, text, nil
}
