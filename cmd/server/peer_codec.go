package main

import (
	"github.com/weirproxy/weir/messages"
	"github.com/weirproxy/weir/proxy"
	"github.com/weirproxy/weir/proxy/nethttp"
	"github.com/weirproxy/weir/socket"
)

// newPeerCodec makes the codec of one upstream.
func (w *weir) newPeerCodec(t messages.Transport) proxy.PeerCodec {
	return nethttp.NewPeerCodec(t, nethttp.PeerDeps{TLS: w.certs.client(t.TLS), Dial: socket.Dialer(t.TCP, t.Bind), WriteProxyHeader: socket.WriteProxyHeader})
}
