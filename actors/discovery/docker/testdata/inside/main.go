// Command inside is weir's discovery in a container: it prints what a selector
// yields from there, once that are as many peers as asked for.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/weirproxy/weir/actors/discovery/docker"
)

func main() {
	peers := flag.Int("peers", 1, "how many peers to wait for")
	flag.Parse()
	if err := run(flag.Arg(0), *peers); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(text string, peers int) error {
	selector, err := docker.ParseSelector(text)
	if err != nil {
		return err
	}
	engine, err := docker.New(docker.Config{})
	if err != nil {
		return err
	}
	sub, err := engine.Subscribe([]docker.Selector{selector})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	go func() { _ = engine.Run(ctx) }()
	// Where the program itself runs may become known a moment after the peers are.
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	var set docker.Set
	for {
		select {
		case set = <-sub.Sets():
		case <-look.C:
			if len(set.Peers) < peers || engine.Status().Self == "" {
				continue
			}
			fmt.Println("self", engine.Status().Self)
			for _, p := range set.Peers {
				fmt.Println("peer", p.Addr)
			}
			for _, n := range set.Notes {
				fmt.Println("note", n)
			}
			return nil
		case <-engine.Done():
			return ctx.Err()
		}
	}
}
