package socket

import (
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// reservation is a TCP socket that has its address and does not listen yet. The
// others that share the address do not notice it.
type reservation struct {
	addr *net.TCPAddr
	file *os.File
}

// reserve binds a socket with SO_REUSEPORT.
func reserve(c ListenConfig) (*reservation, error) {
	addr, err := net.ResolveTCPAddr("tcp", c.Addr)
	if err != nil {
		return nil, err
	}
	fd, at, err := openFor(addr)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), "listener "+c.Addr)
	r := &reservation{file: file}
	if err := r.bind(fd, at, c); err != nil {
		return nil, fmt.Errorf("listen tcp %s: %w", addr, joinClose(err, file))
	}
	return r, nil
}

// bind sets the options, and takes the address.
func (r *reservation) bind(fd int, at unix.Sockaddr, c ListenConfig) error {
	if err := set(uintptr(fd), "reuse_port", unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil { // as Go does
		return err
	}
	if err := set(uintptr(fd), "reuse_port", unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
		return err
	}
	if err := setForListen(uintptr(fd), c.TCP); err != nil {
		return err
	}
	if err := unix.Bind(fd, at); err != nil {
		return os.NewSyscallError("bind", err)
	}
	bound, err := unix.Getsockname(fd)
	if err != nil {
		return os.NewSyscallError("getsockname", err)
	}
	switch bound := bound.(type) {
	case *unix.SockaddrInet4:
		r.addr = &net.TCPAddr{IP: bound.Addr[:], Port: bound.Port}
	case *unix.SockaddrInet6:
		r.addr = &net.TCPAddr{IP: bound.Addr[:], Port: bound.Port}
	}
	return nil
}

// openFor makes a socket of the family of addr. Where no host is named it is for
// both, as Go's are: IPv6 that takes IPv4 too, if the system has it.
func openFor(addr *net.TCPAddr) (fd int, at unix.Sockaddr, err error) {
	const kind = unix.SOCK_STREAM | unix.SOCK_CLOEXEC | unix.SOCK_NONBLOCK
	if v4 := addr.IP.To4(); v4 != nil {
		fd, err = unix.Socket(unix.AF_INET, kind, 0)
		return fd, &unix.SockaddrInet4{Port: addr.Port, Addr: [4]byte(v4)}, os.NewSyscallError("socket", err)
	}
	to := &unix.SockaddrInet6{Port: addr.Port}
	copy(to.Addr[:], addr.IP) // an IP of no bytes is any
	if addr.Zone != "" {
		device, err := net.InterfaceByName(addr.Zone)
		if err != nil {
			return 0, nil, err
		}
		to.ZoneId = uint32(device.Index)
	}
	fd, err = unix.Socket(unix.AF_INET6, kind, 0)
	if err == unix.EAFNOSUPPORT && addr.IP == nil {
		fd, err = unix.Socket(unix.AF_INET, kind, 0)
		return fd, &unix.SockaddrInet4{Port: addr.Port}, os.NewSyscallError("socket", err)
	}
	if err != nil {
		return 0, nil, os.NewSyscallError("socket", err)
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 0); err != nil {
		_ = unix.Close(fd) // nothing was done with it
		return 0, nil, os.NewSyscallError("setsockopt", err)
	}
	return fd, to, nil
}

// listen begins to take clients. The reservation is used up.
func (r *reservation) listen() (systemListener, error) {
	// The kernel takes the most that it allows (listen(2)).
	err := controlOf(r.file, func(fd uintptr) error { return os.NewSyscallError("listen", unix.Listen(int(fd), 1<<16-1)) })
	if err != nil {
		return nil, fmt.Errorf("listen tcp %s: %w", r.addr, joinClose(err, r.file))
	}
	inner, err := net.FileListener(r.file) // which has a duplicate
	if err != nil {
		return nil, joinClose(err, r.file)
	}
	if err := r.file.Close(); err != nil {
		return nil, err
	}
	return inner.(*net.TCPListener), nil
}
