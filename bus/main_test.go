package bus_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/weirproxy/weir/bus"
)

// holdDir, in the environment, makes the test binary a weir that holds that
// data directory until it is killed or its standard input ends.
const holdDir = "WEIR_BUS_TEST_HOLD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(holdDir); dir != "" {
		os.Exit(hold(dir))
	}
	goleak.VerifyTestMain(m)
}

// hold starts a bus, says so, and waits.
func hold(dir string) int {
	b, err := bus.Start(bus.Config{Addr: "127.0.0.1:0", Dir: dir, Member: "holder", Logger: quiet()})
	if err != nil {
		fmt.Println("failed:", err)
		return 1
	}
	fmt.Println("held")
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if b.Close(ctx) != nil {
		return 1
	}
	return 0
}

// startHolder runs hold in another process and returns when that holds dir.
func startHolder(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), holdDir+"="+dir)
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if line != "held\n" {
		t.Fatalf("the other process says %q, %v", line, err)
	}
	return cmd
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// start starts a bus on a free port and closes it when the test ends. change may be nil.
func start(t *testing.T, change func(*bus.Config)) *bus.Bus {
	t.Helper()
	cfg := bus.Config{Addr: "127.0.0.1:0", Dir: t.TempDir(), Member: "a", OperatorToken: operatorToken, Logger: quiet()}
	if change != nil {
		change(&cfg)
	}
	b, err := bus.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, b) })
	return b
}

func stop(t *testing.T, b *bus.Bus) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := b.Close(ctx); err != nil {
		t.Errorf("close: %v", err)
	}
}

const operatorToken = "a-token-for-tests"

// client is a plain NATS client whose asynchronous errors can be awaited.
type client struct {
	*nats.Conn
	t      *testing.T
	errors chan error
}

func connect(t *testing.T, b *bus.Bus, opts ...nats.Option) *client {
	t.Helper()
	c := &client{t: t, errors: make(chan error, 100)}
	opts = append(opts, nats.NoReconnect(), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { c.errors <- err }))
	conn, err := nats.Connect(b.ClientURL(), opts...)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	c.Conn = conn
	t.Cleanup(conn.Close)
	return c
}

func operator(t *testing.T, b *bus.Bus) *client {
	t.Helper()
	return connect(t, b, nats.UserInfo("operator", operatorToken))
}

// subscribe subscribes, and returns when the server knows.
func (c *client) subscribe(subject string) *nats.Subscription {
	c.t.Helper()
	s, err := c.SubscribeSync(subject)
	if err != nil {
		c.t.Fatal(err)
	}
	c.flush()
	return s
}

func (c *client) flush() {
	c.t.Helper()
	if err := c.FlushTimeout(10 * time.Second); err != nil {
		c.t.Fatalf("flush: %v", err)
	}
}

// refused returns the refusals that the server has sent so far. They arrive in
// order, so it provokes one more, which nobody but an open server grants, and
// waits for that.
func (c *client) refused() []string {
	c.t.Helper()
	const last = "the.last.one"
	if err := c.Publish(last, nil); err != nil {
		c.t.Fatal(err)
	}
	var got []string
	deadline := time.After(10 * time.Second)
	for {
		select {
		case err := <-c.errors:
			if strings.Contains(err.Error(), last) {
				return got
			}
			got = append(got, err.Error())
		case <-deadline:
			c.t.Fatalf("no refusal of %s; got %q", last, got)
		}
	}
}

func next(t *testing.T, s *nats.Subscription) *nats.Msg {
	t.Helper()
	msg, err := s.NextMsg(10 * time.Second)
	if err != nil {
		t.Fatalf("no message on %s: %v", s.Subject, err)
	}
	return msg
}
