package main

import (
	"errors"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/weirproxy/weir/config"
	"github.com/weirproxy/weir/socket"
)

func testDoor(t *testing.T) *door {
	t.Helper()
	opened, err := socket.Listen(t.Context(), socket.ListenConfig{Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	return newDoor(opened, func(error) {})
}

// count accepts at r until it is shut, and answers each client with a byte.
func count(t *testing.T, r *room, done *sync.WaitGroup) *atomic.Int64 {
	t.Helper()
	var served atomic.Int64
	done.Go(func() {
		for {
			conn, err := r.Accept()
			if err != nil {
				if !errors.Is(err, net.ErrClosed) {
					t.Errorf("accept: %v", err)
				}
				return
			}
			_, _ = conn.Write([]byte{'x'}) // the client counts
			_ = conn.Close()
			served.Add(1)
		}
	})
	return &served
}

func TestADoorLosesNobodyWhileRoomsChange(t *testing.T) {
	d := testDoor(t)
	var rooms, clients sync.WaitGroup
	var counts []*atomic.Int64
	enter := func() {
		r := d.newRoom()
		counts = append(counts, count(t, r, &rooms))
		d.lead(r)
	}
	enter()
	const perClient = 200
	for range 4 {
		clients.Go(func() {
			for range perClient {
				conn, err := net.Dial("tcp", d.socket.Addr().String())
				if err != nil {
					t.Error(err)
					return
				}
				if n, err := conn.Read(make([]byte, 1)); n != 1 {
					t.Errorf("a client was not served: %v", err)
				}
				_ = conn.Close()
			}
		})
	}
	for range 50 {
		enter()
	}
	clients.Wait()
	if err := d.close(t.Context()); err != nil {
		t.Error(err)
	}
	rooms.Wait()
	total := int64(0)
	for _, n := range counts {
		total += n.Load()
	}
	if total != 4*perClient {
		t.Errorf("served %d clients, want %d", total, 4*perClient)
	}
}

func TestADoorThatNeverOpenedCloses(t *testing.T) {
	d := testDoor(t)
	if err := d.close(t.Context()); err != nil {
		t.Error(err)
	}
	if conn, err := net.Dial("tcp", d.socket.Addr().String()); err == nil {
		t.Error("the socket is still open")
		_ = conn.Close()
	}
}

// brokenSocket fails to accept for a while, then for good.
type brokenSocket struct {
	graceful
	errs chan error
}

func (s brokenSocket) Accept() (net.Conn, error) { return nil, <-s.errs }

func TestADoorOutlivesALackOfFilesAndTellsWhatEndsIt(t *testing.T) {
	lacks := []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EPROTO, syscall.ECONNABORTED}
	broken := brokenSocket{graceful: testDoor(t).socket, errs: make(chan error, len(lacks)+1)}
	errGone := &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EBADF)}
	for _, lack := range lacks {
		broken.errs <- &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", lack)}
	}
	broken.errs <- errGone
	told := make(chan error, len(lacks))
	d := newDoor(broken, func(err error) { told <- err })
	r := d.newRoom()
	d.lead(r)
	if _, err := r.Accept(); !errors.Is(err, errGone) {
		t.Errorf("accept: got %v, want %v", err, errGone)
	}
	if err := d.close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-told; !errors.Is(err, syscall.EMFILE) || len(told) > 0 {
		t.Errorf("told %v and %d more, want the first of a second", err, len(told))
	}
}

// All listeners may fail at once, also more than weir began with.
func TestManyListenersThatFailEnd(t *testing.T) {
	failed := make(chan error, 1)
	l := newListeners(nil, nil, nil, slog.New(slog.DiscardHandler), failed)
	for range 4 {
		broken := brokenSocket{graceful: testDoor(t).socket, errs: make(chan error, 1)}
		broken.errs <- syscall.EBADF
		at := &listening{cfg: config.Listener{Addr: "x"}, door: newDoor(broken, func(error) {})}
		at.server = l.serve(at)
	}
	l.leaving.Wait()
	if err := <-failed; !errors.Is(err, syscall.EBADF) {
		t.Errorf("got %v", err)
	}
}
