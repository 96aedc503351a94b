package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"github.com/ikada-io/ikada/config"
)

// authorize lets only callers through that bear one of the tokens. Digests are
// compared, and all of them, so the time tells nothing of a token.
func authorize(tokens []config.Secret, next http.Handler) http.Handler {
	if len(tokens) == 0 {
		return next
	}
	digests := make([][sha256.Size]byte, len(tokens))
	for i, t := range tokens {
		digests[i] = sha256.Sum256([]byte(t.Reveal()))
	}
	refuse := &server{}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given := sha256.Sum256([]byte(bearer(r)))
		known := 0
		for i := range digests {
			known |= subtle.ConstantTimeCompare(given[:], digests[i][:])
		}
		if known == 0 {
			w.Header().Set("WWW-Authenticate", `Bearer realm="ikada"`)
			refuse.fail(w, http.StatusUnauthorized, "token is missing or unknown: send the header 'Authorization: Bearer TOKEN' with one of http.tokens")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// bearer returns the request's token, or nothing.
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
