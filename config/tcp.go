package config

import (
	"fmt"
	"time"

	"github.com/weirproxy/weir/messages"
)

// Bounds of TCP options: what Linux takes of them (tcp(7), socket(7)), and the
// 16 probes of the configurations that weir convert reads.
const (
	maxKeepalive   = 32767 * time.Second
	maxProbes      = 16
	maxUserTimeout = 24 * 24 * time.Hour // the kernel counts milliseconds in 31 bits
	minSocketBytes = 1 << 10
	maxSocketBytes = 1 << 30
)

// tcpKeys are the keys that tcp reads.
func tcpKeys() []string {
	return []string{"tcp_idle", "tcp_interval", "tcp_probe_count", "tcp_user_timeout", "tcp_recv_buf", "tcp_send_buf", "tcp_fast_open"}
}

// tcp reads options of TCP sockets, of upstreams and of listeners.
func (o *object) tcp(t *messages.TCPOptions) {
	read(o, "tcp_idle", &t.Idle, stepped(time.Second, maxKeepalive))
	read(o, "tcp_interval", &t.Interval, stepped(time.Second, maxKeepalive))
	read(o, "tcp_probe_count", &t.ProbeCount, count(0, maxProbes))
	read(o, "tcp_user_timeout", &t.UserTimeout, stepped(time.Millisecond, maxUserTimeout))
	read(o, "tcp_recv_buf", &t.RecvBuf, socketSize)
	read(o, "tcp_send_buf", &t.SendBuf, socketSize)
	read(o, "tcp_fast_open", &t.FastOpen, truth)
}

// stepped returns a parser of durations that are whole steps, up to high; 0 = none.
func stepped(step, high time.Duration) func(item) (time.Duration, bool) {
	return func(v item) (time.Duration, bool) {
		d, ok := v.duration(-maxDuration, true)
		if ok && (d%step != 0 || d < 0 || d > high) {
			v.faultf("want whole %s from %s to %s, or 0, not %s", unitName(step), durationText(step), durationText(high), durationText(d))
			return 0, false
		}
		return d, ok
	}
}

func unitName(step time.Duration) string {
	if step == time.Second {
		return "seconds"
	}
	return "milliseconds"
}

// socketSize returns the size of a buffer of the kernel; 0 = the system's.
func socketSize(v item) (int, bool) {
	n, ok := size(v)
	if ok && n != 0 && (n < minSocketBytes || n > maxSocketBytes) {
		v.fault(fmt.Sprintf("want a size from %s to %s, or 0, not %s", sizeText(minSocketBytes), sizeText(maxSocketBytes), sizeText(n)))
		return 0, false
	}
	return int(n), ok
}

func printTCP(p *printer, t messages.TCPOptions) {
	p.duration("tcp_idle", t.Idle)
	p.duration("tcp_interval", t.Interval)
	p.count("tcp_probe_count", t.ProbeCount)
	p.duration("tcp_user_timeout", t.UserTimeout)
	p.plain("tcp_recv_buf", sizeText(int64(t.RecvBuf)))
	p.plain("tcp_send_buf", sizeText(int64(t.SendBuf)))
	p.flag("tcp_fast_open", t.FastOpen)
}
