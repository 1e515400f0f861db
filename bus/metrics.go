package bus

import "github.com/weirproxy/weir/internal/meter"

// Collect emits the metrics of the bus. It implements meter.Source.
func (b *Bus) Collect(emit func(meter.Sample)) {
	connected := 0.0
	if b.Connected() {
		connected = 1
	}
	emit(meter.Sample{Name: "weir_nats_connected", Help: "1 while weir is connected to NATS, else 0.", Kind: meter.Gauge, Value: connected})
	emit(meter.Sample{Name: "weir_nats_reconnects_total", Help: "How often the connection to NATS came back.", Kind: meter.Counter,
		Value: float64(b.link.returns.Load())})
	stored := 0.0
	if b.StoreReady() {
		stored = 1
	}
	emit(meter.Sample{Name: "weir_events_stored", Help: "1 while events can be stored, else 0.", Kind: meter.Gauge, Value: stored})
	state := b.keeper.state.Load()
	if state == nil {
		return // nobody has seen the stream yet
	}
	emit(meter.Sample{Name: "weir_events_stream_messages", Help: "Events in the stream, at most 30 s old.", Kind: meter.Gauge, Value: float64(state.Msgs)})
	emit(meter.Sample{Name: "weir_events_stream_bytes", Help: "Bytes of the stream, at most 30 s old.", Kind: meter.Gauge, Value: float64(state.Bytes)})
}
