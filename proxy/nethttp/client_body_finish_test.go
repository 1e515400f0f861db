package nethttp

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// deadlined is a ResponseWriter that notes the deadline of reads.
type deadlined struct {
	http.ResponseWriter
	at time.Time
}

func (d *deadlined) SetReadDeadline(at time.Time) error {
	d.at = at
	return nil
}

// Net/http reads what is left of a body before it closes a connection: of a client
// that is cut off, nothing.
func TestWhatIsReadOfABodyThatNobodyWants(t *testing.T) {
	for _, cutOff := range []bool{false, true} {
		var d deadlined
		b := clientBody{src: strings.NewReader("rest"), rc: http.NewResponseController(&d), state: bodyOpen}
		if !b.finish(cutOff) {
			t.Errorf("cut off %t: nothing is unread", cutOff)
		}
		if d.at.IsZero() || d.at.Before(time.Now()) != cutOff {
			t.Errorf("cut off %t: it is read until %v", cutOff, d.at)
		}
	}
}
