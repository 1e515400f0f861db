package bus_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/weirproxy/weir/bus"
	"github.com/weirproxy/weir/internal/meter"
)

// fails starts a bus that must not start, and returns the error.
func fails(t *testing.T, cfg bus.Config, want error) error {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = quiet()
	}
	if cfg.Member == "" {
		cfg.Member = "a"
	}
	if cfg.Addr == "" {
		cfg.Addr = "127.0.0.1:0"
	}
	b, err := bus.Start(cfg)
	if err == nil {
		stop(t, b)
		t.Fatalf("it started, want %v", want)
	}
	if !errors.Is(err, want) {
		t.Fatalf("got %v, want %v", err, want)
	}
	return err
}

func mentions(t *testing.T, err error, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not mention %q", err, word)
		}
	}
}

func TestAStoreHasOneUser(t *testing.T) {
	dir := t.TempDir()
	b := start(t, func(c *bus.Config) { c.Dir = dir })
	mentions(t, fails(t, bus.Config{Dir: dir}, bus.ErrLocked), filepath.Join(dir, "nats"), "another weir uses it")
	mentions(t, fails(t, bus.Config{Dir: dir, Addr: b.Addr()}, bus.ErrLocked), dir)
	stop(t, b)
	start(t, func(c *bus.Config) { c.Dir = dir })
}

func TestAStoreHasOneUserAmongProcesses(t *testing.T) {
	dir := t.TempDir()
	holder := startHolder(t, dir)
	mentions(t, fails(t, bus.Config{Dir: dir}, bus.ErrLocked), filepath.Join(dir, "nats"))
	if err := holder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = holder.Wait() // it says that it was killed
	start(t, func(c *bus.Config) { c.Dir = dir })
}

func TestAFailedStartFreesTheStore(t *testing.T) {
	dir := t.TempDir()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	mentions(t, fails(t, bus.Config{Dir: dir, Addr: taken.Addr().String()}, bus.ErrAddrTaken), taken.Addr().String())
	start(t, func(c *bus.Config) { c.Dir = dir })
}

func TestWhatCannotBeStartedIsSaid(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		cfg   bus.Config
		want  error
		words []string
	}{
		"an address without a port":         {bus.Config{Addr: "127.0.0.1"}, bus.ErrAddr, []string{"127.0.0.1", "host:port"}},
		"a port that is no number":          {bus.Config{Addr: "127.0.0.1:nats"}, bus.ErrAddr, []string{"port"}},
		"a port that is too large":          {bus.Config{Addr: "127.0.0.1:70000"}, bus.ErrAddr, []string{"70000"}},
		"an address of another machine":     {bus.Config{Addr: "192.0.2.1:4222"}, bus.ErrAddr, []string{"192.0.2.1"}},
		"an open server off loopback":       {bus.Config{Addr: "0.0.0.0:0", Open: true}, bus.ErrConfig, []string{"0.0.0.0", "loopback"}},
		"a prefix that is no subject":       {bus.Config{Prefix: "we ir"}, bus.ErrConfig, []string{"we ir"}},
		"a prefix with a wildcard":          {bus.Config{Prefix: ">"}, bus.ErrConfig, []string{">"}},
		"a prefix that ends with a dot":     {bus.Config{Prefix: "weir."}, bus.ErrConfig, []string{"weir."}},
		"a member that is no token":         {bus.Config{Member: "a.b"}, bus.ErrConfig, []string{"a.b"}},
		"negative limits":                   {bus.Config{MaxStore: -1}, bus.ErrConfig, []string{"-1"}},
		"a short token":                     {bus.Config{OperatorToken: "short"}, bus.ErrToken, []string{"5 bytes"}},
		"a token that reads as a hash":      {bus.Config{OperatorToken: "$2a$11$abcdefghijk"}, bus.ErrToken, []string{"bcrypt"}},
		"a data directory that is a file":   {bus.Config{Dir: file}, bus.ErrStore, []string{file}},
		"a data directory in a file":        {bus.Config{Dir: filepath.Join(file, "x")}, bus.ErrStore, []string{file}},
		"a data directory that has no name": {bus.Config{Dir: "-"}, bus.ErrConfig, []string{"data directory"}},
	} {
		t.Run(name, func(t *testing.T) {
			switch test.cfg.Dir {
			case "":
				test.cfg.Dir = t.TempDir()
			case "-":
				test.cfg.Dir = ""
			}
			err := fails(t, test.cfg, test.want)
			mentions(t, err, test.words...)
		})
	}
}

func TestAStoreOfAnotherKindIsRefusedAndLeftAlone(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"of another mode":   {"README": "weir NATS store, version 1, mode cluster\n"},
		"of a newer weir":   {"README": "weir NATS store, version 2, mode single\n"},
		"of a plain server": {"jetstream/meta": "x"},
		"an empty marker":   {"README": ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, text := range files {
				write(t, filepath.Join(dir, "nats", file), text)
			}
			err := fails(t, bus.Config{Dir: dir}, bus.ErrForeignStore)
			mentions(t, err, filepath.Join(dir, "nats"), "move it aside")
			for file, text := range files {
				if got, err := os.ReadFile(filepath.Join(dir, "nats", file)); err != nil || string(got) != text {
					t.Errorf("%s is now %q, %v", file, got, err)
				}
			}
		})
	}
}

func TestTheMarkerTellsTheWay(t *testing.T) {
	dir := t.TempDir()
	stop(t, start(t, func(c *bus.Config) { c.Dir = dir }))
	text, err := os.ReadFile(filepath.Join(dir, "nats", "README"))
	if err != nil {
		t.Fatal(err)
	}
	for _, words := range []string{"mode single", "stop weir", "move this whole directory aside", "in the new mode"} {
		if !strings.Contains(string(text), words) {
			t.Errorf("the marker does not say %q", words)
		}
	}
	start(t, func(c *bus.Config) { c.Dir = dir }) // it accepts its own
}

func TestAForbiddenAddressIsToldFromATakenOne(t *testing.T) {
	for errno, want := range map[syscall.Errno]error{
		syscall.EACCES: bus.ErrAddrForbidden, syscall.EPERM: bus.ErrAddrForbidden,
		syscall.EADDRINUSE: bus.ErrAddrTaken, syscall.EADDRNOTAVAIL: bus.ErrAddr,
	} {
		err := bus.ListenError("127.0.0.1:80", &net.OpError{Op: "listen", Err: os.NewSyscallError("bind", errno)})
		if !errors.Is(err, want) || !errors.Is(err, errno) {
			t.Errorf("%v became %v, want %v", errno, err, want)
		}
		mentions(t, err, "127.0.0.1:80")
	}
}

func TestPortMinusOneIsAnyFreeOne(t *testing.T) {
	b := start(t, func(c *bus.Config) { c.Addr = "localhost:-1" })
	connect(t, b).subscribe("weir.evt.>") // and localhost is loopback
	if _, port, err := net.SplitHostPort(b.Addr()); err != nil || port == "4222" || port == "0" {
		t.Errorf("it listens at %s, %v", b.Addr(), err)
	}
}

func TestClosingTwiceIsLikeClosingOnce(t *testing.T) {
	b := start(t, nil)
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() { stop(t, b) })
	}
	both.Wait()
	if err := b.Publish("weir.evt.x", nil, nil); !errors.Is(err, bus.ErrNotConnected) {
		t.Errorf("publish after close: %v", err)
	}
	if b.Connected() || connected(b) != 0 {
		t.Error("it says that it is connected")
	}
	if b.Addr() == "" {
		t.Error("the address is forgotten")
	}
}

func TestCloseGivesUpWhenToldTo(t *testing.T) {
	b := start(t, nil)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := b.Close(ctx); err != nil && !errors.Is(err, bus.ErrNotStopped) {
		t.Errorf("got %v, want %v or nil", err, bus.ErrNotStopped)
	}
	stop(t, b) // it goes on stopping
}

func TestAHeaderCannotBeUsedToInjectLines(t *testing.T) {
	b := start(t, nil)
	for name, value := range map[string]string{"a": "x\r\nb: y", "a\r\nb": "x", "a: b": "x"} {
		if err := b.Publish("weir.evt.x", map[string]string{name: value}, nil); err == nil {
			t.Errorf("header %q: %q was accepted", name, value)
		}
	}
}

// connected returns the value of weir_nats_connected.
func connected(b *bus.Bus) float64 { return metric(b, "weir_nats_connected") }

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Example_errors shows what a caller adds: the key that sets the address.
func Example_errors() {
	taken, _ := net.Listen("tcp", "127.0.0.1:0")
	defer taken.Close()
	dir, _ := os.MkdirTemp("", "weir")
	defer os.RemoveAll(dir)
	_, err := bus.Start(bus.Config{Addr: taken.Addr().String(), Dir: dir, Member: "a", Logger: quiet()})
	if errors.Is(err, bus.ErrAddrTaken) {
		fmt.Println("nats.addr: it is taken, set another one")
	}
	// Output: nats.addr: it is taken, set another one
}

var _ meter.Source = (*bus.Bus)(nil)
