// Package redshiftstandin is a stand-in for Amazon Redshift.
package redshiftstandin
