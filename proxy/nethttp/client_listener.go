package nethttp

import "net"

// clientListener wraps what it accepts into clientConns.
type clientListener struct {
	net.Listener
	cfg *ServerConfig
}

// Accept returns the next client's connection.
func (l *clientListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return newClientConn(c, l.cfg, func() {}), nil
}
