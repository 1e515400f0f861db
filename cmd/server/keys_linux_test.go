package main

import (
	"errors"
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// TestOptionsReachTheSockets looks at the sockets of this process, which are those of
// the weir that runs in it.
func TestOptionsReachTheSockets(t *testing.T) {
	s := newPlace(t)
	slow, finish := slowPeer(t)
	defer close(finish)
	s.begin("listeners: [{addr: \"" + s.listener + "\", tcp_idle: 77s, tcp_user_timeout: 7700ms}]\n" + s.own() +
		"watch: false\nroutes: {web: {path: /, upstream: web}}\nupstreams: {web: {addrs: [\"" + slow + "\"], health_check: off, tcp_idle: 78s, tcp_user_timeout: 7800ms}}\n")
	download(t, "http://"+s.listener+"/") // it holds a connection on either side
	local, _ := sockets(t)
	if got := local[s.listener]; !slices.Contains(got, [2]int{77, 7700}) {
		t.Errorf("the listener and its client have %v", got)
	}
	if _, remote := sockets(t); len(remote[slow]) != 1 || remote[slow][0] != [2]int{78, 7800} {
		t.Errorf("the connection to the peer has %v", remote[slow])
	}
}

// sockets returns TCP_KEEPIDLE in seconds and TCP_USER_TIMEOUT in milliseconds of all
// sockets, by their own address and by that of the other side.
func sockets(t *testing.T) (local, remote map[string][][2]int) {
	t.Helper()
	local, remote = map[string][][2]int{}, map[string][][2]int{}
	const most = 4096
	for fd := range most {
		idle, err := unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE)
		if err != nil {
			continue // it is no socket, or not of TCP
		}
		timeout, err := unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT)
		own, errOwn := unix.Getsockname(fd)
		if errors.Join(err, errOwn) != nil {
			continue // it was closed a moment ago
		}
		at := [2]int{idle, timeout}
		local[addrOf(own)] = append(local[addrOf(own)], at)
		if far, err := unix.Getpeername(fd); err == nil {
			remote[addrOf(far)] = append(remote[addrOf(far)], at)
		}
	}
	return local, remote
}

func addrOf(a unix.Sockaddr) string {
	switch a := a.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port)).String()
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr).Unmap(), uint16(a.Port)).String()
	}
	return ""
}
