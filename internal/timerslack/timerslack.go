// Package timerslack lets Linux wake the process's threads a little late: it is
// imported for that effect alone.
//
// While a goroutine waits in a system call, such as an fsync, a thread of Go's
// runtime looks every 20 µs whether its processor should go to another one. A
// pipeline that syncs before it acknowledges is nearly always in one, and on a
// virtual machine each of these wake-ups costs some 20 µs: they were a sixth of
// all CPU time. No timer here needs to be exact to 5 ms, and none is later than
// the kernel's next tick anyway, mostly 4 ms, while the processor is busy.
package timerslack
