package nethttp

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/weirproxy/weir/messages"
	"github.com/weirproxy/weir/proxy"
)

// TestTheLastByteOfABodyWaitsForItsEnd reads bodies of which the length was said to be 3.
func TestTheLastByteOfABodyWaitsForItsEnd(t *testing.T) {
	for name, tt := range map[string]struct {
		body   io.Reader
		strict bool
		want   string
		code   messages.Code // "" = its end
	}{
		"whole":                       {strings.NewReader("abc"), true, "abc", ""},
		"too long":                    {io.MultiReader(strings.NewReader("abc"), strings.NewReader("d")), true, "", messages.CodeBadRequest},
		"broken behind the last byte": {io.MultiReader(strings.NewReader("ab"), strings.NewReader("c"), broken{}), true, "ab", messages.CodeClientGone},
		"cut short":                   {io.MultiReader(strings.NewReader("ab"), broken{}), true, "ab", messages.CodeClientGone},
		"whole, of HTTP/1.1":          {strings.NewReader("abc"), false, "abc", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var b clientBody
			b.start(http.NewResponseController(httptest.NewRecorder()), tt.body, &ServerConfig{}, false, 3)
			b.strict = tt.strict
			got, err := io.ReadAll(&b) // asks for more than there is
			var f *proxy.Failure
			if string(got) != tt.want || (err == nil) != (tt.code == "") || errors.As(err, &f) && f.Code != tt.code {
				t.Errorf("got %q, %v", got, err)
			}
			if b.ended() != (tt.code == "") {
				t.Error("how it ended is not known")
			}
		})
	}
}

// broken is where a connection ends.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
