package admin

import (
	"context"
	"errors"
	"net/http"
)

// Reloaded is what a reload of the configuration changed.
type Reloaded struct {
	// File is the file that was read, with its path.
	File string `json:"file"`
	// Changes are lines for people; empty when the file asks for what is in force.
	Changes []string `json:"changes"`
	// NeedsRestart names what differs and is not in force before a restart.
	NeedsRestart []string `json:"needs_restart"`
	// Warnings are what is odd in the file and no fault.
	Warnings []string `json:"warnings"`
}

// Refusal is returned by Deps.Reload when the configuration is not put in
// force; the last good one stays.
type Refusal struct {
	// Code is one word: "invalid", "no_file", ...
	Code string
	// Message is for people: every fault with its place.
	Message string
	// Faults are the same for tools, encoded as JSON; nil = there are none.
	Faults any
}

// Error implements error.
func (r *Refusal) Error() string { return r.Message }

// serveReload reads the configuration again and answers when it is in force, or refused.
func (s *Server) serveReload(w http.ResponseWriter, r *http.Request) {
	result, err := s.deps.Reload(r.Context())
	var refusal *Refusal
	switch {
	case err == nil:
		for _, list := range []*[]string{&result.Changes, &result.NeedsRestart, &result.Warnings} {
			if *list == nil {
				*list = []string{}
			}
		}
		reply(w, http.StatusOK, result)
	case errors.As(err, &refusal):
		replyFaults(w, http.StatusUnprocessableEntity, refusal.Code, refusal.Message, refusal.Faults)
	default:
		replyError(w, http.StatusInternalServerError, "internal", err.Error())
	}
}

// noReload is Deps.Reload where there is nothing to read again.
func noReload(context.Context) (Reloaded, error) {
	return Reloaded{}, &Refusal{Code: "no_file", Message: "this weir runs without a configuration file: there is nothing to reload"}
}
