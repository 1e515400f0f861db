package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/weirproxy/weir/internal/demo"
)

// event is what the commands read of an event.
type event struct {
	Type     string    `json:"type"`
	Time     time.Time `json:"time"`
	Upstream string    `json:"upstream"`
	Peer     string    `json:"peer"`
	From     string    `json:"from"`
	To       string    `json:"to"`
	Reason   string    `json:"reason"`
	Detail   string    `json:"detail"`
	Change   string    `json:"change"`
	Actor    string    `json:"actor"`
	Kind     string    `json:"kind"`
	Name     string    `json:"name"`
	File     string    `json:"file"`
	NotAfter time.Time `json:"not_after"`
	Late     bool      `json:"late"`
	HeldS    int       `json:"held_s"`
	// Available is absent where it means nothing.
	Available *int `json:"available"`
	Peers     int  `json:"peers"`
}

// eventLine renders an event as one line for people.
func eventLine(s *demo.Screen, body []byte) string {
	var e event
	if err := json.Unmarshal(body, &e); err != nil {
		return string(body)
	}
	layout := "15:04:05"
	if time.Since(e.Time) > 12*time.Hour { // which day is not plain any more
		layout = time.DateTime
	}
	at := s.Paint(demo.Dim, e.Time.Local().Format(layout))
	tone := map[string]demo.Color{"healthy": demo.Green, "unhealthy": demo.Red, "unknown": demo.Dim,
		"degraded": demo.Yellow, "down": demo.Red, "parked": demo.Red, "failed": demo.Red, "crashed": demo.Red,
		"rejected": demo.Red, "refused": demo.Red, "expiring": demo.Yellow, "unproven": demo.Yellow}
	paint := func(word string) string {
		if c, ok := tone[word]; ok {
			return s.Paint(c, word)
		}
		return word
	}
	line := at + "  "
	switch {
	case e.Peer != "":
		line += fmt.Sprintf("%s/%s  %s -> %s", e.Upstream, e.Peer, paint(e.From), paint(e.To))
	case e.Upstream != "":
		line += fmt.Sprintf("%s  %s", e.Upstream, paint(e.Change))
	case e.File != "":
		line += fmt.Sprintf("certificate %s  %s", e.File, paint(lastWord(e.Type)))
		if !e.NotAfter.IsZero() {
			line += "  ends " + e.NotAfter.Local().Format("2006-01-02 15:04")
		}
	case e.Kind != "":
		line += fmt.Sprintf("%s %s  %s", e.Kind, e.Name, paint(lastWord(e.Type)))
	case e.Actor != "":
		line += fmt.Sprintf("actor %s  %s", e.Actor, paint(lastWord(e.Type)))
	default:
		line += e.Type
	}
	if e.Reason != "" && e.Reason != "ok" {
		line += "  " + e.Reason
	}
	if e.Detail != "" {
		line += s.Paint(demo.Dim, " ("+oneLine(e.Detail)+")")
	}
	if e.Late {
		line += s.Paint(demo.Dim, "  stored late")
	}
	if e.Available != nil && e.Peers > 0 {
		line += s.Paint(demo.Dim, fmt.Sprintf("  %d of %d available", *e.Available, e.Peers))
	}
	return line
}

// lastWord returns what follows the last dot.
func lastWord(s string) string { return s[strings.LastIndexByte(s, '.')+1:] }
