package dockertest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Put has containers be there, without a word, as if its event was lost. One with
// the same id is replaced: it started anew.
func (s *Server) Put(containers ...Container) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range containers {
		s.put(c)
	}
}

func (s *Server) put(c Container) Container {
	c = c.withDefaults(s.now())
	if _, known := s.containers[c.ID]; !known {
		s.order = append(s.order, c.ID)
	}
	s.containers[c.ID] = c
	return c
}

// Take takes containers away, without a word.
func (s *Server) Take(ids ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		s.take(id)
	}
}

func (s *Server) take(id string) {
	delete(s.containers, id)
	s.order = slices.DeleteFunc(s.order, func(other string) bool { return other == id })
}

// Start has containers be there, and tells of it.
func (s *Server) Start(containers ...Container) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range containers {
		s.tell(s.put(c), "start")
	}
}

// Kill tells that a container was sent a signal. It goes on.
func (s *Server) Kill(id, signal string) { s.Tell(id, "kill", "signal", signal) }

// End takes containers away, and tells of it.
func (s *Server) End(ids ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		c := s.known(id)
		s.take(id)
		s.tell(c, "die")
		s.tell(c, "destroy")
	}
}

// Tell tells any event about a container, known or not. more are attributes: a
// name, its value, and so on.
func (s *Server) Tell(id, action string, more ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tell(s.known(id), action, more...)
}

// known returns a container, or one with nothing but an id.
func (s *Server) known(id string) Container {
	c := s.containers[id]
	c.ID = id
	return c
}

func (s *Server) tell(c Container, action string, more ...string) {
	at := s.now()
	s.told = append(s.told, line{c.Event(action, at, more...), at, true})
	s.change()
}

// now is the engine's clock: no two events are at the same time.
func (s *Server) now() time.Time {
	s.last = later(s.last.Add(time.Nanosecond), time.Now().Round(0))
	return s.last
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Say sends a line of any kind to the streams that are open. None is: the test fails.
func (s *Server) Say(text string) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.streams == 0 {
		s.t.Errorf("dockertest: nobody hears %q: no stream is open", text)
	}
	s.told = append(s.told, line{text: text, at: s.now()})
	s.change()
}

// Drop ends the streams that are open.
func (s *Server) Drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drops++
	s.change()
}

// stream sends events until the client or the engine is gone, or the stream is dropped.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	since, asked := sinceOf(r.URL.Query().Get("since"))
	s.mu.Lock()
	drops, next := s.drops, len(s.told)
	var missed []string
	for _, l := range s.told {
		if asked && l.event && !l.at.Before(since) {
			missed = append(missed, l.text)
		}
	}
	s.streams++
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.streams--
	}()
	w.WriteHeader(http.StatusOK)
	for {
		for _, text := range missed {
			_, _ = w.Write([]byte(text + "\n")) // a client that is gone ends the context
		}
		w.(http.Flusher).Flush()
		s.mu.Lock()
		missed = nil
		for _, l := range s.told[next:] {
			missed = append(missed, l.text)
		}
		next = len(s.told)
		changed, over := s.changed, s.drops != drops || s.running == nil
		s.mu.Unlock()
		if over {
			return
		}
		if len(missed) > 0 {
			continue
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}

// sinceOf reads seconds and nanoseconds, "1795403792.000000001".
func sinceOf(text string) (since time.Time, asked bool) {
	seconds, nanos, _ := strings.Cut(text, ".")
	s, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return time.Time{}, false
	}
	n, _ := strconv.ParseInt(nanos, 10, 64) // none = 0
	return time.Unix(s, n), true
}
