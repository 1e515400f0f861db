package nethttp_test

import (
	"io"
	"strings"
	"testing"

	"github.com/weirproxy/weir/internal/peertest"
	"github.com/weirproxy/weir/messages"
)

// raw writes text as it stands.
func (w *wire) raw(text string) {
	w.t.Helper()
	if _, err := io.WriteString(w.Conn, text); err != nil {
		w.t.Errorf("send: %v", err)
	}
}

const (
	getHead  = "GET / HTTP/1.1\r\nHost: a\r\n"
	postHead = "POST / HTTP/1.1\r\nHost: a\r\n"
	smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
)

// refusals are what RFC 9112 and 9110 forbid, or let be read in several ways.
func refusals() map[string]struct {
	text   string
	status int
} {
	type r = struct {
		text   string
		status int
	}
	return map[string]r{
		"length and coding":          {postHead + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		"coding and length":          {postHead + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n", 400},
		"two lengths that differ":    {postHead + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400},
		"two lengths that agree":     {postHead + "Content-Length: 3\r\ncontent-length: 3\r\n\r\nabc", 400},
		"a list of lengths":          {postHead + "Content-Length: 3, 3\r\n\r\nabc", 400},
		"a length with a sign":       {postHead + "Content-Length: +3\r\n\r\nabc", 400},
		"a length that is negative":  {postHead + "Content-Length: -3\r\n\r\nabc", 400},
		"a length in hex":            {postHead + "Content-Length: 0x3\r\n\r\nabc", 400},
		"a length beyond measure":    {postHead + "Content-Length: 99999999999999999999\r\n\r\nabc", 400},
		"an empty length":            {postHead + "Content-Length:\r\n\r\n", 400},
		"two codings":                {postHead + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		"another coding":             {postHead + "Transfer-Encoding: gzip\r\n\r\n", 501},
		"identity":                   {postHead + "Transfer-Encoding: identity\r\n\r\n", 501},
		"a coding before chunked":    {postHead + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
		"chunked twice":              {postHead + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 501},
		"chunked in quotes":          {postHead + "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", 501},
		"chunked after a VT":         {postHead + "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400},
		"a coding in HTTP/1.0":       {"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		"a blank before the colon":   {postHead + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400},
		"a tab before the colon":     {postHead + "Content-Length\t: 3\r\n\r\nabc", 400},
		"a folded field":             {getHead + "X: a\r\n b\r\n\r\n", 400},
		"a folded coding":            {postHead + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 501},
		"a fold before all fields":   {"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400},
		"a field without a name":     {getHead + ": x\r\n\r\n", 400},
		"a field without a colon":    {getHead + "X\r\n\r\n", 400},
		"a name with a blank":        {getHead + "X Y: z\r\n\r\n", 400},
		"a name with brackets":       {getHead + "X(Y): z\r\n\r\n", 400},
		"a name beyond ASCII":        {getHead + "X\xc3\xa9: z\r\n\r\n", 400},
		"NUL in a value":             {getHead + "X: a\x00b\r\n\r\n", 400},
		"NUL in a name":              {getHead + "X\x00: a\r\n\r\n", 400},
		"DEL in a value":             {getHead + "X: a\x7f\r\n\r\n", 400},
		"LF alone after a field":     {getHead + "X: a\nY: b\r\n\r\n", 400},
		"LF alone everywhere":        {"GET / HTTP/1.1\nHost: a\n\n", 400},
		"LF alone at the end":        {getHead + "\n", 400},
		"CR alone in a value":        {getHead + "X: a\rY: b\r\n\r\n", 400},
		"CR twice":                   {getHead + "X: a\r\r\n\r\n", 400},
		"CR alone in the request":    {"GET /\r HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"two hosts":                  {getHead + "Host: b\r\n\r\n", 400},
		"two hosts that agree":       {getHead + "host: a\r\n\r\n", 400},
		"no host":                    {"GET / HTTP/1.1\r\n\r\n", 400},
		"a host with user":           {"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400},
		"a host with a path":         {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
		"a host with two ports":      {"GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n", 400},
		"a host with half a bracket": {"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400},
		"a list of hosts":            {"GET / HTTP/1.1\r\nHost: a, b@c\r\n\r\n", 400},
		"a method that is none":      {"G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"no method":                  {" / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"no target":                  {"GET HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"an empty target":            {"GET  HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"no version":                 {"GET /\r\n\r\n", 400},
		"a blank in the target":      {"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"a tab in the target":        {"GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"a blank after the version":  {"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400},
		"HTTP/1.2":                   {"GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505},
		"HTTP/2.0":                   {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
		"HTTP/0.9":                   {"GET / HTTP/0.9\r\n\r\n", 505},
		"HTTP/1.10":                  {"GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400},
		"http in lower case":         {"GET / http/1.1\r\nHost: a\r\n\r\n", 400},
		"the preface of HTTP/2":      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
		"TLS":                        {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400},
		"a star for GET":             {"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"our own mark":               {"REFUSED * HTTP/1.1\r\nHost: -\r\nContent-Length: 1048576\r\n\r\n", 400},
		"CONNECT":                    {"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 400},
		"a target without a slash":   {"GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"a target of another scheme": {"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"a target with a user":       {"GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"a target without a host":    {"GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"a fragment in the host":     {"GET http://a#b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"half an escape":             {"GET /%4 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"an escape that is none":     {"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"a length as a trailer":      {postHead + "Trailer: X, Content-Length\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 4\r\n\r\n", 400},
		"another expectation":        {postHead + "Expect: 200-ok\r\nContent-Length: 3\r\n\r\n", 417},
		"a head too large":           {getHead + "X: " + strings.Repeat("x", 70<<10) + "\r\n\r\n", 431},
		"a target too large":         {"GET /" + strings.Repeat("x", 70<<10) + " HTTP/1.1\r\nHost: a\r\n\r\n", 431},
		"a line without end":         {strings.Repeat("x", 70<<10), 431},
		"too many fields":            {getHead + strings.Repeat("X: x\r\n", 101) + "\r\n", 431},
	}
}

// TestRequestsThatAreRefused sends each to a server, alone and after a good
// request: it is answered, nothing after it is served, and no peer sees it.
func TestRequestsThatAreRefused(t *testing.T) {
	for name, tt := range refusals() {
		t.Run(name, func(t *testing.T) {
			for _, first := range []string{"", getHead + "\r\n", postHead + "Content-Length: 3\r\n\r\nabc", postHead + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"} {
				peer := peertest.Start(t)
				h := open(t, plan{}, peer.Addr())
				client := dial(t, h.addr)
				client.raw(first + tt.text + smuggled)
				wanted := 0
				if first != "" {
					wanted = 1
					if resp, _ := client.response("GET"); resp.StatusCode != 200 {
						t.Errorf("before it: %d", resp.StatusCode)
					}
				}
				resp, body := client.response("GET")
				if resp.StatusCode != tt.status || resp.Header.Get("X-Weir-Error") != string(messages.CodeBadRequest) || !resp.Close || !strings.Contains(body, "bad_request: ") {
					t.Errorf("got %d %v with %q, want %d", resp.StatusCode, resp.Header, body, tt.status)
				}
				if got := peer.Requests(); len(got) != wanted {
					t.Errorf("the peer saw %d requests, want %d", len(got), wanted)
				}
				if totals := h.core.Totals(); totals.Requests != uint64(wanted+1) || totals.Failed != 0 {
					t.Errorf("totals %+v", totals)
				}
			}
		})
	}
}

// TestTargetsThatAreRefused sends what is framed well and yet not forwarded: it
// is answered, and the connection goes on.
func TestTargetsThatAreRefused(t *testing.T) {
	for name, text := range map[string]string{
		"an empty host":            "GET / HTTP/1.1\r\nHost:\r\n\r\n",
		"a fragment in the path":   "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n",
		"an escaped NUL":           "GET /a%00b HTTP/1.1\r\nHost: a\r\n\r\n",
		"above the root":           "GET /../a HTTP/1.1\r\nHost: a\r\n\r\n",
		"dots before an escaped /": "GET /a/..%2fb HTTP/1.1\r\nHost: a\r\n\r\n",
		"dots before a backslash":  "GET /a/..\\b HTTP/1.1\r\nHost: a\r\n\r\n",
		"dots with a parameter":    "GET /a/..;x/b HTTP/1.1\r\nHost: a\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			peer := peertest.Start(t)
			h := open(t, plan{}, peer.Addr())
			client := dial(t, h.addr)
			client.raw(text + getHead + "\r\n")
			if resp, _ := client.response("GET"); resp.StatusCode != 400 || resp.Header.Get("X-Weir-Error") != "bad_request" || resp.Close {
				t.Errorf("got %d, %v", resp.StatusCode, resp.Header)
			}
			client.response("GET")
			if got := peer.Requests(); len(got) != 1 || got[0].Target != "/" {
				t.Errorf("the peer saw %v", got)
			}
		})
	}
}

func TestBodiesThatAreNoChunks(t *testing.T) {
	head := postHead + "Transfer-Encoding: chunked\r\n\r\n"
	for name, body := range map[string]string{
		"no digits":                "\r\n\r\n",
		"a sign":                   "+3\r\nabc\r\n0\r\n\r\n",
		"0x":                       "0x3\r\nabc\r\n0\r\n\r\n",
		"a blank after the length": "3 \r\nabc\r\n0\r\n\r\n",
		"a length beyond measure":  "ffffffffffffffff3\r\nabc\r\n0\r\n\r\n",
		"LF alone":                 "3\nabc\r\n0\r\n\r\n",
		"CR in an extension":       "3;a\rb\r\nabc\r\n0\r\n\r\n",
		"LF in an extension":       "3;a\nabc\r\n0\r\n\r\n",
		"a long extension":         "3;" + strings.Repeat("a", 300) + "\r\nabc\r\n0\r\n\r\n",
		"more than it says":        "3\r\nabcd\r\n0\r\n\r\n",
		"less than it says":        "3\r\nab\r\n0\r\n\r\n",
		"LF after the data":        "3\r\nabc\n0\r\n\r\n",
		"a folded trailer":         "0\r\nX: a\r\n b\r\n\r\n",
		"a trailer without colon":  "0\r\nX\r\n\r\n",
		"LF after a trailer":       "0\r\nX: a\n\r\n",
		"LF at the end":            "0\r\n\n",
		"trailers without end":     "0\r\n" + strings.Repeat("X: y\r\n", 1000),
	} {
		t.Run(name, func(t *testing.T) {
			for _, pieces := range []int{1, 7} {
				peer := peertest.Start(t)
				h := open(t, plan{}, peer.Addr())
				client := dial(t, h.addr)
				text := head + body + smuggled
				for i := range pieces {
					// The answer may come, and the connection close, before the last piece.
					if _, err := io.WriteString(client.Conn, text[len(text)*i/pieces:len(text)*(i+1)/pieces]); err != nil {
						break
					}
				}
				if resp, _ := client.response("GET"); resp.StatusCode != 400 || resp.Header.Get("X-Weir-Error") != "bad_request" || !resp.Close {
					t.Errorf("got %v", resp)
				}
				for _, seen := range peer.Requests() {
					t.Errorf("the peer saw %s %s", seen.Method, seen.Target)
				}
			}
		})
	}
}

// Clients of gRPC show nothing of the answer: the log has to tell.
func TestTheLogTellsOfH2COnce(t *testing.T) {
	peer := peertest.Start(t)
	h := open(t, plan{}, peer.Addr())
	for range 3 {
		client := dial(t, h.addr)
		client.raw("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
		if _, body := client.response("GET"); !strings.Contains(body, "h2c") {
			t.Errorf("got %q", body)
		}
	}
	if got := strings.Count(h.log.String(), "h2c: true"); got != 1 {
		t.Errorf("told %d times:\n%s", got, h.log)
	}
}
