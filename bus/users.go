package bus

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"

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

// The accounts of the embedded server. Nothing passes from one to another but
// by the exports and imports of accountsText.
const (
	// accountMembers is where weir works: events, requests, streams.
	accountMembers = "MEMBERS"
	// accountReaders is where who only reads is.
	accountReaders = "READERS"
	// accountOperators is where operators are: what readers may, and all requests.
	accountOperators = "OPERATORS"
)

// access is who may do what.
type access struct {
	accounts   string // in the language of the server's configuration
	cfg        Config
	loopback   bool
	noAuthUser string // empty: clients without credentials are refused
	internal   string // the password of userInternal
}

// newAccess makes the rights for cfg. loopback tells whether only this machine
// can reach the listener.
func newAccess(cfg Config, loopback bool) access {
	a := access{accounts: accountsText(cfg.Prefix), cfg: cfg, loopback: loopback, internal: rand.Text()}
	if loopback {
		a.noAuthUser = userAnonymous
	}
	return a
}

// users makes the users, in the accounts that the server read.
func (a access) users(accounts []*server.Account) []*server.User {
	in := map[string]*server.Account{}
	for _, account := range accounts {
		in[account.Name] = account
	}
	all := []*server.User{{Username: userInternal, Password: a.internal, Account: in[accountMembers],
		AllowedConnectionTypes: map[string]struct{}{"IN_PROCESS": {}}}}
	if a.cfg.OperatorToken != "" {
		all = append(all, &server.User{Username: userOperator, Password: a.cfg.OperatorToken, Account: in[accountOperators],
			Permissions: may(a.cfg.Prefix, operatorRequests(a.cfg.Prefix))})
	}
	if !a.loopback {
		return all
	}
	anonymous := &server.User{Username: userAnonymous, Account: in[accountReaders], Permissions: may(a.cfg.Prefix, readerRequests(a.cfg.Prefix))}
	if a.cfg.Open {
		anonymous.Account, anonymous.Permissions = in[accountMembers], nil // everything
	}
	return append(all, anonymous)
}

// readerRequests are the requests that change nothing.
func readerRequests(prefix string) []string {
	svc := prefix + ".svc."
	return []string{svc + "state.>", svc + "config.get.>", svc + "config.list", svc + "config.validate.>", svc + "config.history.>"}
}

// operatorRequests are all requests. Not even an operator may publish events,
// what members tell each other, or keys of the bucket.
func operatorRequests(prefix string) []string { return []string{prefix + ".svc.>"} }

// replayRequests are what it takes to read the stream with any client, by
// consumers that are pulled from. What creates a consumer goes through the gate.
func replayRequests(prefix string) []string {
	stream := StreamName(prefix)
	var all []string
	for _, subject := range []string{
		"INFO", "STREAM.NAMES", "STREAM.LIST", "STREAM.INFO.%s", "STREAM.MSG.GET.%s", "DIRECT.GET.%s", "DIRECT.GET.%s.>",
		"CONSUMER.NAMES.%s", "CONSUMER.LIST.%s", "CONSUMER.INFO.%s.*", "CONSUMER.DELETE.%s.*", "CONSUMER.MSG.NEXT.%s.*",
	} {
		all = append(all, "$JS.API."+strings.ReplaceAll(subject, "%s", stream))
	}
	return all
}

// createRequest is what clients ask to get a consumer, and gateSubject where
// that arrives.
func createRequest(prefix string) string {
	return "$JS.API.CONSUMER.CREATE." + StreamName(prefix) + ".>"
}
func gateSubject(prefix string) string { return prefix + ".int.consumer.create.>" }

// discovery is how micro services are found.
const discovery = "$SRV.>"

// may is what a user may do within its account. The account bounds it again.
//
// The inboxes are not secret among clients: each may subscribe to all of them,
// because clients choose their names. So answers must not hold secrets.
func may(prefix string, requests []string) *server.Permissions {
	return &server.Permissions{
		Subscribe: &server.SubjectPermission{Allow: []string{prefix + ".evt.>", "_INBOX.>"}},
		Publish:   &server.SubjectPermission{Allow: slices.Concat(requests, replayRequests(prefix), []string{createRequest(prefix), discovery})},
	}
}

// accountsText is the accounts with what passes between them.
//
// Why accounts, when permissions could forbid the same subjects: NATS checks
// the subject of a request but not the reply subject in it, and whoever answers
// does so with rights of its own. In one account, a reader could have an answer
// of JetStream, or an old event, put on evt, where it looks like an event, or
// on svc, where it acts as a request. Between accounts the reply subject means
// something in the account of the one who asked, and nothing in ours. There the
// mapping turns aside what would arrive on evt and is no event: events come by
// an import, to which mappings do not apply.
func accountsText(prefix string) string {
	var exports strings.Builder
	fmt.Fprintf(&exports, "{stream: %q}\n", prefix+".evt.>")
	for _, subject := range append(replayRequests(prefix), gateSubject(prefix)) {
		fmt.Fprintf(&exports, "{service: %q%s}\n", subject, manyAnswers(subject))
	}
	for _, subject := range []string{prefix + ".svc.>", discovery} {
		// Several members may answer. Who waits longer for the next hears nothing more.
		fmt.Fprintf(&exports, "{service: %q, response_type: stream, response_threshold: \"1m\"}\n", subject)
	}
	return fmt.Sprintf("accounts {\n%s: {jetstream: enabled, exports: [\n%s]}\n%s\n%s\n}\n", accountMembers, exports.String(),
		guests(accountReaders, prefix, readerRequests(prefix)), guests(accountOperators, prefix, operatorRequests(prefix)))
}

// manyAnswers is for requests that JetStream answers with more than one message.
func manyAnswers(subject string) string {
	if strings.Contains(subject, ".DIRECT.GET.") || strings.Contains(subject, ".MSG.NEXT.") {
		return ", response_type: stream"
	}
	return ""
}

// guests is an account for those who are not members.
func guests(name, prefix string, requests []string) string {
	var imports strings.Builder
	fmt.Fprintf(&imports, "{stream: {account: %s, subject: %q}}\n", accountMembers, prefix+".evt.>")
	for _, subject := range slices.Concat(requests, replayRequests(prefix), []string{discovery}) {
		fmt.Fprintf(&imports, "{service: {account: %s, subject: %q}}\n", accountMembers, subject)
	}
	fmt.Fprintf(&imports, "{service: {account: %s, subject: %q}, to: %q}\n", accountMembers, gateSubject(prefix), createRequest(prefix))
	return fmt.Sprintf("%s: {imports: [\n%s]\nmappings: {%q: %q}}", name, imports.String(), prefix+".evt.>", refusedPrefix+prefix+".evt.>")
}

// refusedPrefix begins what a guest publishes on evt, before it is refused.
const refusedPrefix = "not_allowed."
