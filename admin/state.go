package admin

import (
	"encoding/json"
	"fmt"
)

// Status returns the instance as /api/v1/status shows it, for those who ask
// over another way than HTTP.
func (s *Server) Status() []byte { return encode(s.status()) }

// Upstreams returns all upstreams as /api/v1/upstreams shows them.
func (s *Server) Upstreams() []byte { return encode(upstreamsView{s.upstreams()}) }

// Upstream returns one upstream as /api/v1/upstreams/NAME shows it. When there
// is none it returns false and a message for people.
func (s *Server) Upstream(name string) (view []byte, message string, ok bool) {
	v, message, ok := s.upstream(name)
	if !ok {
		return nil, message, false
	}
	return encode(v), "", true
}

// encode returns v as JSON. v is one of our views, which always encode.
func encode(v any) []byte {
	body, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("encode %T: %v", v, err))
	}
	return body
}
