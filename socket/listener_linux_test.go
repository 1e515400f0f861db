package socket

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirproxy/weir/internal/part"
	"github.com/weirproxy/weir/messages"
)

const patience = 20 * time.Second

func mustListen(t *testing.T, c ListenConfig) *Listener {
	t.Helper()
	l, err := Listen(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// begin has shared sockets listen, as the first Accept does.
func begin(t *testing.T, all ...*Listener) {
	t.Helper()
	for _, l := range all {
		if _, err := l.begin(); err != nil {
			t.Fatal(err)
		}
	}
}

// answering accepts at l until it is closed, and answers each client with name.
func answering(t *testing.T, l net.Listener, name string) (served *atomic.Int64, wait func()) {
	t.Helper()
	served = new(atomic.Int64)
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				if !errors.Is(err, net.ErrClosed) {
					t.Errorf("accept: %v", err)
				}
				return
			}
			served.Add(1)
			running.Go(func() {
				defer func() { _ = c.Close() }()
				if _, err := io.ReadFull(c, make([]byte, 1)); err == nil {
					_, _ = io.WriteString(c, name) // the client tells when it got nothing
				}
			})
		}
	})
	return served, running.Wait
}

// ask connects, sends a byte and returns the answer.
func ask(network, addr string) (string, error) {
	c, err := net.DialTimeout(network, addr, patience)
	if err != nil {
		return "", err
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	if _, err := io.WriteString(c, "?"); err != nil {
		return "", err
	}
	answer, err := io.ReadAll(c)
	if err == nil && len(answer) == 0 {
		err = io.ErrUnexpectedEOF
	}
	return string(answer), err
}

func TestOneOfTwoThatShareAnAddressLeavesUnderLoad(t *testing.T) {
	part.Able(t, "netadmin", TurnsAway())
	first := mustListen(t, ListenConfig{Addr: "127.0.0.1:0", ReusePort: true})
	addr := first.Addr().String()
	second := mustListen(t, ListenConfig{Addr: addr, ReusePort: true})
	begin(t, first, second)
	byFirst, firstDone := answering(t, first, "1")
	bySecond, secondDone := answering(t, second, "2")
	ctx, stop := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	var answered atomic.Int64
	for range 16 {
		clients.Go(func() {
			for ctx.Err() == nil {
				if _, err := ask("tcp", addr); err != nil {
					t.Errorf("after %d answers: %v", answered.Load(), err)
					return
				}
				answered.Add(1)
			}
		})
	}
	reach := func(n *atomic.Int64, more int64) {
		for from, deadline := n.Load(), time.Now().Add(patience); n.Load() < from+more; <-time.After(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d more clients did not come", more)
			}
		}
	}
	reach(byFirst, 50)
	reach(bySecond, 50)
	if err := first.CloseGracefully(t.Context()); err != nil {
		t.Error(err)
	}
	firstDone()
	reach(bySecond, 200)
	// Another process comes, as the one that left does when it was restarted.
	third := mustListen(t, ListenConfig{Addr: addr, ReusePort: true})
	byThird, thirdDone := answering(t, third, "3")
	reach(byThird, 50)
	stop()
	clients.Wait()
	_, _ = second.Close(), third.Close()
	secondDone()
	thirdDone()
}

func TestThoseInTheQueueAreServedBeforeTheEnd(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			addr := "127.0.0.1:0"
			if network == "unix" {
				addr = "unix:" + filepath.Join(t.TempDir(), "a.sock")
			}
			l := mustListen(t, ListenConfig{Addr: addr})
			var clients []net.Conn
			for range 50 {
				c, err := net.Dial(network, l.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = c.Close() }()
				clients = append(clients, c)
			}
			ended := make(chan error)
			go func() { ended <- l.CloseGracefully(t.Context()) }()
			served, done := answering(t, l, "x")
			if err := <-ended; err != nil {
				t.Error(err)
			}
			if c, err := net.Dial(network, l.Addr().String()); err == nil {
				t.Error("it still listens")
				_ = c.Close()
			}
			for _, c := range clients {
				if _, err := io.WriteString(c, "?"); err != nil {
					t.Fatal(err)
				}
				if answer, err := io.ReadAll(c); string(answer) != "x" {
					t.Fatalf("a client got %q, %v", answer, err)
				}
			}
			done()
			if served.Load() != 50 {
				t.Errorf("served %d", served.Load())
			}
		})
	}
}

func TestASocketThatWasPassedKeepsItsQueue(t *testing.T) {
	opened, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close() // as systemd's
	pass := func() *Listener {
		l, err := adopt(opened.(*net.TCPListener), messages.TCPOptions{Idle: 21 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	first := pass()
	waiting, err := net.Dial("tcp", opened.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer waiting.Close()
	if err := first.CloseGracefully(t.Context()); err != nil {
		t.Error(err)
	}
	later := make(chan error)
	go func() {
		_, err := ask("tcp", opened.Addr().String())
		later <- err
	}()
	second := pass()
	served, done := answering(t, second, "x")
	_, _ = io.WriteString(waiting, "?")
	if answer, err := io.ReadAll(waiting); string(answer) != "x" {
		t.Errorf("who waited got %q, %v", answer, err)
	}
	if err := <-later; err != nil {
		t.Errorf("who came later: %v", err)
	}
	_ = second.Close()
	done()
	if served.Load() != 2 {
		t.Errorf("served %d", served.Load())
	}
}

func TestWhoDoesNotAcceptYetTakesNobody(t *testing.T) {
	first := mustListen(t, ListenConfig{Addr: "127.0.0.1:0", ReusePort: true})
	begin(t, first)
	_, done := answering(t, first, "1")
	addr := first.Addr().String()
	second := mustListen(t, ListenConfig{Addr: addr, ReusePort: true})
	if second.Addr().String() != addr {
		t.Errorf("it is at %s", second.Addr())
	}
	for range 100 {
		if answer, err := ask("tcp", addr); answer != "1" {
			t.Fatalf("got %q, %v", answer, err)
		}
	}
	if err := second.CloseGracefully(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := second.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("accept at what is closed: %v", err)
	}
	_ = first.Close()
	done()
}

func TestNobodyAcceptsThoseWhoWait(t *testing.T) {
	l := mustListen(t, ListenConfig{Addr: "127.0.0.1:0"})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := l.CloseGracefully(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("accept: %v", err)
	}
}

func TestSharedAddresses(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", ":0", "[::]:0", "[::1]:0", "localhost:0"} {
		l, err := Listen(t.Context(), ListenConfig{Addr: addr, ReusePort: true})
		if err != nil {
			t.Errorf("%s: %v", addr, err)
			continue
		}
		begin(t, l)
		_, done := answering(t, l, "x")
		_, port, _ := net.SplitHostPort(l.Addr().String())
		hosts := map[string][]string{"127.0.0.1:0": {"127.0.0.1"}, ":0": {"127.0.0.1", "::1"}, "[::]:0": {"127.0.0.1", "::1"}, "[::1]:0": {"::1"}, "localhost:0": {"127.0.0.1"}}[addr]
		for _, host := range hosts {
			if _, err := ask("tcp", net.JoinHostPort(host, port)); err != nil {
				t.Errorf("%s from %s: %v", addr, host, err)
			}
		}
		_ = l.Close()
		done()
	}
	if _, err := Listen(t.Context(), ListenConfig{Addr: "192.0.2.1:0", ReusePort: true}); err == nil {
		t.Error("it listens at an address that this machine does not have")
	}
}

func TestTheSocketOfAnotherStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.sock")
	old := mustListen(t, ListenConfig{Addr: "unix:" + path})
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	mustListen(t, ListenConfig{Addr: "unix:" + path})
	if err := old.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the file of the other is gone: %v", err)
	}
}

// TestWhoComesWhileOneLeavesMeetsTheNext has a client come in the moment between
// two processes.
func TestWhoComesWhileOneLeavesMeetsTheNext(t *testing.T) {
	part.Able(t, "netadmin", TurnsAway())
	first := mustListen(t, ListenConfig{Addr: "127.0.0.1:0", ReusePort: true})
	begin(t, first)
	addr := first.Addr().String()
	_, firstDone := answering(t, first, "1")
	ended := make(chan error)
	go func() { ended <- first.CloseGracefully(t.Context()) }()
	for { // until clients are turned away
		c, err := net.DialTimeout("tcp", addr, 50*time.Millisecond)
		if err == nil {
			_ = c.Close()
			continue
		}
		var timeout interface{ Timeout() bool }
		if !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Fatalf("a client got %v", err)
		}
		break
	}
	came := make(chan string)
	go func() {
		answer, err := ask("tcp", addr)
		came <- answer
		if err != nil {
			t.Error(err)
		}
	}()
	second := mustListen(t, ListenConfig{Addr: addr, ReusePort: true})
	begin(t, second)
	_, secondDone := answering(t, second, "2")
	if answer := <-came; answer != "2" {
		t.Errorf("%q answered", answer)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	firstDone()
	_ = second.Close()
	secondDone()
}
