// Command smoke shows weir doing its main job with parts that are not its own:
// three nginx peers, wrk as the client, and the nats CLI as the reader of
// events. It builds weir, runs it as a process, breaks peers while wrk sends
// requests, and ends with status 1 when a promise was broken.
//
// Owns: every process it starts, all on loopback, in a folder of its own.
// In: none. Out: what was done and seen, a line each.
// Order: kill -9 of a peer, its return, SIGSTOP of a peer, SIGCONT, replay, kill -9
// of weir, the end; then with an external NATS server: late arrival, 30 s away,
// kill -9 of weir without NATS, the end.
// Failure: the first broken promise ends it; what it started is ended by its id.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	err := smoke(ctx)
	cancel()
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "smoke: FAILED:", err)
		os.Exit(1)
	}
	fmt.Println("smoke: all promises kept")
}
