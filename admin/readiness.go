package admin

import "net/http"

// readinessView is the body of /readyz.
type readinessView struct {
	Ready bool `json:"ready"`
	// Why tells why it is not ready.
	Why      string   `json:"why,omitempty"`
	Degraded []string `json:"degraded"`
}

// serveHealth answers as long as the process can.
func (s *Server) serveHealth(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, struct {
		Alive bool `json:"alive"`
	}{true})
}

// serveReady answers 503 before the configuration is in force and while
// draining; never for sick peers or NATS.
func (s *Server) serveReady(w http.ResponseWriter, _ *http.Request) {
	v := s.readiness()
	status := http.StatusOK
	if !v.Ready {
		status = http.StatusServiceUnavailable
	}
	reply(w, status, v)
}

func (s *Server) readiness() readinessView {
	v := readinessView{Degraded: s.deps.Degraded()}
	if v.Degraded == nil {
		v.Degraded = []string{}
	}
	if v.Ready, v.Why = s.deps.Ready(); v.Ready {
		v.Why = ""
	}
	return v
}
