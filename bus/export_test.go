package bus

// ListenError is listenError.
func ListenError(addr string, err error) error { return listenError(addr, err) }

// StopServer stops the server behind the connection's back.
func (b *Bus) StopServer() {
	b.server.Shutdown()
	b.server.WaitForShutdown()
}
