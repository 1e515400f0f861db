package upstream

import "github.com/weirproxy/weir/balance"

// builder makes hash rings outside the actor, one set at a time; the latest
// wins. Its methods are called from the actor alone.
type builder struct {
	// gen is the incarnation that builds.
	gen uint64
	// send tells the actor.
	send func(ringsBuilt)
	// building is closed when the rings under way are done; nil = none are.
	// next are the members to build for after that.
	building chan struct{}
	next     []balance.Member
}

// ringsBuilt is what the builder tells the actor.
type ringsBuilt struct {
	gen   uint64
	rings *balance.Placement
	// failed is the panic of the build; nil = none.
	failed any
}

// build makes rings of members.
func (b *builder) build(members []balance.Member) {
	b.next = nil
	if b.building != nil {
		b.next = members
		return
	}
	b.building = make(chan struct{})
	go b.run(members, b.building)
}

func (b *builder) run(members []balance.Member, done chan struct{}) {
	defer close(done)
	built := ringsBuilt{gen: b.gen}
	defer func() {
		built.failed = recover()
		b.send(built)
	}()
	built.rings = balance.NewPlacement(members)
}

// done takes what was built, and returns it if no other rings are wanted by
// now. A build that panicked panics here: that is the actor's own fault.
func (b *builder) done(built ringsBuilt) (*balance.Placement, bool) {
	if built.gen != b.gen {
		return nil, false // of an earlier incarnation
	}
	if built.failed != nil {
		panic(built.failed)
	}
	b.building = nil
	if b.next != nil {
		b.build(b.next)
		return nil, false
	}
	return built.rings, true
}

// wait waits for the build under way.
func (b *builder) wait() {
	if b.building != nil {
		<-b.building
	}
}
