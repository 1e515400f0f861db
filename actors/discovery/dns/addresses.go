package dns

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// Addresses looks up the addresses of a host now, and remembers nothing: the
// hosts file first, else the name servers, which get the name as it is, without
// the search list. v4 leaves IPv6 out. ttl is how long the answer holds, the
// shortest of its records. What one family has counts although the other failed.
// Without any address the error is that of a name server that failed, else
// ErrNoSuchName or ErrNoData.
func (r *Resolver) Addresses(ctx context.Context, host string, v4 bool) (addrs []netip.Addr, ttl time.Duration, err error) {
	types := addressKind(v4).types()
	q := question{name: host + ".", types: types, skip: make([]bool, len(types))}
	answers := make([]answer, len(types))
	var mu sync.Mutex
	r.ask(ctx, q, func(i int, _ string, a answer) {
		mu.Lock()
		defer mu.Unlock()
		answers[i] = a
	})
	for _, a := range answers {
		switch {
		case a.err == nil && len(a.records) > 0:
			if len(addrs) == 0 || a.ttl < ttl {
				ttl = a.ttl
			}
			for _, found := range a.records {
				addrs = append(addrs, found.addr)
			}
		case a.err != nil && (err == nil || isAbsent(err) && !isAbsent(a.err) || errors.Is(err, ErrNoData)):
			err = a.err
		}
	}
	switch {
	case len(addrs) > 0:
		return addrs, ttl, nil
	case ctx.Err() != nil:
		err = ctx.Err()
	case err == nil:
		err = ErrNoData
	}
	return nil, 0, fmt.Errorf("look up %q: %w", host, err)
}

// IsAbsent tells whether err is a name server's word that there is no address,
// and not that it could not be asked.
func IsAbsent(err error) bool { return isAbsent(err) }
