// Package history tells what became of the log types: which there are and how
// their tables look (Types, Show), what was loaded when, and which loads failed
// (Loads, Failures). It reads the warehouse's catalog, ledger and journal, and the
// manifests, and changes nothing.
package history
