//go:build !linux

package socket

import (
	"net"
	"os"
)

// reservation is not made here: on no other platform does SO_REUSEPORT share
// connections out between those who listen.
type reservation struct {
	addr *net.TCPAddr
	file *os.File
}

func reserve(ListenConfig) (*reservation, error) { return nil, refuse([]string{"reuse_port"}) }

func (r *reservation) listen() (systemListener, error) { return nil, refuse([]string{"reuse_port"}) }
