package aws

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// statement is one of a policy.
type statement struct {
	owner              string // the resource that has the policy
	effect             string
	actions, resources []string
	condition          any
}

// statements returns all policies' statements, and those of one owner if it is given.
func (s *stack) statements(owner string) (all []statement) {
	for id := range s.Resources {
		if owner != "" && id != owner {
			continue
		}
		p := s.properties(id)
		documents := []any{at(p, "PolicyDocument")}
		if list, ok := at(p, "Policies").([]any); ok {
			for _, policy := range list {
				documents = append(documents, at(policy, "PolicyDocument"))
			}
		}
		for _, d := range documents {
			list, _ := at(d, "Statement").([]any)
			for _, st := range list {
				all = append(all, statement{
					id, fmt.Sprint(at(st, "Effect")), texts(at(st, "Action")), texts(at(st, "Resource")), at(st, "Condition"),
				})
			}
		}
	}
	return all
}

// allowed returns what a role may do, as "ACTION ARN".
func (s *stack) allowed(role string) (permissions []string) {
	for _, st := range s.statements(role) {
		for _, a := range st.actions {
			for _, r := range st.resources {
				permissions = append(permissions, a+" "+r)
			}
		}
	}
	slices.Sort(permissions)
	return permissions
}

// byLambda is what Lambda does in a function's name.
func byLambda(fn string) []string {
	title := strings.ToUpper(fn[:1]) + fn[1:]
	all := []string{"logs:CreateLogStream <" + title + "Log.Arn>", "logs:PutLogEvents <" + title + "Log.Arn>"}
	all = append(all, "sqs:SendMessage <Failures.Arn>") // it is called asynchronously, and its failures are kept
	if fn != "buffer" {
		return all
	}
	for _, a := range []string{"GetRecords", "GetShardIterator", "DescribeStream", "DescribeStreamSummary", "ListShards", "SubscribeToShard"} {
		all = append(all, "kinesis:"+a+" <Stream.Arn>")
	}
	failed := "arn:aws:s3:::ikada-failed-123456789012-eu-west-1"
	return append(all, "s3:PutObject "+failed+"/*", "s3:ListBucket "+failed)
}

// dataAPI is what load may ask Redshift's Data API.
var dataAPI = []string{"ExecuteStatement", "BatchExecuteStatement", "DescribeStatement", "GetStatementResult", "CancelStatement"}

// byRedshift is what load needs of Redshift, by scenario.
func byRedshift(s *stack) (all []string) {
	const redshift, account = "arn:aws:redshift:eu-west-1:123456789012:", "arn:aws:redshift-serverless:eu-west-1:123456789012:"
	target := account + "workgroup/0a-1b"
	if s.condition("IsCluster") {
		target = redshift + "cluster:cl"
	}
	for i, a := range dataAPI {
		resource := target
		if i >= 2 {
			resource = "*"
		}
		all = append(all, "redshift-data:"+a+" "+resource)
	}
	switch {
	case s.values["SecretArn"] != "":
		return append(all, "secretsmanager:GetSecretValue "+secret)
	case s.condition("IsCluster"):
		return append(all, "redshift:GetClusterCredentials "+redshift+"dbuser:cl/loader", "redshift:GetClusterCredentials "+redshift+"dbname:cl/dev")
	}
	return append(all, "redshift-serverless:GetCredentials "+target)
}

func TestFunctionsMayDoWhatTheirCodeDoesAndNoMore(t *testing.T) {
	stacks(t, func(t *testing.T, s *stack) {
		for fn, role := range map[string]string{"buffer": "BufferRole", "route": "RouteRole", "load": "LoadRole"} {
			code := needed(t, s, fn)
			want := slices.Concat(code, byLambda(fn))
			if fn == "load" {
				want = append(want, byRedshift(s)...)
			}
			if s.condition("HasKey") {
				want = append(want, "kms:Decrypt "+kmsKey, "kms:GenerateDataKey "+kmsKey)
			}
			have := s.allowed(role)
			for _, w := range want {
				if !slices.ContainsFunc(have, func(h string) bool { return covers(h, w) }) {
					t.Errorf("%s needs %s", fn, w)
				}
			}
			for _, h := range have {
				if !slices.Contains(want, h) {
					t.Errorf("%s may %s, and has no use for it", fn, h)
				}
			}
		}
	})
}

// covers tells if one permission includes another.
func covers(have, want string) bool {
	folder, all := strings.CutSuffix(have, "*")
	return have == want || all && !strings.HasSuffix(folder, " ") && strings.HasPrefix(want, folder)
}

// asked is what the functions may ask of AWS beside S3. By byRedshift they may
// do each where it is of use; but for the login WithIAM, which the function load
// never takes, since a cluster wants SecretArn or DbUser.
var asked = map[string][]string{
	"redshiftdata":       dataAPI,
	"redshift":           {"GetClusterCredentials", "GetClusterCredentialsWithIAM"},
	"redshiftserverless": {"GetCredentials"},
	"secretsmanager":     {"GetSecretValue"},
}

// What the functions ask of AWS beside S3 must be allowed too.
func TestEveryRequestToAWSIsKnown(t *testing.T) {
	for _, pkg := range packages {
		for _, call := range awsCalls(t, pkg) {
			service, request, _ := strings.Cut(call, ".")
			if !slices.Contains(asked[service], request) {
				t.Errorf("%s makes the request %s: allow it in the template and name it in this test", pkg, call)
			}
		}
	}
}

func TestNoPolicyAllowsMoreThanItMust(t *testing.T) {
	stacks(t, func(t *testing.T, s *stack) {
		for _, st := range s.statements("") {
			if st.effect != "Allow" {
				continue
			}
			for _, a := range st.actions {
				if strings.Contains(a, "*") {
					t.Errorf("%s allows %s", st.owner, a)
				}
			}
			if !slices.Contains(st.resources, "*") {
				continue
			}
			// A statement of the Data API has no ARN, but an owner.
			own := at(st.condition, "StringEquals", "redshift-data:statement-owner-iam-userid")
			for _, a := range st.actions {
				if !slices.Contains(dataAPI[2:], strings.TrimPrefix(a, "redshift-data:")) || own != "${aws:userid}" {
					t.Errorf("%s allows %s on everything", st.owner, a)
				}
			}
		}
		for _, typ := range []string{"AWS::IAM::Role", "AWS::IAM::ManagedPolicy"} {
			for _, id := range s.of(typ) {
				if at(s.Resources[id], "Properties", "ManagedPolicyArns") != nil {
					t.Errorf("%s takes a policy of AWS, which allows more than it must", id)
				}
			}
		}
	})
}
