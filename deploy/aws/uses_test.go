package aws

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// use is a call of a bucket's method in the code of a stage, and where it leads
// on AWS.
type use struct {
	pkg, call string   // as bucketCalls tells it
	by        []string // functions
	where     []string // BUCKET/KEYS: the logical id without "Bucket", and a pattern
}

var (
	inBuffer = []string{"buffer"}
	inRoute  = []string{"route"}
	inLoad   = []string{"load"}
	lanes    = []string{"Buffer/lanes/*"}
	failed   = []string{"Failed/aws/lambda/*"}
	plans    = []string{"Buffer/plans/*"}
)

// configObject is the configuration, which is no bucket's of the template.
const configObject = "Config"

// uses has every call. A stage that makes another breaks the test until it has
// a line here and, if need be, a permission in the template.
var uses = []use{
	{"lambdas", "from.Get", []string{"buffer", "route", "load"}, []string{configObject}},

	{"buffer", "b.bucket.Folders", inBuffer, lanes},
	{"buffer", "b.bucket.List", inBuffer, lanes},
	{"buffer", "l.bucket.Create", inBuffer, lanes},
	{"buffer", "b.buffer.bucket.List", inBuffer, lanes},
	{"buffer", "b.buffer.bucket.Get", inBuffer, lanes},
	{"buffer", "o.From.List", inBuffer, failed},
	{"buffer", "o.From.Get", inBuffer, failed},
	{"buffer", "o.From.Delete", inBuffer, failed},
	{"bundle", "b.Get", inBuffer, lanes},

	{"route", "b.from.Get", inRoute, lanes},
	{"route", "r.buffer.List", inRoute, lanes},
	{"route", "r.buffer.Stat", inRoute, lanes},
	{"route", "r.buffer.Folders", inRoute, lanes},
	{"route", "r.buffer.Delete", inRoute, lanes},
	{"route", "r.buffer.Create", inRoute, plans},
	{"route", "r.buffer.Put", inRoute, []string{"Buffer/damaged/*"}},
	{"route", "r.archive.Stat", inRoute, []string{"Archive/*"}},
	{"route", "r.manifests.Get", inRoute, []string{"Manifests/*"}},
	{"route", "b.Create", inRoute, []string{"Buffer/plans/*", "Archive/*", "Manifests/*"}},

	{"plan", "b.Get", []string{"buffer", "route"}, plans}, // buffer: for a damaged bundle
	{"plan", "b.List", []string{"buffer", "route", "load"}, plans},
	{"plan", "b.Stat", []string{"route", "load"}, plans},

	{"manifest", "b.Folders", []string{"route", "load"}, []string{"Manifests/*"}},
	{"manifest", "b.List", []string{"route", "load"}, []string{"Manifests/*"}},

	{"archive", "m.bucket.List", inLoad, []string{"Archive/*"}},
	{"archive", "m.bucket.Get", inLoad, []string{"Archive/*"}},
	{"archive", "v.Bucket.Get", inLoad, []string{"Archive/*"}},
	{"archive", "v.Bucket.Stat", inLoad, []string{"Archive/*"}},
	{"archive", "m.bucket.Create", nil, nil}, // by a compaction, which is no function

	{"load", "l.manifests.Folders", inLoad, []string{"Manifests/*"}},
	{"load", "l.manifests.List", inLoad, []string{"Manifests/*"}},
	{"load", "l.manifests.Get", inLoad, []string{"Manifests/*"}},

	{"warehouse/redshift", "r.from.Get", inLoad, []string{"Archive/*"}},
	{"warehouse/redshift", "w.scratch.Create", inLoad, []string{"Buffer/redshift/*"}},
	{"warehouse/redshift", "s.w.scratch.Create", inLoad, []string{"Buffer/redshift/*"}},
	{"warehouse/redshift", "s.w.scratch.Delete", inLoad, []string{"Buffer/redshift/*"}},
}

// packages are those that the functions are made of, as far as they touch
// buckets or AWS.
var packages = []string{"lambdas", "buffer", "bundle", "route", "plan", "manifest", "archive", "load", "warehouse/redshift", "warehouse/redshift/awslogin"}

func TestEveryCallOfABucketIsKnown(t *testing.T) {
	for _, pkg := range packages {
		var known []string
		for _, u := range uses {
			if u.pkg == pkg {
				known = append(known, u.call)
			}
		}
		calls := bucketCalls(t, pkg)
		for _, call := range calls {
			if !slices.Contains(known, call) {
				t.Errorf("%s calls %s: say in uses where that leads on AWS, and which function does it", pkg, call)
			}
		}
		for _, call := range known {
			if !slices.Contains(calls, call) && sources(t, pkg) != nil && len(sources(t, pkg)) > 0 {
				t.Errorf("%s does not call %s any more: its permission may be too much", pkg, call)
			}
		}
	}
}

// action is what IAM calls a request to S3.
var action = map[string]string{
	"GetObject": "s3:GetObject", "HeadObject": "s3:GetObject", "PutObject": "s3:PutObject",
	"DeleteObject": "s3:DeleteObject", "ListObjectsV2": "s3:ListBucket",
}

// needed returns the permissions that a function's code needs in S3, as
// "ACTION ARN".
func needed(t *testing.T, s *stack, fn string) (permissions []string) {
	t.Helper()
	asks := requests(t)
	for _, u := range uses {
		if !slices.Contains(u.by, fn) {
			continue
		}
		for _, request := range asks[u.call[strings.LastIndex(u.call, ".")+1:]] {
			act := action[request]
			if act == "" {
				t.Fatalf("bucket/s3 makes the request %s: say in action which permission it needs", request)
			}
			for _, w := range u.where {
				if w == configObject {
					// Without ListBucket a missing object reads as a forbidden one, which stops the function as well.
					if act == "s3:GetObject" && s.condition("HasConfig") {
						permissions = append(permissions, act+" "+s.sub("arn:aws:s3:::${ConfigBucket}/${ConfigKey}"))
					}
					continue
				}
				bucket, keys, _ := strings.Cut(w, "/")
				resource := fmt.Sprint(s.attribute(bucket + "Bucket.Arn"))
				if act != "s3:ListBucket" {
					resource += "/" + keys
				}
				permissions = append(permissions, act+" "+resource)
			}
		}
	}
	slices.Sort(permissions)
	return slices.Compact(permissions)
}
