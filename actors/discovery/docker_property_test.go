package discovery_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/weirproxy/weir/actors/discovery"
	"github.com/weirproxy/weir/internal/actortest"
	"github.com/weirproxy/weir/internal/dockertest"
)

// tide is what can befall an engine and its containers.
type tide struct {
	subject
	rand    *rand.Rand
	server  *dockertest.Server
	stopped bool
	count   int
	// running are the addresses of the containers of group 0 that run; told is what
	// a discoverer would have told last.
	running, told []string
	log           []string
}

// step lets one thing happen.
func (d *tide) step() {
	lists := []dockertest.Answer{{}, {}, dockertest.Fail(), dockertest.Body("<html>"), dockertest.Body(`[{"Id":1}]`)}
	switch d.rand.IntN(16) {
	case 0, 1:
		d.count++
		addr := fmt.Sprintf("10.0.%d.%d", d.count/250, d.count%250+1)
		d.note("start of %s", addr)
		d.server.Start(member(0, addr))
		d.running = append(d.running, addr)
	case 2:
		if n := len(d.running); n > 1 {
			i := d.rand.IntN(n)
			d.note("end of %s", d.running[i])
			d.server.End(member(0, d.running[i]).ID)
			d.running = slices.Delete(d.running, i, i+1)
		}
	case 3:
		d.note("a container that cannot be inspected")
		d.server.Answer(dockertest.InspectOf(broken(0).ID), dockertest.Fail())
		d.server.Start(broken(0))
	case 4:
		d.note("inspections fail, or not")
		d.server.Answer(dockertest.Inspect, []dockertest.Answer{{}, dockertest.Fail(), dockertest.Body("null")}[d.rand.IntN(3)])
	case 5:
		how := lists[d.rand.IntN(len(lists))]
		d.note("lists: %+v", how)
		d.server.Answer(dockertest.List, how)
	case 6:
		d.note("drop")
		d.server.Drop()
	case 7, 8:
		d.stopped = !d.stopped
		d.note("stopped: %v", d.stopped)
		if d.server.Stop(); !d.stopped {
			d.server.Resume()
		}
	case 9:
		d.note("release")
		d.source.(discovery.Releaser).Release("web")
	case 10, 11, 12, 13:
		d.note("calm")
		d.calm()
	default:
		d.spec = selecting([][]string{{"group=0:80"}, {"group=0:80", "group=1:80"}, {"group=0:80", "no selector"}}[d.rand.IntN(3)]...)
		d.note("selects %v", d.spec.Addrs.Slice())
	}
}

// calm heals all that can be healed.
func (d *tide) calm() {
	d.server.Take(broken(0).ID)
	for _, kind := range []dockertest.Request{dockertest.List, dockertest.Inspect} {
		d.server.Answer(kind, dockertest.Answer{})
	}
	if d.stopped {
		d.stopped = false
		d.server.Resume()
	}
}

func (d *tide) note(format string, args ...any) { d.log = append(d.log, fmt.Sprintf(format, args...)) }

// ask looks, and keeps what the discoverer would tell. It returns who is missing:
// of the containers that were told and ran ever since.
func (d *tide) ask(t *testing.T) (missing []string, isStale bool) {
	addrs, found, err := d.look(t.Context())
	if err != nil && len(addrs) == 0 && !found.Empty {
		return nil, found.Stale // it would tell no set
	}
	for _, addr := range d.running {
		addr += ":80"
		if slices.Contains(d.told, addr) && !slices.Contains(addrs, addr) {
			missing = append(missing, addr)
		}
	}
	d.told = addrs
	return missing, found.Stale
}

// TestNoTideDropsAContainerThatRunsOn plays random sequences of what befalls an
// engine. Who was found once is told until it ends.
func TestNoTideDropsAContainerThatRunsOn(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			s, server := containers(t, "10.0.99.1", "10.0.99.2")
			d := &tide{subject: s, rand: rand.New(rand.NewPCG(seed, 3)), server: server, running: []string{"10.0.99.1", "10.0.99.2"}}
			d.await(t, whole, "10.0.99.1:80", "10.0.99.2:80")
			for range 80 {
				d.step()
				lists := server.Asked("/containers/json")
				actortest.Eventually(t, "the source to see what happened", func() bool {
					missing, isStale := d.ask(t)
					if missing != nil {
						t.Fatalf("%v run on and are not told any more, after\n%s", missing, strings.Join(d.log, "\n"))
					}
					if d.stopped {
						return isStale
					}
					return server.Asked("/containers/json") >= lists+2 // the second began after it happened
				})
			}
			d.calm()
			d.spec = selecting("group=0:80")
			d.await(t, whole, d.sorted()...)
		})
	}
}

// sorted returns the peers that run, in the order in which they are told.
func (d *tide) sorted() []string {
	addrs := make([]string, 0, len(d.running))
	for _, addr := range d.running {
		addrs = append(addrs, addr+":80")
	}
	slices.SortFunc(addrs, func(a, b string) int { return netip.MustParseAddrPort(a).Compare(netip.MustParseAddrPort(b)) })
	return addrs
}
