package socket

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// turnAway makes a listening TCP socket ignore the first packet of handshakes
// (SYN without ACK), while those that are under way end as usual: a classic BPF
// program (socket(7), SO_ATTACH_FILTER), for which some kernels want CAP_NET_ADMIN
// where the socket is of TCP: then it is errNoRight. It sees
// packets from their TCP header on, whose byte 13 has the flags (RFC 9293, 3.1).
// Who is ignored sends the packet again, after a second (RFC 6298, 2.1).
// Connections whose handshakes end later inherit the program, which lets through
// all that they get.
func turnAway(l syscall.Conn) error {
	const flags, syn, ack = 13, 0x02, 0x10
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: flags},
		{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: syn | ack},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: syn, Jt: 0, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},           // none of the packet
		{Code: unix.BPF_RET | unix.BPF_K, K: 0xffff_ffff}, // all of it
	}
	return controlOf(l, func(fd uintptr) error {
		err := unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
			&unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
		if errors.Is(err, unix.EPERM) {
			return errNoRight
		}
		if err != nil {
			return fmt.Errorf("ignore new handshakes: %w", os.NewSyscallError("setsockopt", err))
		}
		return nil
	})
}

// waits tells whether somebody is in the queue of a listening socket.
func waits(l syscall.Conn) (yes bool, err error) {
	err = controlOf(l, func(fd uintptr) error {
		at := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		for {
			n, err := unix.Poll(at, 0)
			if err != unix.EINTR {
				yes = n > 0
				return os.NewSyscallError("poll", err)
			}
		}
	})
	return yes, err
}

// migrates tells whether the kernel moves clients of a socket that is closed to
// others with SO_REUSEPORT at its address (ip-sysctl.rst, tcp_migrate_req; Linux 5.14).
func migrates() bool {
	text, err := os.ReadFile("/proc/sys/net/ipv4/tcp_migrate_req")
	return err == nil && strings.TrimSpace(string(text)) == "1"
}

// TurnsAway tells whether a process that ends can turn those away who come meanwhile,
// or the kernel takes them elsewhere; see Listener.CloseGracefully. The error says
// what is missing.
func TurnsAway() error {
	if migrates() {
		return nil
	}
	var refused error
	lc := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		refused = turnAway(rawConn{raw})
		return errTried
	}}
	if l, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0"); err == nil {
		_ = l.Close() // never: it was tried
	}
	return refused
}

var errTried = errors.New("it was only to be tried")

// rawConn is a syscall.Conn that is there already.
type rawConn struct{ raw syscall.RawConn }

func (c rawConn) SyscallConn() (syscall.RawConn, error) { return c.raw, nil }
