package docker

import (
	"fmt"
	"strings"

	"github.com/weirproxy/weir/messages"
)

// The labels of a container that weir reads.
const (
	labelPort     = "weir.port"
	labelWeight   = "weir.weight"
	labelNetwork  = "weir.network"
	labelEnable   = "weir.enable"
	labelUpstream = "weir.upstream"
	labelHost     = "weir.host"
	labelPath     = "weir.path"
)

// wishes are what a container's labels say about it as a peer. Zero = nothing.
type wishes struct {
	port, weight int
	network      string
}

// wishesOf reads them. The error says which label is wrong, and how.
func wishesOf(labels map[string]string) (wishes, error) {
	var w wishes
	var err error
	if text, found := labels[labelPort]; found {
		if w.port, err = parseNumber(text, maxPort); err != nil {
			return wishes{}, fmt.Errorf("label %s: %w", labelPort, err)
		}
	}
	if text, found := labels[labelWeight]; found {
		if w.weight, err = parseNumber(text, messages.MaxWeight); err != nil {
			return wishes{}, fmt.Errorf("label %s: %w", labelWeight, err)
		}
	}
	if text, found := labels[labelNetwork]; found {
		if text == "" {
			return wishes{}, fmt.Errorf("label %s: want the name of a network, not \"\"", labelNetwork)
		}
		w.network = text
	}
	return w, nil
}

// enabled tells whether labels may make upstreams and routes.
func enabled(labels map[string]string) bool { return strings.EqualFold(labels[labelEnable], "true") }
