package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
)

// operatorUser is the user name of HTTP Basic; the token is the password.
const operatorUser = "operator"

// deniedCounts counts requests that the guard turned away.
type deniedCounts struct{ host, auth atomic.Uint64 }

// guard lets through what may pass to next, and puts the headers on every answer
// that keep browsers from doing anything else with it than showing it.
//
//   - Host: a page of a foreign site can make a browser ask us under a name that
//     the site has pointed at us (DNS rebinding), so only names that are ours
//     pass; who knows the token is no such page.
//   - Token: see needsToken. A wrong token is as good as none.
//   - Changes: only with POST, and only with the operator token, on loopback too;
//     as a bearer token, because a browser sends a remembered password along with
//     what a foreign page makes it send. For the same reason a request that says
//     it comes from a page (Origin) changes nothing, also in an open server.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		operator := s.isOperator(r)
		switch {
		case !operator && !s.place.knows(r):
			s.denied.host.Add(1)
			replyError(w, http.StatusForbidden, "bad_host",
				"this server does not go by the name "+quote(r.Host)+"; ask it by the address in admin.addr, or with the operator token")
		case !operator && s.needsToken(r.URL.Path):
			s.denied.auth.Add(1)
			h.Add("WWW-Authenticate", `Basic realm="weir", charset="UTF-8"`)
			h.Add("WWW-Authenticate", `Bearer realm="weir"`)
			replyError(w, http.StatusUnauthorized, "unauthorized",
				"needs the operator token: as \"Authorization: Bearer TOKEN\", or in a browser as the password of user "+operatorUser)
		case changes(r.URL.Path):
			s.guardChange(w, r, next)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			h.Set("Allow", "GET, HEAD")
			replyError(w, http.StatusMethodNotAllowed, "method_not_allowed", "only GET and HEAD are answered here")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// changes tells whether a path changes something.
func changes(path string) bool { return path == reloadPath }

// guardChange lets a request through that may change something.
func (s *Server) guardChange(w http.ResponseWriter, r *http.Request, next http.Handler) {
	_, asBearer := bearer(r.Header.Get("Authorization"))
	switch {
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", "POST")
		replyError(w, http.StatusMethodNotAllowed, "method_not_allowed", "only POST is answered here")
	case r.Header.Get("Origin") != "":
		s.denied.auth.Add(1)
		replyError(w, http.StatusForbidden, "from_a_page", "pages in a browser may not change anything")
	case !s.cfg.Open && !(asBearer && s.isOperator(r)):
		s.denied.auth.Add(1)
		w.Header().Add("WWW-Authenticate", `Bearer realm="weir"`)
		replyError(w, http.StatusUnauthorized, "unauthorized", "not allowed, needs operator: send \"Authorization: Bearer TOKEN\" with the operator token")
	default:
		next.ServeHTTP(w, r)
	}
}

// public tells whether a path answers everybody: load balancers and
// orchestrators ask it, under whatever name they know us by.
func public(path string) bool { return path == "/healthz" || path == "/readyz" }

// needsToken tells whether a path answers the operator alone.
func (s *Server) needsToken(path string) bool {
	return !s.place.trusted() && !s.cfg.Open && !public(path)
}

// isOperator tells whether the request carries the operator token.
func (s *Server) isOperator(r *http.Request) bool {
	if s.cfg.OperatorToken == "" {
		return false
	}
	token, ok := bearer(r.Header.Get("Authorization"))
	if !ok {
		var user string
		if user, token, ok = r.BasicAuth(); user != operatorUser {
			ok = false
		}
	}
	// Of sums, so that the comparison does not tell the length either.
	got, want := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(s.cfg.OperatorToken))
	return ok && subtle.ConstantTimeCompare(got[:], want[:]) == 1
}

func bearer(header string) (token string, ok bool) {
	scheme, token, _ := strings.Cut(header, " ")
	return strings.TrimSpace(token), strings.EqualFold(scheme, "bearer")
}

// knows tells whether the request asks for us by a name that is ours. The port
// does not matter: it may be forwarded.
func (p place) knows(r *http.Request) bool {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
	if p.unix || loopbackHost(host) || host != "" && host == p.host {
		return true
	}
	if p.loopback {
		return false
	}
	// Off loopback the machine has more addresses than the one configured. A
	// literal is never rebound, and what is public anyway need not be kept.
	_, err := netip.ParseAddr(host)
	return err == nil || public(r.URL.Path)
}
