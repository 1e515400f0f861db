package main

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/weirproxy/weir/internal/demo"
)

// upstreamView is what the commands read of an upstream.
type upstreamView struct {
	Name        string     `json:"name"`
	State       string     `json:"state"`
	Algo        string     `json:"algo"`
	Available   int        `json:"available"`
	Waiting     int        `json:"waiting"`
	Parked      bool       `json:"parked"`
	Transparent bool       `json:"transparent"`
	Peers       []peerView `json:"peers"`
	Draining    []struct {
		Addr     string     `json:"addr"`
		Until    *time.Time `json:"until"`
		InFlight int64      `json:"in_flight"`
	} `json:"draining"`
	Discovery *discoveryView `json:"discovery"`
}

// available says how many of its peers are; a transparent upstream has none.
func (u upstreamView) available() string {
	if u.Transparent {
		return "-"
	}
	return fmt.Sprintf("%d of %d", u.Available, len(u.Peers))
}

// discoveryView is what the commands read of a discovery.
type discoveryView struct {
	Source      string     `json:"source"`
	LastSuccess *time.Time `json:"last_success"`
	LastFailure *time.Time `json:"last_failure"`
	Detail      string     `json:"detail"`
	Stale       bool       `json:"stale"`
	Next        *time.Time `json:"next"`
}

// peerView is what the commands read of a peer.
type peerView struct {
	Addr    string `json:"addr"`
	Weight  int    `json:"weight"`
	Tier    int    `json:"tier"`
	Verdict string `json:"verdict"`
	// Remembered: the verdict is of the last process, and not probed yet.
	Remembered bool       `json:"remembered"`
	Since      *time.Time `json:"since"`
	Reason     string     `json:"reason"`
	Detail     string     `json:"detail"`
	Available  bool       `json:"available"`
	InFlight   int64      `json:"in_flight"`
	Requests   uint64     `json:"requests"`
	Failures   uint64     `json:"failures"`
}

func statusCommand(env environment) *cobra.Command {
	var flags clientFlags
	c := &cobra.Command{
		Use:   "status",
		Short: "Say how a running weir is; what is not well comes first",
		Long: `Say how a running weir is. What is not well comes first. The exit status is 0
when it is ready and nothing is degraded: every upstream is healthy, every
route leads to one, events are stored; else 1.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := flags.client(env)
			if err != nil {
				return err
			}
			var status struct {
				Version, Member string
				Started         time.Time
				Ready           bool
				Why             string
				Degraded        []string
				LostRoutes      []struct{ Name, Upstream string } `json:"lost_routes"`
				Shadowed        []struct{ Kind, Name, Layer, Detail string }
			}
			text, err := client.getJSON(c.Context(), "/api/v1/status", &status)
			if err != nil {
				return err
			}
			var list struct{ Upstreams []upstreamView }
			if _, err := client.getJSON(c.Context(), "/api/v1/upstreams", &list); err != nil {
				return err
			}
			well := status.Ready && len(status.Degraded)+len(status.LostRoutes) == 0
			for _, u := range list.Upstreams {
				well = well && u.State == "healthy" && !u.Parked
			}
			if flags.asJSON {
				env.printf("%s\n", strings.TrimSpace(string(text)))
			} else {
				s := demo.NewScreen(env.stdout, false, env.colors(env.stdout))
				ready := s.Paint(demo.Green, "ready")
				if !status.Ready {
					ready = s.Paint(demo.Red, "not ready: "+status.Why)
				}
				s.Println(fmt.Sprintf("weir %s at %s, member %s, up %s, %s", status.Version, client.where, status.Member, ago(status.Started), ready))
				for _, reason := range status.Degraded {
					s.Println(s.Paint(demo.Yellow, "degraded: "+reason))
				}
				for _, h := range status.Shadowed {
					s.Println(s.Paint(demo.Yellow, fmt.Sprintf("the %s %s of %s is not in force: %s", h.Kind, h.Name, h.Layer, h.Detail)))
				}
				for _, r := range status.LostRoutes {
					s.Println(s.Paint(demo.Yellow, fmt.Sprintf("route %s leads to upstream %s, which does not exist: it answers 503", r.Name, r.Upstream)))
				}
				printUpstreams(env, s, list.Upstreams)
			}
			if !well {
				return errQuiet
			}
			return nil
		},
	}
	flags.add(c)
	return c
}

func upstreamsCommand(env environment) *cobra.Command {
	var flags clientFlags
	c := &cobra.Command{
		Use:   "upstreams [NAME]",
		Short: "Show the upstreams of a running weir, or the peers of one",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := flags.client(env)
			if err != nil {
				return err
			}
			s := demo.NewScreen(env.stdout, false, env.colors(env.stdout))
			if len(args) == 1 {
				var u upstreamView
				text, err := client.getJSON(c.Context(), "/api/v1/upstreams/"+url.PathEscape(args[0]), &u)
				switch {
				case err != nil:
					return err
				case flags.asJSON:
					env.printf("%s\n", strings.TrimSpace(string(text)))
				default:
					printUpstream(env, s, u)
				}
				return nil
			}
			var list struct{ Upstreams []upstreamView }
			text, err := client.getJSON(c.Context(), "/api/v1/upstreams", &list)
			switch {
			case err != nil:
				return err
			case flags.asJSON:
				env.printf("%s\n", strings.TrimSpace(string(text)))
			default:
				printUpstreams(env, s, list.Upstreams)
			}
			return nil
		},
	}
	flags.add(c)
	return c
}

// badness orders states: what is not well comes first.
func badness(u upstreamView) int {
	if u.Parked && u.State == "healthy" {
		return 1 // as a degraded one
	}
	return slices.Index([]string{"down", "degraded", "pending", "healthy"}, u.State)
}

// printUpstreams prints one line for each upstream.
func printUpstreams(env environment, s *demo.Screen, upstreams []upstreamView) {
	if len(upstreams) == 0 {
		s.Println("no upstreams")
		return
	}
	slices.SortStableFunc(upstreams, func(a, b upstreamView) int { return cmp.Compare(badness(a), badness(b)) })
	w := tabwriter.NewWriter(env.stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "UPSTREAM\tSTATE\tAVAILABLE\tWAITING\tALGO\tNOT WELL")
	for _, u := range upstreams {
		var unwell []string
		for _, p := range u.Peers {
			if !p.Available {
				unwell = append(unwell, strings.TrimSpace(p.Addr+" "+p.Reason))
			}
		}
		if u.Parked {
			unwell = append([]string{"parked"}, unwell...)
		}
		if d := u.Discovery; d.fails() {
			unwell = append([]string{"discovery: " + firstLine(d.Detail)}, unwell...)
		}
		if len(unwell) > 3 {
			unwell = append(unwell[:3], fmt.Sprintf("and %d more", len(unwell)-3))
		}
		// The colour comes last in its cell's line, so that widths stay right: states are plain here.
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\n", u.Name, u.State, u.available(), u.Waiting, u.Algo, strings.Join(unwell, ", "))
	}
	_ = w.Flush() // stdout is closed: nobody to tell
}

// printUpstream prints an upstream and its peers.
func printUpstream(env environment, s *demo.Screen, u upstreamView) {
	line := fmt.Sprintf("%s  %s  %s available  %s", s.Paint(demo.Bold, u.Name), u.State, u.available(), u.Algo)
	if u.Transparent {
		line = fmt.Sprintf("%s  transparent: each request goes where its Host says", s.Paint(demo.Bold, u.Name))
	}
	if u.Waiting > 0 {
		line += fmt.Sprintf("  %d waiting", u.Waiting)
	}
	if u.Parked {
		line += "  " + s.Paint(demo.Red, "parked: its actor crashed again and again; a change of its configuration wakes it")
	}
	s.Println(line)
	if u.Transparent {
		return
	}
	if u.Discovery != nil {
		s.Println(discoveryLine(s, u.Discovery))
	}
	w := tabwriter.NewWriter(env.stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "PEER\tWEIGHT\tTIER\tVERDICT\tFOR\tIN FLIGHT\tREQUESTS\tFAILED\tREASON")
	for _, p := range u.Peers {
		since := "-"
		if p.Since != nil && !p.Since.IsZero() {
			since = ago(*p.Since)
		}
		verdict := p.Verdict
		if p.Remembered {
			verdict += " (remembered)"
		}
		reason := p.Reason
		if reason == "ok" {
			reason = ""
		}
		if p.Detail != "" {
			reason += " (" + oneLine(p.Detail) + ")"
		}
		_, _ = fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%s\t%d\t%d\t%d\t%s\n", p.Addr, p.Weight, p.Tier, verdict, since, p.InFlight, p.Requests, p.Failures, reason)
	}
	_ = w.Flush() // stdout is closed: nobody to tell
	for _, d := range u.Draining {
		line := fmt.Sprintf("draining: %s, %d in flight", d.Addr, d.InFlight)
		if d.Until != nil {
			line += ", cut in " + in(*d.Until)
		}
		s.Println(line)
	}
}

// fails tells whether the latest look did not find everything.
func (d *discoveryView) fails() bool {
	return d != nil && (d.Stale || d.LastFailure != nil && (d.LastSuccess == nil || d.LastFailure.After(*d.LastSuccess)))
}

// oneLine returns a text without breaks.
func oneLine(text string) string { return strings.ReplaceAll(text, "\n", "; ") }

// firstLine returns the first line of a text, and that there are more.
func firstLine(text string) string {
	line, _, more := strings.Cut(text, "\n")
	if more {
		line += " …"
	}
	return line
}

// discoveryLine says where the peers come from, and how fresh they are.
func discoveryLine(s *demo.Screen, d *discoveryView) string {
	line := "found by " + d.Source
	if d.LastSuccess != nil {
		line += ", last complete " + ago(*d.LastSuccess) + " ago"
	} else {
		line += ", never complete yet"
	}
	if d.Next != nil {
		line += ", next in " + in(*d.Next)
	}
	switch {
	case d.Stale:
		line += "  " + s.Paint(demo.Yellow, "stale: "+oneLine(d.Detail))
	case d.Detail != "":
		line += "  " + s.Paint(demo.Yellow, oneLine(d.Detail))
	}
	return line
}

// in returns how far away t is, to the second; 0s when it is past.
func in(t time.Time) string { return max(time.Until(t), 0).Round(time.Second).String() }

// ago returns how long ago t was, to the second.
func ago(t time.Time) string { return time.Since(t).Round(time.Second).String() }
