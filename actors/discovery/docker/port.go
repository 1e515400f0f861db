package docker

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

var errNoPort = errors.New("it exposes no port: say which by label " + labelPort + " or behind the selector, as in app=web:8080")

// portOf chooses the port of a peer: the selector's, the label's, the only one
// exposed.
func portOf(s Selector, w wishes, c *container) (int, error) {
	if s.Port != 0 {
		return s.Port, nil
	}
	if w.port != 0 {
		return w.port, nil
	}
	ports := c.ports()
	switch len(ports) {
	case 0:
		return 0, errNoPort
	case 1:
		return ports[0], nil
	}
	return 0, fmt.Errorf("it exposes %d ports (%s): say which by label %s or behind the selector, as in app=web:%d",
		len(ports), joinInts(ports), labelPort, ports[0])
}

// joinInts prints the first few numbers.
func joinInts(ns []int) string {
	const most = 8
	var parts []string
	for i, n := range ns {
		if i == most {
			parts = append(parts, "...")
			break
		}
		parts = append(parts, strconv.Itoa(n))
	}
	return strings.Join(parts, ", ")
}
