package aws

import (
	"reflect"
	"slices"
	"testing"
)

func TestBucketsAreClosedEncryptedAndKeepWhatTheyHold(t *testing.T) {
	stacks(t, func(t *testing.T, s *stack) {
		buckets := s.of("AWS::S3::Bucket")
		if want := []string{"ArchiveBucket", "BufferBucket", "FailedBucket", "ManifestsBucket"}; !slices.Equal(buckets, want) {
			t.Fatalf("the buckets are %v, want %v", buckets, want)
		}
		for _, id := range buckets {
			p := s.properties(id)
			rule := at(p, "BucketEncryption", "ServerSideEncryptionConfiguration", 0)
			if at(rule, "ServerSideEncryptionByDefault", "SSEAlgorithm") != "aws:kms" || at(rule, "BucketKeyEnabled") != true {
				t.Errorf("%s is not encrypted with KMS and a bucket key: %v", id, rule)
			}
			if key := at(rule, "ServerSideEncryptionByDefault", "KMSMasterKeyID"); s.condition("HasKey") && key != kmsKey {
				t.Errorf("%s has the key %v", id, key)
			}
			for _, block := range []string{"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"} {
				if at(p, "PublicAccessBlockConfiguration", block) != true {
					t.Errorf("%s lacks %s", id, block)
				}
			}
			if at(p, "VersioningConfiguration") != nil {
				t.Errorf("%s has versions, which keep what was deleted", id)
			}
			// Nothing but uploads that were never completed may go by age.
			want := []any{map[string]any{
				"Id": "abort-incomplete-uploads", "Status": "Enabled",
				"AbortIncompleteMultipartUpload": map[string]any{"DaysAfterInitiation": 1},
			}}
			if got := at(p, "LifecycleConfiguration", "Rules"); !reflect.DeepEqual(got, want) {
				t.Errorf("%s has the lifecycle %v, want %v", id, got, want)
			}
			for _, policy := range []string{"DeletionPolicy", "UpdateReplacePolicy"} {
				if at(s.Resources[id], policy) != "Retain" {
					t.Errorf("%s goes with the stack: %s", id, policy)
				}
			}
			checkTLS(t, s, id)
		}
	})
}

func checkTLS(t *testing.T, s *stack, bucket string) {
	t.Helper()
	arn := s.attribute(bucket + ".Arn").(string)
	for _, st := range s.statements(bucket + "Policy") {
		if st.effect == "Deny" && slices.Equal(st.actions, []string{"s3:*"}) && slices.Equal(st.resources, []string{arn, arn + "/*"}) &&
			at(st.condition, "Bool", "aws:SecureTransport") == "false" && at(s.properties(bucket+"Policy"), "Bucket") == s.ref(bucket) {
			return
		}
	}
	t.Errorf("%s can be reached without TLS", bucket)
}
