package aws

import (
	"os"
	"strings"
	"testing"
)

func TestTheDocumentNamesEveryParameterAndAlarm(t *testing.T) {
	text, err := os.ReadFile("../../docs/aws.md")
	if err != nil {
		t.Fatal(err)
	}
	doc := string(text)
	tp := read(t)
	for name := range tp.Parameters {
		if !strings.Contains(doc, "`"+name+"`") {
			t.Errorf("docs/aws.md says nothing of the parameter %s", name)
		}
	}
	for _, id := range tp.of("AWS::CloudWatch::Alarm") {
		named := strings.Contains(doc, id) || strings.HasSuffix(id, "Errors") && strings.Contains(doc, "*function*Errors")
		if !named {
			t.Errorf("docs/aws.md says nothing of the alarm %s", id)
		}
	}
}
