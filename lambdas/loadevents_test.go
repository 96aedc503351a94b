package lambdas

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/internal/awstest"
)

// routed makes some rows of three types that wait to be loaded, and returns the
// load function.
func (c *cloud) routed(t *testing.T, first, last int) *awstest.Lambda {
	t.Helper()
	if _, err := awstest.NewLambda(t, awstest.Build(t, "./cmd/ikada-lambda-buffer"), c.env...).Invoke(t.Context(), records(0, first, last)); err != nil {
		t.Fatal(err)
	}
	if _, err := awstest.NewLambda(t, awstest.Build(t, "./cmd/ikada-lambda-route"), c.env...).Invoke(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	return awstest.NewLambda(t, awstest.Build(t, "./cmd/ikada-lambda-load"), c.byDataAPI...)
}

// told is the event of S3 for keys of the manifest bucket, encoded as S3 does.
func (c *cloud) told(keys ...string) (e events.S3Event) {
	name, prefix, _ := strings.Cut(strings.TrimPrefix(c.manifest.URL(""), "s3://"), "/")
	for _, key := range keys {
		e.Records = append(e.Records, events.S3EventRecord{EventSource: "aws:s3", S3: events.S3Entity{
			Bucket: events.S3Bucket{Name: name}, Object: events.S3Object{Key: strings.ReplaceAll(url.QueryEscape(prefix+key), "%2F", "/")},
		}})
	}
	return e
}

func (c *cloud) wantLoaded(t *testing.T, n int) {
	t.Helper()
	wantSeqs(t, "tables", c.loaded(t)[0], n)
}

// An event that names objects which are gone, or are no manifests, or have
// strange keys, loads what it names besides and fails nothing.
func TestEventsOfStrangeObjects(t *testing.T) {
	c := newCloud(t)
	load := c.routed(t, 0, 29)
	strange := []string{
		"type.0/000000000/000000000999.manifest", // gone, of a type that waits
		"type.9/000000000/000000000001.manifest", // gone, of a type there is not
		"type.1/notes of 100 % + more.txt", "type.1/a b%20c/000000000001.manifest", "日本/000000000/000000000001.manifest", "%",
	}
	if _, err := load.Invoke(t.Context(), c.told(strange...)); err != nil {
		t.Fatal(err)
	}
	if got := c.loaded(t)[0]; len(got) != 10 { // type.0, which was named
		t.Errorf("%d rows are loaded", len(got))
	}
	keys := slices.Concat(strange, []string{"type.1/000000000/000000000001.manifest", "type.2/000000000/000000000001.manifest"})
	if _, err := load.Invoke(t.Context(), c.told(keys...)); err != nil {
		t.Fatal(err)
	}
	c.wantLoaded(t, 30)
	// A key that S3 would not write so is told, and not guessed at.
	broken := c.told("x")
	broken.Records[0].S3.Object.Key = "a%zz"
	if _, err := load.Invoke(t.Context(), broken); err == nil || !strings.Contains(err.Error(), `invalid URL escape "%zz"`) {
		t.Errorf("error %v", err)
	}
}

// A manifest names a file that is not there: its type waits and says which, the
// others load; once the file is back, so does this one.
func TestManifestThatNamesAMissingFile(t *testing.T) {
	c := newCloud(t)
	load := c.routed(t, 0, 29)
	var key string
	for info, err := range c.archive.List(t.Context(), "type.1/", "") {
		if err != nil {
			t.Fatal(err)
		}
		key = info.Key
	}
	data, err := c.archive.Get(t.Context(), key, 0, -1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.archive.Delete(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	for _, f := range []*awstest.Lambda{load, awstest.NewLambda(t, load.Bootstrap, c.byWire...)} {
		_, err = f.Invoke(t.Context(), map[string]any{"source": "aws.scheduler"})
		if failed := (*awstest.FunctionError)(nil); !errors.As(err, &failed) || !strings.Contains(failed.Message, key) || !strings.Contains(failed.Message, ikada.ErrNotFound.Error()) {
			t.Errorf("error %v", err)
		}
		if got := c.loaded(t)[0]; len(got) != 20 {
			t.Errorf("%d rows are loaded", len(got))
		}
	}
	if err := c.archive.Create(t.Context(), key, data); err != nil {
		t.Fatal(err)
	}
	if _, err := load.Invoke(t.Context(), map[string]any{"source": "aws.scheduler"}); err != nil {
		t.Fatal(err)
	}
	c.wantLoaded(t, 30)
}
