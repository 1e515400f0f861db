package main

import (
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"testing"
)

// lastPort is the one that freeAddr gave out last. It is below those that the
// system gives to whoever asks for any, so that nobody else takes one that is free
// for a moment, and test processes begin in different places.
var lastPort = func() *atomic.Uint32 {
	n := new(atomic.Uint32)
	n.Store(10_000 + uint32(os.Getpid())%20_000)
	return n
}()

// freeAddr returns an address of loopback that was free a moment ago.
func freeAddr(t *testing.T) string {
	t.Helper()
	for range 1000 {
		addr := fmt.Sprintf("127.0.0.1:%d", 10_000+lastPort.Add(1)%20_000)
		l, err := net.Listen("tcp", addr)
		if err != nil {
			continue // somebody has it
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return addr
	}
	t.Fatal("no free port")
	return ""
}
