package health

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"
)

// servePeer listens on 127.0.0.1 and hands each connection to handle, in a
// goroutine of its own. When the test ends, all connections are closed and all
// handlers have returned.
func servePeer(t *testing.T, handle func(net.Conn)) (addr string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var (
		mu      sync.Mutex
		conns   []net.Conn
		running sync.WaitGroup
	)
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, conn)
			mu.Unlock()
			running.Go(func() {
				defer conn.Close()
				handle(conn)
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		mu.Lock()
		for _, conn := range conns {
			_ = conn.Close()
		}
		mu.Unlock()
		running.Wait()
	})
	return listener.Addr().String()
}

// readRequest reads up to the empty line and returns everything.
func readRequest(conn net.Conn) string {
	var text []byte
	one := make([]byte, 1)
	for {
		if _, err := conn.Read(one); err != nil {
			return string(text)
		}
		text = append(text, one[0])
		if n := len(text); n >= 4 && string(text[n-4:]) == "\r\n\r\n" {
			return string(text)
		}
	}
}

// answering reads a request, sends text and closes.
func answering(text string) func(net.Conn) {
	return func(conn net.Conn) {
		readRequest(conn)
		_, _ = conn.Write([]byte(text))
	}
}

// silent reads and never says anything.
func silent(conn net.Conn) {
	buffer := make([]byte, 1024)
	for {
		if _, err := conn.Read(buffer); err != nil {
			return
		}
	}
}

// forever sends head, then piece again and again with a pause between, until
// the connection breaks.
func forever(head, piece string, pause time.Duration) func(net.Conn) {
	return func(conn net.Conn) {
		readRequest(conn)
		_, err := conn.Write([]byte(head))
		tick := time.NewTicker(max(pause, time.Nanosecond))
		defer tick.Stop()
		for err == nil {
			if pause > 0 {
				<-tick.C
			}
			_, err = conn.Write([]byte(piece))
		}
	}
}

// resetting reads a request, sends text and resets the connection once the
// other side had the time to read it.
func resetting(text string, read <-chan struct{}) func(net.Conn) {
	return func(conn net.Conn) {
		readRequest(conn)
		_, _ = conn.Write([]byte(text))
		if read != nil {
			<-read
		}
		_ = conn.(*net.TCPConn).SetLinger(0) // close becomes a reset
	}
}

// serveTLS is servePeer with a handshake first.
func serveTLS(t *testing.T, cert tls.Certificate, handle func(net.Conn)) (addr string) {
	t.Helper()
	return servePeer(t, func(conn net.Conn) {
		secure := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"http/1.1"}})
		if secure.Handshake() == nil {
			handle(secure)
			_ = secure.Close()
		}
	})
}

// newCert makes a self-signed certificate for names and 127.0.0.1, and its PEM.
func newCert(t *testing.T, names ...string) (tls.Certificate, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test peer"}, DNSNames: names,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
