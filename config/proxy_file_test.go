package config

import (
	"errors"
	"strings"
	"testing"
)

func TestProxyGivesAFileThatParses(t *testing.T) {
	for _, listen := range []string{":8080", "8080", "[::1]:8080"} {
		text, err := Proxy(listen, []string{"localhost:3001", "[::1]:3002 5"})
		if err != nil {
			t.Fatal(err)
		}
		cfg := mustParse(t, string(text))
		if cfg.Desired.Upstreams.Len() != 1 || cfg.Desired.Routes.Len() != 1 || len(cfg.Warnings) > 0 || !strings.HasSuffix(cfg.Listeners[0].Addr, ":8080") ||
			cfg.Desired.Upstreams.At(0).Addrs.At(1).Weight != 5 || cfg.Desired.Routes.At(0).Upstream != cfg.Desired.Upstreams.At(0).Name {
			t.Errorf("%s became %+v", text, cfg)
		}
	}
}

func TestProxySaysWhichArgumentIsWrong(t *testing.T) {
	for _, test := range []struct {
		listen string
		peers  []string
		want   string
	}{
		{":8080", nil, "at least one peer"},
		{":8080", []string{"http://localhost:3001"}, "(localhost:3001)"},
		{":99999", []string{"localhost"}, "99999"},
		{"", []string{"localhost"}, "listen"},
		{":1", []string{"${HOME}"}, "${HOME}"},
		{":1", []string{"a\nb: c"}, "a\\nb: c"},
		{":1", []string{"\xff"}, "neither"},
	} {
		text, err := Proxy(test.listen, test.peers)
		if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), test.want) || text != nil {
			t.Errorf("%q %q: got %s, %v; want %q", test.listen, test.peers, text, err, test.want)
		}
	}
}
