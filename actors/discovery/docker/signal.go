package docker

import (
	"strconv"
	"strings"
)

// Signals that stop a container, by their number on Linux, where containers
// run. weir itself may run on a system that numbers them otherwise, so the
// syscall package does not help.
const (
	sigkill  = 9
	sigterm  = 15
	sigrtmin = 34
	sigrtmax = 64
)

// parseSignal reads a signal as the engine writes it: "15", "SIGTERM", "TERM",
// "SIGRTMIN+3". It returns 0 for what is none.
func parseSignal(text string) int {
	if n, err := strconv.Atoi(text); err == nil {
		if n < 1 || n > sigrtmax {
			return 0
		}
		return n
	}
	name := strings.TrimPrefix(strings.ToUpper(text), "SIG")
	if base, offset, found := cutOffset(name); found {
		switch n := base + offset; {
		case base == 0 || n < sigrtmin || n > sigrtmax:
			return 0
		default:
			return n
		}
	}
	for i, known := range strings.Fields(signalNames) {
		if known == name {
			return i + 1
		}
	}
	if name == "IOT" {
		return 6
	}
	return 0
}

// signalNames are the signals from 1 on (signal(7), x86 and ARM).
const signalNames = "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS"

// cutOffset reads RTMIN, RTMIN+n, RTMAX and RTMAX-n.
func cutOffset(name string) (base, offset int, found bool) {
	rest, low := strings.CutPrefix(name, "RTMIN")
	base = sigrtmin
	if !low {
		var high bool
		if rest, high = strings.CutPrefix(name, "RTMAX"); !high {
			return 0, 0, false
		}
		base = sigrtmax
	}
	if rest == "" {
		return base, 0, true
	}
	n, err := strconv.Atoi(rest)
	if err != nil || (rest[0] == '+') != low {
		return 0, 0, true
	}
	return base, n, true
}
