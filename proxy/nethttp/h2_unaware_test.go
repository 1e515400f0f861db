package nethttp_test

import (
	"bytes"
	"testing"

	"golang.org/x/net/http2"

	"github.com/weirproxy/weir/internal/peertest"
	"github.com/weirproxy/weir/proxy/nethttp"
)

// TestAClientThatDoesNotKnowTheLimitYet opens more streams than may be at once
// before it has read SETTINGS, as it may (RFC 9113, 6.5.2): those beyond are
// refused, the others served. That it acknowledges SETTINGS right behind them changes
// nothing.
func TestAClientThatDoesNotKnowTheLimitYet(t *testing.T) {
	for name, acknowledges := range map[string]bool{"the SETTINGS are not read": false, "they are read while the streams are under way": true} {
		t.Run(name, func(t *testing.T) {
			peer := peertest.Start(t)
			hold := make(chan struct{})
			peer.AnswerWith(func(peertest.Request) peertest.Response { <-hold; return peertest.Response{} })
			h := open(t, plan{server: nethttp.ServerConfig{H2C: true, MaxH2Streams: 50}}, peer.Addr())
			c := newFrameClient(t, manner{http2: true}, nil, h.addr)
			var burst bytes.Buffer // takes everything
			fr := http2.NewFramer(&burst, nil)
			for i := range uint32(400) {
				_ = fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 2*i + 1, BlockFragment: c.head(), EndStream: true, EndHeaders: true})
			}
			if acknowledges {
				_ = fr.WriteSettingsAck()
			}
			c.raw(burst.String())
			refused, served := 0, 0
			c.until("the streams beyond the limit are refused", func(f http2.Frame) bool {
				if r, is := f.(*http2.RSTStreamFrame); is && r.ErrCode == http2.ErrCodeRefusedStream {
					refused++
				}
				return refused == 350
			})
			if err := c.fr.WritePing(false, [8]byte{1}); err != nil { // what is too much is told now
				t.Fatal(err)
			}
			close(hold)
			c.until("the others are served", func(f http2.Frame) bool {
				if _, is := f.(*http2.HeadersFrame); is {
					served++
				}
				return served == 50
			})
		})
	}
}

// TestAClientThatDoesNotWantToKnowTheLimit never acknowledges SETTINGS. It reads what
// it is told: of one that does not, net/http tires first.
func TestAClientThatDoesNotWantToKnowTheLimit(t *testing.T) {
	const limit, most = 50, 50_000
	peer := peertest.Start(t)
	peer.Set(peertest.Hang())
	h := open(t, plan{server: nethttp.ServerConfig{H2C: true, MaxH2Streams: limit}}, peer.Addr())
	c := newFrameClient(t, manner{http2: true}, nil, h.addr)
	opened, refused, ended := 0, 0, false
	for !ended && opened < most {
		for range 100 {
			ended = ended || c.request(uint32(2*opened+1), true) != nil
			opened++
		}
		for !ended && refused < opened-limit {
			switch c.next().(type) {
			case nil:
				ended = true
			case *http2.RSTStreamFrame:
				refused++
			}
		}
	}
	if !ended {
		t.Errorf("%d streams were refused, and it goes on", refused)
	}
	if s := h.server.Stats(); s.Dismissed != 1 {
		t.Errorf("after %d streams, of which %d were refused: counted %+v", opened, refused, s)
	}
}
