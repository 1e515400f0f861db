package config

import (
	"fmt"
	"strings"
)

// Proxy returns the file that "weir proxy LISTEN PEER..." stands for: one
// upstream, one route for everything. The result is ready to be printed and
// parsed; what is wrong with an argument is the error.
func Proxy(listen string, peers []string) ([]byte, error) {
	if strings.Trim(listen, "0123456789") == "" && listen != "" {
		listen = ":" + listen
	}
	var b strings.Builder
	b.WriteString("# One address, one upstream. docs/config.md has every key.\nlisteners:\n")
	fmt.Fprintf(&b, "  - addr: %s\n", quoted(listen))
	b.WriteString("routes:\n  default: {path: /, upstream: default}\nupstreams:\n  default:\n    addrs:\n")
	for _, peer := range peers {
		fmt.Fprintf(&b, "      - %s\n", quoted(peer))
	}
	b.WriteString("    # Without a health_check weir connects to each peer every 10s. To ask for a page:\n" +
		"    # health_check: \"http://default/healthz?check_frequency=5s\"\n")
	text := []byte(b.String())
	if len(peers) == 0 {
		return nil, fmt.Errorf("%w: want at least one peer", ErrInvalid)
	}
	if err := checkProxy(text); err != nil {
		return nil, err
	}
	return text, nil
}

// checkProxy says what is wrong in terms of the arguments: their text and the
// message, without the lines of a file that nobody wrote.
func checkProxy(text []byte) error {
	_, err := Parse("", text, nil)
	faults, ok := err.(*Faults) //nolint:errorlint // Parse returns nothing else
	if !ok {
		return err
	}
	var problems []string
	for _, f := range faults.List {
		problem := f.Message
		if f.Hint != "" {
			problem += " (" + f.Hint + ")"
		}
		problems = append(problems, problem)
	}
	return fmt.Errorf("%w: %s", ErrInvalid, strings.Join(problems, "; "))
}
