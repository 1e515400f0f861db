package admin

import (
	"sync/atomic"

	"github.com/weirproxy/weir/internal/meter"
)

// instanceSource emits what is known of the instance and of this server.
type instanceSource struct{ server *Server }

func (i instanceSource) Collect(emit func(meter.Sample)) {
	s := i.server
	emit(gauge("weir_info", "Always 1; the labels say who this is.", 1,
		meter.Label{Name: "version", Value: s.cfg.Version}, meter.Label{Name: "member", Value: s.cfg.Member}))
	ready, _ := s.deps.Ready()
	emit(gauge("weir_ready", "1 while clients may be sent here.", oneIf(ready)))
	emit(gauge("weir_degraded", "How many things do not work as they should while weir serves.", float64(len(s.deps.Degraded()))))
	emit(gauge("weir_admin_streams", "Event streams that are open.", float64(s.streams.Load())))
	for _, d := range []struct {
		reason string
		n      *atomic.Uint64
	}{{"bad_host", &s.denied.host}, {"unauthorized", &s.denied.auth}} {
		emit(meter.Sample{Name: "weir_admin_denied_total", Kind: meter.Counter, Labels: []meter.Label{{Name: "reason", Value: d.reason}},
			Value: float64(d.n.Load()), Help: "Requests to the admin address that were turned away."})
	}
}
