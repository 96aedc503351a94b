package awstest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Logins is a server of the requests that give a login to Redshift:
// GetClusterCredentials and GetClusterCredentialsWithIAM of Redshift,
// GetCredentials of Redshift Serverless, and GetSecretValue of Secrets Manager,
// each by its own protocol.
type Logins struct {
	Endpoint string

	mu             sync.Mutex // guards what follows
	user, password string
	code           string // the error that everything is answered with
	calls          []string
}

// StartLogins starts a server that gives one user and password and ends with
// the test.
func StartLogins(t testing.TB, user, password string) *Logins {
	t.Helper()
	l := &Logins{user: user, password: password}
	s := httptest.NewServer(l)
	t.Cleanup(s.Close)
	l.Endpoint = s.URL
	return l
}

// Env is what makes the AWS SDK ask this server.
func (l *Logins) Env() []string {
	return []string{
		"AWS_ENDPOINT_URL_REDSHIFT=" + l.Endpoint, "AWS_ENDPOINT_URL_REDSHIFT_SERVERLESS=" + l.Endpoint,
		"AWS_ENDPOINT_URL_SECRETS_MANAGER=" + l.Endpoint, "AWS_MAX_ATTEMPTS=1",
	}
}

// SetPassword changes the password that is given.
func (l *Logins) SetPassword(password string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.password = password
}

// Fail answers everything with an error; "" ends that.
func (l *Logins) Fail(code string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.code = code
}

// Calls returns what was asked for, as "GetSecretValue arn:…".
func (l *Logins) Calls() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.calls)
}

// ServeHTTP implements http.Handler.
func (l *Logins) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if _, request, ok := strings.Cut(r.Header.Get(kinesisTarget), "."); ok {
		l.asJSON(w, r, request)
		return
	}
	l.asQuery(w, r)
}

// note remembers a call, and returns what to answer with.
func (l *Logins) note(request string, of ...string) (user, password, code string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls = append(l.calls, strings.TrimSpace(request+" "+strings.Join(of, " ")))
	return l.user, l.password, l.code
}

// asJSON answers Redshift Serverless and Secrets Manager.
func (l *Logins) asJSON(w http.ResponseWriter, r *http.Request, request string) {
	var in struct{ SecretID, WorkgroupName, DBName string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	user, password, code := l.note(request, strings.TrimSpace(in.SecretID+in.WorkgroupName+" "+in.DBName))
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	answer := map[string]any{}
	switch {
	case code != "":
		w.WriteHeader(http.StatusBadRequest)
		answer["__type"], answer["message"] = code, "on purpose"
	case request == "GetSecretValue":
		secret, _ := json.Marshal(map[string]string{"username": user, "password": password}) // of texts, it cannot fail
		answer["SecretString"] = string(secret)
	case request == "GetCredentials":
		answer["dbUser"], answer["dbPassword"], answer["expiration"] = user, password, time.Now().Add(time.Hour).Unix()
	default:
		w.WriteHeader(http.StatusBadRequest)
		answer["__type"] = "UnknownOperationException"
	}
	_ = json.NewEncoder(w).Encode(answer) // a caller that went away is told nothing
}

// asQuery answers Redshift, which speaks in forms and XML.
func (l *Logins) asQuery(w http.ResponseWriter, r *http.Request) {
	request := r.FormValue("Action")
	user, password, code := l.note(request, strings.TrimSpace(r.FormValue("ClusterIdentifier")+" "+r.FormValue("DbUser")+" "+r.FormValue("DbName")))
	w.Header().Set("Content-Type", "text/xml")
	if code != "" || !strings.HasPrefix(request, "GetClusterCredentials") {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprintf(w, `<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>on purpose</Message></Error></ErrorResponse>`, code)
		return
	}
	_, _ = fmt.Fprintf(w, `<%[1]sResponse xmlns="http://redshift.amazonaws.com/doc/2012-12-01/"><%[1]sResult><DbUser>%[2]s</DbUser><DbPassword>%[3]s</DbPassword><Expiration>%[4]s</Expiration></%[1]sResult></%[1]sResponse>`,
		request, user, password, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
}
