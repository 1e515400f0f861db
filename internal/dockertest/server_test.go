package dockertest_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/weirproxy/weir/internal/dockertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// client returns a client of a server. It ends with the test.
func client(t *testing.T, s *dockertest.Server) *http.Client {
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", strings.TrimPrefix(s.Host(), "unix://"))
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// open sends a request for a path of version 1.41.
func open(ctx context.Context, t *testing.T, c *http.Client, path string) (*http.Response, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://docker/v1.41"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c.Do(request)
}

func ask(t *testing.T, c *http.Client, path string) (status int, body string) {
	t.Helper()
	response, err := open(t.Context(), t, c, path)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(text)
}

func web(id, addr string) dockertest.Container {
	return dockertest.Container{ID: id, Labels: map[string]string{"app": "web"}, Addr: addr}
}

func TestTellsOfTheContainersThatThereAre(t *testing.T) {
	s := dockertest.Start(t)
	c := client(t, s)
	exited := web("b", "10.0.0.2")
	exited.State = "exited"
	s.Put(web("a", "10.0.0.1"), exited)
	var list []struct{ ID string }
	_, body := ask(t, c, "/containers/json")
	if err := json.Unmarshal([]byte(body), &list); err != nil || len(list) != 1 || list[0].ID != "a" {
		t.Errorf("listed %s, %v; want a alone, which runs", body, err)
	}
	if status, body := ask(t, c, "/containers/b/json"); status != http.StatusOK || !strings.Contains(body, `"Status":"exited"`) {
		t.Errorf("inspected %d %s", status, body)
	}
	s.Take("a")
	if status, _ := ask(t, c, "/containers/a/json"); status != http.StatusNotFound {
		t.Errorf("got %d for a container that is gone", status)
	}
	if status, _ := ask(t, c, "/volumes"); status != http.StatusNotFound {
		t.Errorf("got %d for what it does not know", status)
	}
	if s.Asked("/containers/json") != 1 || len(s.Paths()) != 4 {
		t.Errorf("recorded %v", s.Paths())
	}
}

func TestAStreamTellsWhatWasMissedAndWhatComes(t *testing.T) {
	s := dockertest.Start(t)
	c := client(t, s)
	s.Start(web("a", "10.0.0.1"))
	for name, tt := range map[string]struct {
		query string
		want  []string
	}{
		"from now on": {"", []string{"kill", "die"}},
		"since then":  {"?since=1.000000000", []string{"start", "kill", "die"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := dockertest.Start(t)
			c := client(t, s)
			s.Start(web("a", "10.0.0.1"))
			stream, err := open(t.Context(), t, c, "/events"+tt.query)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = stream.Body.Close() }()
			s.Kill("a", "15")
			s.End("a")
			lines := bufio.NewScanner(stream.Body)
			for _, want := range tt.want {
				var e struct{ Action string }
				if !lines.Scan() || json.Unmarshal(lines.Bytes(), &e) != nil || e.Action != want {
					t.Fatalf("told %q, want %s", lines.Text(), want)
				}
			}
			s.Say("nonsense")
			for lines.Scan() && lines.Text() != "nonsense" {
			}
			s.Drop()
			if lines.Scan() {
				t.Errorf("after the drop: %q", lines.Text())
			}
		})
	}
	s.Stop()
	if status, body := ask(t, c, "/containers/json"); status != 0 {
		t.Errorf("answers %d %s while it is stopped", status, body)
	}
	s.Resume()
	if status, _ := ask(t, c, "/containers/json"); status != http.StatusOK {
		t.Errorf("got %d after Resume", status)
	}
}

func TestAnswersOtherwiseWhenTold(t *testing.T) {
	s := dockertest.Start(t)
	c := client(t, s)
	s.Put(web("a", "10.0.0.1"), web("b", "10.0.0.2"))
	s.Answer(dockertest.InspectOf("a"), dockertest.Fail())
	if status, body := ask(t, c, "/containers/a/json"); status != http.StatusInternalServerError || !strings.Contains(body, "message") {
		t.Errorf("got %d %s", status, body)
	}
	if status, _ := ask(t, c, "/containers/b/json"); status != http.StatusOK {
		t.Errorf("got %d for the other", status)
	}
	s.Answer(dockertest.List, dockertest.Body("<html>"))
	if _, body := ask(t, c, "/containers/json"); body != "<html>" {
		t.Errorf("got %s", body)
	}
	s.Answer(dockertest.List, dockertest.Hang())
	answered := make(chan int, 1)
	go func() {
		status, _ := ask(t, c, "/containers/json")
		answered <- status
	}()
	deadline := time.Now().Add(10 * time.Second)
	for s.Asked("/containers/json") < 2 {
		if time.Now().After(deadline) {
			t.Fatal("the request did not come")
		}
	}
	if len(answered) != 0 {
		t.Error("it was answered")
	}
	s.Answer(dockertest.List, dockertest.Answer{})
	if status := <-answered; status != http.StatusOK {
		t.Errorf("got %d when the hang was over", status)
	}
}
