package dockertest

import "net/http"

// Request is a kind of request that can be answered otherwise than by the truth.
type Request string

// The kinds of request. See InspectOf for one container's.
const (
	Ping    Request = "ping"
	List    Request = "list"
	Inspect Request = "inspect"
	Events  Request = "events"
)

// InspectOf is an inspection of one container. What is set for it goes before
// what is set for Inspect.
func InspectOf(id string) Request { return Inspect + " " + Request(id) }

// Answer is how requests of a kind are answered. The zero value is the truth.
type Answer struct {
	// Hang answers nothing until something else is set.
	Hang bool
	// Status is the status code; 0 = 200.
	Status int
	// Body is what is answered; empty = the truth, or with a Status what engines say of a failure.
	Body string
}

// Fail answers as an engine that has a fault.
func Fail() Answer { return Answer{Status: http.StatusInternalServerError} }

// Hang answers nothing until something else is set.
func Hang() Answer { return Answer{Hang: true} }

// Body answers with any text.
func Body(text string) Answer { return Answer{Body: text} }

func (a Answer) truth() bool { return a == Answer{} }

func (a Answer) write(w http.ResponseWriter) {
	if a.Status != 0 {
		w.WriteHeader(a.Status)
		if a.Body == "" {
			a.Body = `{"message":"a fault that the test wants"}`
		}
	}
	_, _ = w.Write([]byte(a.Body)) // a client that is gone does not hear it, and that is its right
}
