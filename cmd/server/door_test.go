package main

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/weirproxy/weir/socket"
)

func testDoor(t *testing.T) *door {
	t.Helper()
	opened, err := socket.Listen(t.Context(), socket.ListenConfig{Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	return newDoor(opened)
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

// exhausted is the error of a process that has no file left.
type exhausted struct{}

func (exhausted) Error() string   { return "too many open files" }
func (exhausted) Timeout() bool   { return false }
func (exhausted) Temporary() bool { return true }

func TestADoorOutlivesALackOfFilesAndTellsWhatEndsIt(t *testing.T) {
	broken := brokenSocket{graceful: testDoor(t).socket, errs: make(chan error, 3)}
	errGone := errors.New("the device is gone")
	broken.errs <- exhausted{}
	broken.errs <- exhausted{}
	broken.errs <- errGone
	d := newDoor(broken)
	r := d.newRoom()
	d.lead(r)
	if _, err := r.Accept(); !errors.Is(err, errGone) {
		t.Errorf("accept: got %v, want %v", err, errGone)
	}
	if err := d.close(t.Context()); err != nil {
		t.Error(err)
	}
}
