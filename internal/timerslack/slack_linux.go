//go:build cgo

package timerslack

/*
#include <sys/prctl.h>

enum { usual = 50 * 1000, slack = 5000 * 1000 }; // ns; the first is Linux's default

// Threads inherit the slack of the one that starts them, and none can be told
// later without a privilege. So it is set before Go's runtime starts any. What
// somebody else has chosen, as with TimerSlackNSec= of systemd, stays.
__attribute__((constructor)) static void slacken(void) {
	if (prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0) == usual)
		prctl(PR_SET_TIMERSLACK, slack, 0, 0, 0);
}
*/
import "C"
