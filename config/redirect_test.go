package config

import (
	"testing"

	"github.com/weirproxy/weir/messages"
)

func TestRedirectsAndRewrites(t *testing.T) {
	runValues(t, item.redirect, []valueTest[messages.Redirect]{
		{text: "https://{host}{uri}", want: messages.Redirect{To: "https://{host}{uri}", Status: 308}},
		{text: `{to: "/x{path}?{query}", status: 301}`, want: messages.Redirect{To: "/x{path}?{query}", Status: 301}},
		{text: `"{uri}"`, want: messages.Redirect{To: "{uri}", Status: 308}},
		{text: "https", want: messages.Redirect{To: "https://{host}{uri}", Status: 308}},
		{text: "https:443", want: messages.Redirect{To: "https://{host}{uri}", Status: 308}},
		{text: "https:8443", want: messages.Redirect{To: "https://{host}:8443{uri}", Status: 308}},
		{text: "{to: https, status: 301}", want: messages.Redirect{To: "https://{host}{uri}", Status: 301}},
		{text: `"https:"`, fault: "port from 1"},
		{text: "https:0", fault: "port from 1"},
		{text: "https:8443/x", fault: "port from 1"},
		{text: "http", fault: "https, which is"},
		{text: "https://{Host}", fault: "did you mean {host}?"},
		{text: "example.com/x", fault: "begins with http://"},
		{text: `"javascript:alert(1)"`, fault: "begins with http://"},
		{text: `"/a b"`, fault: "no blanks"},
		{text: `"/{"`, fault: "brace"},
		{text: `""`, fault: "begins with"},
		{text: "{status: 301}", fault: "to is missing"},
		{text: "{to: /x, status: 200}", fault: "from 300 to 399"},
	})
	runValues(t, item.rewrite, []valueTest[messages.Rewrite]{
		{text: `"^/a/(.*) /b/$1"`, want: messages.Rewrite{Pattern: "^/a/(.*)", To: "/b/$1"}},
		{text: `{match: "^/(?P<id>a b)", to: "/$${id}x"}`, want: messages.Rewrite{Pattern: "^/(?P<id>a b)", To: "/${id}x"}},
		{text: `{match: "^/a", to: ""}`, want: messages.Rewrite{Pattern: "^/a"}},
		{text: `{match: "^/a", to: "/$$0/$0"}`, want: messages.Rewrite{Pattern: "^/a", To: "/$$0/$0"}},
		{text: `"^/a"`, fault: "REGEXP REPLACEMENT"},
		{text: `"( /x"`, fault: "bad regular expression"},
		{text: `"^/(a) /$2"`, fault: "names no group"},
		{text: `"^/(a) /$1x"`, fault: "write $${1}x"},
		{text: `"^/(a) /$"`, fault: "names no group"},
		{text: `"^/(a) /$99999999999999999999"`, fault: "names no group"},
		{text: `"^/a /b?c=1"`, fault: "no ?"},
		{text: "{match: a}", fault: "to is missing"},
	})
}
