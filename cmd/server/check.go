package main

import (
	"encoding/json"
	"errors"

	"github.com/spf13/cobra"

	"github.com/weirproxy/weir/config"
)

func checkCommand(env environment) *cobra.Command {
	var file string
	var effective, asJSON bool
	c := &cobra.Command{
		Use:   "check",
		Short: "Check a configuration file",
		Long: `Check a configuration file without running it. Every fault is shown at once,
with its place; the exit status is 1. --effective prints every value that is in
force and where it comes from.`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			path, err := config.Find(file, env.lookup)
			if err != nil {
				return err
			}
			cfg, err := config.Load(path, env.lookup)
			var warnings []string
			if err == nil {
				warnings, err = verify(cfg)
			}
			var faults *config.Faults
			if asJSON && errors.As(err, &faults) {
				if err := json.NewEncoder(env.stdout).Encode(map[string]any{"file": path, "ok": false, "faults": faults.List, "more": faults.More}); err != nil {
					return err
				}
				return errQuiet
			}
			if err != nil {
				return err
			}
			switch {
			case asJSON:
				return json.NewEncoder(env.stdout).Encode(map[string]any{"file": path, "ok": true, "warnings": cfg.Warnings, "notes": warnings})
			case effective:
				env.printf("%s", cfg.Effective())
				return nil
			}
			for _, warning := range cfg.Warnings {
				env.printf("warning: %s\n", warning)
			}
			for _, warning := range warnings {
				env.printf("warning: %s\n", warning)
			}
			env.printf("%s is valid (listeners: %d, routes: %d, upstreams: %d)\n", path,
				len(cfg.Listeners), cfg.Desired.Routes.Len(), cfg.Desired.Upstreams.Len())
			return nil
		},
	}
	c.Flags().StringVarP(&file, "config", "c", "", "the configuration file")
	c.Flags().BoolVar(&effective, "effective", false, "print every value and its origin")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.MarkFlagsMutuallyExclusive("effective", "json")
	return c
}
