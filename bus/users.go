package bus

import (
	"crypto/rand"

	"github.com/nats-io/nats-server/v2/server"
)

// The users of the embedded server.
const (
	// userInternal is weir itself. It exists on in-process connections alone.
	userInternal = "weir"
	// userOperator may ask for changes; its password is the operator token.
	userOperator = "operator"
	// userAnonymous is who gives no credentials, on loopback.
	userAnonymous = "anonymous"
)

// access is who may do what.
type access struct {
	users      []*server.User
	noAuthUser string // empty: clients without credentials are refused
	internal   string // the password of userInternal
}

// newAccess makes the users for cfg. loopback tells whether only this machine
// can reach the listener.
func newAccess(cfg Config, loopback bool) access {
	a := access{internal: rand.Text()}
	a.users = []*server.User{{Username: userInternal, Password: a.internal,
		AllowedConnectionTypes: map[string]struct{}{"IN_PROCESS": {}}}}
	if cfg.OperatorToken != "" {
		a.users = append(a.users, &server.User{Username: userOperator, Password: cfg.OperatorToken, Permissions: operatorMay(cfg.Prefix)})
	}
	if !loopback {
		return a
	}
	anonymous := &server.User{Username: userAnonymous, Permissions: readerMay(cfg.Prefix)}
	if cfg.Open {
		anonymous.Permissions = nil // everything
	}
	a.users, a.noAuthUser = append(a.users, anonymous), userAnonymous
	return a
}

// readerMay is what may be done without changing anything: subscribe to events,
// ask for state and configuration.
//
// It grants nothing of $JS.API, although some of it only reads. NATS checks the
// subject of a request but not the reply subject in it, and answers there with
// its own rights: whoever may ask JetStream anything may have the answer put on
// evt, where it looks like an event, or on svc, where it would act as a request.
// What is wanted of it has to come through an account of its own. For the same
// reason, whoever serves requests on svc must refuse those whose reply subject
// does not begin with _INBOX: its answers go out with weir's own rights.
//
// The inboxes are not secret among clients: each may subscribe to all of them,
// because clients choose their names. So answers must not hold secrets.
func readerMay(prefix string) *server.Permissions {
	svc := prefix + ".svc."
	return &server.Permissions{
		Subscribe: &server.SubjectPermission{Allow: []string{prefix + ".evt.>", "_INBOX.>"}},
		Publish: &server.SubjectPermission{Allow: []string{
			svc + "state.>", svc + "config.get.>", svc + "config.list", svc + "config.validate.>", svc + "config.history.>", "$SRV.>",
		}},
	}
}

// operatorMay is what a reader may, and all requests. Not even an operator may
// publish events, what members tell each other, or keys of the bucket.
func operatorMay(prefix string) *server.Permissions {
	may := readerMay(prefix)
	may.Publish.Allow = append(may.Publish.Allow, prefix+".svc.>")
	return may
}
