// Package pagecache tells the kernel which files need not stay in memory.
//
// A pipeline writes files that it reads once and soon, or never. The kernel would
// keep all of them until memory is short, in the place of what other programs
// read again. And pages that nobody has used for a while are dear on a virtual
// machine: its host has taken them back and must find others, which was measured
// to cost three times what all of the writing does otherwise. Pages that are
// let go are those the next file is written to.
package pagecache
