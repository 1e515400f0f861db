package proxy

// table is everything that requests are routed by. It does not change. Tables
// that follow one another share what is the same in both.
type table struct {
	hasher hasher
	levels levels
	routes index[*route]
	// upstreams are those that are defined, and those that only routes speak of.
	upstreams index[usage]
	// defined is how many of the upstreams are defined.
	defined int
}

// usage is an upstream, and how many routes name it.
type usage struct {
	upstream *Upstream
	routes   int
}

// match returns the route for a host and a path as readTarget made them, or
// nil. It does not allocate.
func (t *table) match(host, path string) *route {
	for _, l := range t.levels {
		if r := l.match(t.hasher, host, path); r != nil {
			return r
		}
	}
	return nil
}

// upstream returns the named upstream, or nil.
func (t *table) upstream(name string) *Upstream {
	if u := t.upstreams.find(t.hasher.of(name), name); u != nil {
		return u.upstream
	}
	return nil
}

// upstreamOf returns the upstream of a route: nil for one that redirects, and
// one without a Ref when it is not defined. Routes hold names instead of
// upstreams, so that a changed upstream costs the same whatever names it.
func (t *table) upstreamOf(r *route) *Upstream {
	if u := t.upstreams.find(r.upstreamHash, r.spec.Upstream); u != nil {
		return u.upstream
	}
	return nil
}
