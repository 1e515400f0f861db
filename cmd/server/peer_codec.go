package main

import (
	"github.com/weirproxy/weir/messages"
	"github.com/weirproxy/weir/proxy"
	"github.com/weirproxy/weir/proxy/nethttp"
	"github.com/weirproxy/weir/socket"
)

// newPeerCodec makes the codec of one upstream, which goes on counting where the
// one before it was.
func (w *weir) newPeerCodec(t messages.Transport, former proxy.PeerCodec) proxy.PeerCodec {
	d := nethttp.PeerDeps{TLS: w.certs.client(t.TLS), Dial: socket.Dialer(t.TCP, t.Bind), WriteProxyHeader: socket.WriteProxyHeader}
	d.Former, _ = former.(*nethttp.PeerCodec) // there is no other codec
	return nethttp.NewPeerCodec(t, d)
}
