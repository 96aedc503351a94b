// Package awstest runs what the tests take for AWS: real servers of their own,
// as separate processes, and proxies that make them fail on purpose.
package awstest
