package pipeline

import (
	"os"
	"strings"
	"testing"
	"time"
)

// What the documentation asks of the quarantine has an answer before there is
// a row, and while none has been refused by a load.
func TestTheQuarantineAnswersFromTheStart(t *testing.T) {
	doc, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, statement, found := strings.Cut(string(doc), "ikada query \"")
	statement, _, _ = strings.Cut(statement, "\"\n")
	if !found || !strings.Contains(statement, "from _quarantine where file is not null") {
		t.Fatalf("the statement of the documentation is %q", statement)
	}
	statement = "SELECT count(*) FROM (" + strings.ReplaceAll(statement, `\"`, `"`) + ")"
	p, _, end := runFor(t, 10*time.Second)
	waitRows(t, p, statement, 0)
	post(t, p, "app.access", `{broken`)
	waitRows(t, p, "SELECT count(*) FROM _quarantine WHERE file IS NULL", 1)
	waitRows(t, p, statement, 0)
	end()
}
