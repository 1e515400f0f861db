package admin

import "time"

// SetTimeouts shortens the timeouts of requests.
func (s *Server) SetTimeouts(d time.Duration) { s.http.ReadTimeout, s.http.WriteTimeout = d, d }
