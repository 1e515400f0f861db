package admin_test

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/weirproxy/weir/admin"
)

func TestListenUnix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.sock")
	t.Run("owner and group may connect, and the server answers", func(t *testing.T) {
		l, err := admin.ListenUnix(path)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != 0o660 {
			t.Errorf("permissions: got %o, want 660", got)
		}
		s, err := admin.New(admin.Config{Addr: "unix:" + path}, newWorld().deps())
		if err != nil {
			t.Fatal(err)
		}
		var serving sync.WaitGroup
		serving.Go(func() {
			if err := s.Serve(l); err != nil {
				t.Error(err)
			}
		})
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", path)
		}}}
		resp, err := client.Get("http://any-name/api/v1/status")
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != http.StatusOK {
			t.Errorf("got %s", resp.Status)
		}
		if err := errors.Join(resp.Body.Close(), s.Shutdown(context.Background())); err != nil {
			t.Error(err)
		}
		serving.Wait()
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the socket is still there: %v", err)
		}
	})
	t.Run("a socket that was left behind is replaced", func(t *testing.T) {
		dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		dead.SetUnlinkOnClose(false)
		if err := dead.Close(); err != nil {
			t.Fatal(err)
		}
		l, err := admin.ListenUnix(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Run("a socket in use is left alone", func(t *testing.T) {
		l, err := admin.ListenUnix(path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		if _, err := admin.ListenUnix(path); !errors.Is(err, admin.ErrSocketTaken) {
			t.Errorf("got %v, want ErrSocketTaken", err)
		}
		if _, err := os.Stat(path); err != nil {
			t.Errorf("the socket in use was removed: %v", err)
		}
	})
	t.Run("what is no socket is left alone", func(t *testing.T) {
		if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := admin.ListenUnix(path); !errors.Is(err, admin.ErrSocketTaken) {
			t.Errorf("got %v, want ErrSocketTaken", err)
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != "mine" {
			t.Errorf("got %q, %v", text, err)
		}
	})
	t.Run("a folder that is not there is an error", func(t *testing.T) {
		if _, err := admin.ListenUnix(filepath.Join(t.TempDir(), "no", "admin.sock")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v, want ErrNotExist", err)
		}
	})
}
