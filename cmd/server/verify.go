package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/weirproxy/weir/config"
	"github.com/weirproxy/weir/messages"
)

// verify looks at what a valid file leads to and the file alone does not tell:
// patterns of hosts, and files of certificates. It returns all that is wrong, and
// what works and should not stay so.
func verify(cfg *config.Config) (warnings []string, err error) {
	var errs []error
	for _, u := range cfg.Desired.Upstreams.All() {
		if u.Discovery.Kind == messages.DiscoverTransparent {
			if _, err := patternsOf(u.Discovery.Transparent); err != nil {
				errs = append(errs, fmt.Errorf("upstreams.%s.%w", u.Name, err))
			}
		}
	}
	files := newCertificates(func(messages.Event) {})
	if _, err := files.plan(cfg.Desired.Upstreams); err != nil {
		errs = append(errs, err)
	}
	for _, w := range files.set.Warnings(time.Now()) {
		warnings = append(warnings, w.String())
	}
	return warnings, errors.Join(errs...)
}
