package e2e

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/buffer"
	"github.com/ikada-io/ikada/internal/awstest"
	"github.com/ikada-io/ikada/redshiftstandin"
	"github.com/ikada-io/ikada/warehouse/redshift"
)

// Two routers and two loaders, each a process that is killed at random, bring
// what comes meanwhile into the tables, every row once.
func TestWorkersThatAreKilledLoadEveryRowOnce(t *testing.T) {
	_, _, place := buckets(t)
	standin, err := redshiftstandin.Start(redshiftstandin.Options{Objects: objects{open(t, place, "")}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = standin.Close() })
	t.Setenv("IKADA_WAREHOUSE_KIND", "redshift")
	t.Setenv("IKADA_WAREHOUSE_URL", standin.URL())
	t.Setenv("IKADA_WAREHOUSE_IAM_ROLE", role)

	const types, lanes, batches, perBatch = 5, 2, 40, 60
	var feeding sync.WaitGroup
	for lane := range lanes {
		feeding.Go(func() {
			feed(t, buffer.NewBatches(open(t, place, "buffer"), buffer.Options{}), lane, types, batches, perBatch)
		})
	}
	fed := make(chan struct{})
	go func() { feeding.Wait(); close(fed) }()

	var workers []*server
	for _, command := range []string{"route", "route", "load", "load"} {
		s := prepare(t)
		s.command = command
		s.run()
		workers = append(workers, s)
	}
	kills := 0
	for going := true; going || kills < 6; {
		select {
		case <-fed:
			going = false
		case <-time.After(time.Duration(rand.IntN(500)) * time.Millisecond):
		}
		s := workers[rand.IntN(len(workers))]
		s.kill()
		s.run()
		kills++
	}
	for _, s := range workers {
		wantWorker(t, s)
		s.stop()
	}
	for _, command := range []string{"route", "load"} { // what the last ones left
		if out, err := exec.Command(ikadaBinary, command, "--once").CombinedOutput(); err != nil {
			t.Fatalf("%s --once: %v\n%s", command, err, out)
		}
	}
	t.Logf("%d kills", kills)

	w, err := redshift.Open(t.Context(), open(t, place, "archive"), open(t, place, "buffer"), redshift.Options{
		DSN: redshift.NewPassword(standin.URL()), IAMRole: role,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	const all = lanes * batches * perBatch
	for typ := range types {
		rows, err := w.Query(t.Context(), fmt.Sprintf("SELECT COUNT(*), COUNT(DISTINCT seq), SUM(seq) FROM type_%d", typ), 1)
		if err != nil {
			t.Fatal(err)
		}
		row, err := rows.Next()
		if err != nil {
			t.Fatal(err)
		}
		_ = rows.Close()
		sum := 0
		for seq := typ; seq < all; seq += types {
			sum += seq
		}
		if got, want := fmt.Sprintf("%v %v %v", row...), fmt.Sprintf("%d %d %d", all/types, all/types, sum); got != want {
			t.Errorf("type.%d: rows, different ones and their sum are %s, want %s", typ, got, want)
		}
	}
}

// feed makes bundles of a lane, as the Lambda function does.
func feed(t *testing.T, b *buffer.Batches, lane, types, batches, perBatch int) {
	name := ikada.Lane{Stream: "logs", Incarnation: "abcdefgh", Shard: lane}
	for i := range batches {
		var records []buffer.Record
		for k := range perBatch {
			seq := (lane*batches+i)*perBatch + k
			part := batch.Part{Tag: fmt.Sprint("type.", seq%types), Format: batch.JSON, Arrival: time.Now().UnixNano(), Payload: fmt.Appendf(nil, `{"seq":%d}`, seq)}
			records = append(records, buffer.Record{Position: ikada.Position(fmt.Sprintf("%020d", seq+1)), Parts: func() []batch.Part { return []batch.Part{part} }})
		}
		if err := b.Take(context.Background(), name, records); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Duration(rand.IntN(200)) * time.Millisecond)
	}
}

// wantWorker looks at a worker's pages.
func wantWorker(t *testing.T, s *server) {
	t.Helper()
	for path, want := range map[string]string{
		"/healthz": "ok", "/readyz": "ok", "/metrics": `stage="` + s.command + `"`, "/v1/status": `"name":"` + s.command + `"`,
	} {
		answer, err := http.Get("http://" + s.http + path)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if err != nil || answer.StatusCode != http.StatusOK || !strings.Contains(string(text), want) {
			t.Errorf("%s of %s: %s, %v, without %s:\n%.500s", path, s.command, answer.Status, err, want, text)
		}
	}
}

// A worker's login by a secret; the settings are shown, and hold no password.
func TestAWorkerLogsInByASecret(t *testing.T) {
	_, _, place := buckets(t)
	standin, err := redshiftstandin.Start(redshiftstandin.Options{Objects: objects{open(t, place, "")}, User: "loader", Password: "hush"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = standin.Close() })
	const arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:load"
	logins := awstest.StartLogins(t, "loader", "hush")
	for _, e := range append(logins.Env(), "AWS_REGION=eu-central-1", "IKADA_WAREHOUSE_KIND=redshift", "IKADA_WAREHOUSE_IAM_ROLE="+role,
		"IKADA_WAREHOUSE_URL="+strings.Replace(standin.URL(), "loader:hush@", "", 1), "IKADA_WAREHOUSE_AUTH=secret", "IKADA_WAREHOUSE_SECRET_ARN="+arn) {
		name, value, _ := strings.Cut(e, "=")
		t.Setenv(name, value)
	}
	run := func(args ...string) (string, error) {
		out, err := exec.Command(ikadaBinary, args...).CombinedOutput()
		return string(out), err
	}
	if out, err := run("load", "--once"); err != nil || !slices.Equal(logins.Calls(), []string{"GetSecretValue " + arn}) {
		t.Errorf("%v, asked for %q\n%s", err, logins.Calls(), out)
	}
	if out, err := run("check"); err != nil || !strings.Contains(out, arn) || strings.Contains(out, "hush") {
		t.Errorf("%v\n%s", err, out)
	}
	logins.SetPassword("hush, but wrong")
	if out, err := run("load", "--once", "--log-level", "debug"); err == nil || !strings.Contains(out, "password authentication failed") || strings.Contains(out, "hush") {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := run("load", "--once", "--warehouse-auth", "iam", "--warehouse-secret-arn", "", "--warehouse-workgroup", "logs", "--warehouse-url", "postgres://me@host/dev"); err == nil || !strings.Contains(out, "warehouse.url: it names a user") {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := run("load", "--once", "--warehouse-url", "postgres://me:hush@host/dev"); err == nil || !strings.Contains(out, "warehouse.url: with warehouse.auth secret: it holds a password") || strings.Contains(out, "hush") {
		t.Errorf("%v\n%s", err, out)
	}
}
