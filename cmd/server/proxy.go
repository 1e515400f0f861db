package main

import (
	"github.com/spf13/cobra"

	"github.com/weirproxy/weir/config"
)

func proxyCommand(env environment) *cobra.Command {
	var printOnly bool
	c := &cobra.Command{
		Use:   "proxy LISTEN PEER...",
		Short: "Run weir without a file, from one address to some peers",
		Long: `Run weir without a file: one listener, one upstream with the given peers
(tcp checks, round robin), one route for everything. --print shows the file
that this stands for, as a start of your own. The admin page and NATS take the
next free port where theirs is taken; nothing is kept when it ends.`,
		Example: "  weir proxy :8080 localhost:3001 localhost:3002\n  weir proxy :8080 localhost:3001 --print > weir.yaml",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			text, err := config.Proxy(args[0], args[1:])
			if err != nil {
				return err
			}
			if printOnly {
				env.printf("%s", text)
				return nil
			}
			cfg, err := config.Parse("weir proxy", text, env.lookup)
			if err != nil {
				return err
			}
			dir, remove, err := tempDir()
			if err != nil {
				return err
			}
			defer remove()
			cfg.DataDir = dir
			log, _ := env.newLogger(cfg.Log)
			return serve(c.Context(), cfg, options{logger: log, nearPorts: true, strictListeners: true}, func(w *weir) {
				log.Info("weir serves", "listeners", w.addrs, "peers", args[1:],
					"page", "http://"+w.adminAddr+"/", "nats", w.bus.ClientURL())
			})
		},
	}
	c.Flags().BoolVar(&printOnly, "print", false, "print the configuration file and end")
	return c
}
