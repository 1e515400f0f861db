package socket

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/weirproxy/weir/messages"
)

// child is a process that systemd starts: it takes the socket "web" and serves one client.
func child() {
	_ = os.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid())) // systemd knows it before exec
	in, err := Inherit()
	if err != nil {
		panic(err)
	}
	l, err := in.Take("web", messages.TCPOptions{})
	if err != nil {
		panic(err)
	}
	_, missing := in.Take("web", messages.TCPOptions{})
	if err := l.Close(); err != nil {
		panic(err)
	}
	if l, err = in.Take("web", messages.TCPOptions{}); err != nil {
		panic(err) // it was given back
	}
	if err := Ready(); err != nil {
		panic(err)
	}
	c, err := l.Accept()
	if err != nil {
		panic(err)
	}
	_, _ = fmt.Fprintf(c, "left %v, missing %v", in.Left(), errors.Is(missing, ErrNotPassed))
	_ = c.Close()
}

func TestSocketsThatSystemdPassed(t *testing.T) {
	var files []*os.File
	var addr string
	for range 2 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addr = l.Addr().String()
		f, err := l.(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		_ = l.Close() // the file has it
		files = append(files, f)
	}
	path := filepath.Join(t.TempDir(), "notify")
	told, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer told.Close()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "SOCKET_TEST_CHILD=1", "LISTEN_FDS=2", "LISTEN_FDNAMES=other:web", "NOTIFY_SOCKET="+path)
	cmd.ExtraFiles, cmd.Stderr = files, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		_ = f.Close()
	}
	_ = told.SetReadDeadline(time.Now().Add(20 * time.Second))
	state := make([]byte, 64)
	if n, err := told.Read(state); err != nil || string(state[:n]) != "READY=1" {
		t.Errorf("systemd was told %q, %v", state[:n], err)
	}
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	text, err := io.ReadAll(c)
	if err != nil || string(text) != "left [other], missing true" {
		t.Errorf("got %q, %v", text, err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
