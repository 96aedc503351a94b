package aws

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// functions are the resources of the functions, by name.
var functions = map[string]string{"buffer": "BufferFunction", "route": "RouteFunction", "load": "LoadFunction"}

func TestFunctionsGetTheSettingsThatTheyRead(t *testing.T) {
	stacks(t, func(t *testing.T, s *stack) {
		for name, id := range functions {
			variables, _ := at(s.properties(id), "Environment", "Variables").(map[string]any)
			set := slices.Sorted(maps.Keys(variables))
			read := settings(t, name+".go")
			if !slices.Equal(set, read) {
				t.Errorf("%s reads %v, and the template sets %v", name, read, set)
			}
		}
	})
}

func TestFunctionsAreTheOnesThatMakeLambdaBuilds(t *testing.T) {
	s := newStack(t, read(t), scenarios["cluster, user"])
	if got := s.of("AWS::Lambda::Function"); !slices.Equal(got, slices.Sorted(maps.Values(functions))) {
		t.Errorf("the functions are %v", got)
	}
	for name, id := range functions {
		p := s.properties(id)
		zip, err := filepath.Abs(fmt.Sprint(at(p, "Code")))
		if err != nil {
			t.Fatal(err)
		}
		want, err := filepath.Abs("../../bin/lambda/ikada-lambda-" + name + "-arm64.zip")
		if err != nil {
			t.Fatal(err)
		}
		if zip != want || at(p, "Runtime") != "provided.al2023" || at(p, "Handler") != "bootstrap" || !slices.Equal(texts(at(p, "Architectures")), []string{"arm64"}) {
			t.Errorf("%s is not what make lambda builds: %v", id, p)
		}
	}
	commands, err := filepath.Glob("../../cmd/ikada-lambda-*")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range commands {
		if _, known := functions[strings.TrimPrefix(filepath.Base(c), "ikada-lambda-")]; !known {
			t.Errorf("%s is not in the template", c)
		}
	}
	if text, err := os.ReadFile("../../Makefile"); err != nil || !strings.Contains(string(text), "bin/lambda/$$name-$$arch") {
		t.Errorf("the Makefile builds the functions elsewhere: %v", err)
	}
}

// The pipeline's promises rest on these.
func TestWhatThePromisesRestOn(t *testing.T) {
	stacks(t, func(t *testing.T, s *stack) {
		for _, c := range []struct {
			id   string
			path []any
			want any
		}{
			{"BufferSource", []any{"ParallelizationFactor"}, 1},
			{"BufferSource", []any{"BisectBatchOnFunctionError"}, false},
			{"BufferSource", []any{"MaximumRetryAttempts"}, -1},
			{"BufferSource", []any{"MaximumRecordAgeInSeconds"}, -1},
			{"BufferSource", []any{"FunctionResponseTypes"}, nil},
			{"BufferSource", []any{"StartingPosition"}, "TRIM_HORIZON"},
			{"BufferSource", []any{"DestinationConfig", "OnFailure", "Destination"}, s.attribute("FailedBucket.Arn")},
			{"Stream", []any{"RetentionPeriodHours"}, 168},
			{"Stream", []any{"StreamEncryption", "EncryptionType"}, "KMS"},
			{"RouteFunction", []any{"ReservedConcurrentExecutions"}, 1},
			{"RouteFunction", []any{"Timeout"}, 300},
			{"RouteSchedule", []any{"ScheduleExpression"}, "rate(1 minute)"},
			{"RouteInvocations", []any{"DestinationConfig", "OnFailure", "Destination"}, s.attribute("Failures.Arn")},
			{"LoadInvocations", []any{"DestinationConfig", "OnFailure", "Destination"}, s.attribute("Failures.Arn")},
			{"BufferInvocations", []any{"DestinationConfig", "OnFailure", "Destination"}, s.attribute("Failures.Arn")},
			{"BufferSchedule", []any{"Target", "Arn"}, s.attribute("BufferFunction.Arn")},
			{"BufferPermission", []any{"SourceArn"}, s.attribute("FailedBucket.Arn")},
			{"FailedBucket", []any{"NotificationConfiguration", "LambdaConfigurations", 0, "Function"}, s.attribute("BufferFunction.Arn")},
			{"FailedBucket", []any{"NotificationConfiguration", "LambdaConfigurations", 0, "Filter", "S3Key", "Rules", 0, "Value"}, "aws/lambda/"},
			{"LoadPermission", []any{"SourceArn"}, s.attribute("ManifestsBucket.Arn")},
			{"ManifestsBucket", []any{"NotificationConfiguration", "LambdaConfigurations", 0, "Filter", "S3Key", "Rules", 0, "Value"}, ".manifest"},
		} {
			if got := at(s.properties(c.id), c.path...); got != c.want {
				t.Errorf("%s: %v is %v, want %v", c.id, c.path, got, c.want)
			}
		}
		for name, id := range functions {
			log := strings.TrimSuffix(id, "Function") + "Log"
			if at(s.properties(id), "LoggingConfig", "LogGroup") != s.ref(log) || at(s.properties(log), "RetentionInDays") == nil {
				t.Errorf("%s has no log that ends", name)
			}
		}
	})
}

// Every function's failures raise an alarm, and every alarm reaches the topic.
func TestAlarms(t *testing.T) {
	s := newStack(t, read(t), scenarios["cluster, secret"])
	watched := map[string]bool{}
	for _, id := range s.of("AWS::CloudWatch::Alarm") {
		p := s.properties(id)
		watched[fmt.Sprint(at(p, "MetricName"), " ", at(p, "Dimensions", 0, "Value"))] = true
		if !slices.Equal(texts(at(p, "AlarmActions")), []string{s.values["AlarmTopicArn"].(string)}) {
			t.Errorf("%s tells nobody", id)
		}
	}
	want := []string{"IteratorAge ikada-buffer", "ApproximateNumberOfMessagesVisible <Failures.QueueName>", "Invocations ikada-route"}
	for name := range functions {
		want = append(want, "Errors ikada-"+name, "Throttles ikada-"+name)
	}
	for _, w := range want {
		if !watched[w] {
			t.Errorf("no alarm watches %s", w)
		}
	}
}
