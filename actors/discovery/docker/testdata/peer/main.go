// Command peer is what runs in the containers of the tests: a small HTTP server
// that can be sick, and that dies when it is told to.
package main

import (
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
)

func main() {
	listen := flag.String("listen", ":8080", "address to listen at")
	body := flag.String("body", "ok", "what to answer")
	check := flag.Bool("check", false, "ask for /health, and exit with 1 if that is not well")
	crash := flag.Bool("crash", false, "exit with 3 at once")
	deaf := flag.Bool("deaf", false, "do not die of SIGTERM")
	flag.Parse()
	switch {
	case *crash:
		os.Exit(3)
	case *check:
		os.Exit(ask(*listen))
	}
	signal.Ignore(syscall.SIGHUP)
	if *deaf {
		signal.Ignore(syscall.SIGTERM)
	}
	if err := serve(*listen, *body); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(listen, body string) error {
	var sick atomic.Bool
	http.HandleFunc("/sick", func(http.ResponseWriter, *http.Request) { sick.Store(true) })
	http.HandleFunc("/well", func(http.ResponseWriter, *http.Request) { sick.Store(false) })
	http.HandleFunc("/exit", func(http.ResponseWriter, *http.Request) { os.Exit(0) })
	http.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) {
		if sick.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, body) })
	return http.ListenAndServe(listen, nil)
}

func ask(listen string) int {
	_, port, err := net.SplitHostPort(listen)
	if err != nil {
		return 2
	}
	answer, err := http.Get("http://127.0.0.1:" + port + "/health")
	if err != nil || answer.StatusCode != http.StatusOK {
		return 1
	}
	return 0
}
