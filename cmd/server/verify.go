package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/weirproxy/weir/config"
	"github.com/weirproxy/weir/messages"
	"github.com/weirproxy/weir/socket"
)

// verify looks at what a valid file leads to and the file alone does not tell:
// patterns of hosts, and files of certificates. It returns all that is wrong, and
// what works and should not stay so.
func verify(cfg *config.Config) (warnings []string, err error) {
	var errs []error
	for _, u := range cfg.Desired.Upstreams.All() {
		for _, key := range socket.Unsupported(u.Transport.TCP, false) {
			warnings = append(warnings, fmt.Sprintf("upstreams.%s.%s: not on this platform; no peer is reached with it", u.Name, key))
		}
		if u.Discovery.Kind == messages.DiscoverTransparent {
			if _, err := patternsOf(u.Discovery.Transparent); err != nil {
				errs = append(errs, fmt.Errorf("upstreams.%s.%w", u.Name, err))
			}
		}
	}
	files := newCertificates(func(messages.Event) {})
	for i, l := range cfg.Listeners {
		for _, key := range socket.Unsupported(l.TCP, l.ReusePort) {
			warnings = append(warnings, fmt.Sprintf("listeners[%d].%s: not on this platform; weir does not start with it", i, key))
		}
		if l.TLS.On() {
			if _, err := files.set.Server("listener "+l.Addr, serverOptions(l.TLS)); err != nil {
				errs = append(errs, fmt.Errorf("listeners[%d].tls: %w", i, err))
			}
		}
	}
	if _, err := files.plan(cfg.Desired.Upstreams); err != nil {
		errs = append(errs, err)
	}
	for _, w := range files.set.Warnings(time.Now()) {
		warnings = append(warnings, w.String())
	}
	return warnings, errors.Join(errs...)
}
