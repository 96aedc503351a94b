// Package timerslack lets Linux wake the process's threads a little late: it is
// imported for that effect alone.
//
// While a goroutine waits in a system call, such as an fsync, a thread of Go's
// runtime looks every 20 µs whether its processor should go to another one. A
// pipeline that syncs before it acknowledges is nearly always in one, and on a
// virtual machine each of these wake-ups costs some microseconds: they were a
// seventh of all CPU time. No timer here needs to be exact to half a millisecond.
package timerslack
