package config

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/weirproxy/weir/messages"
)

const (
	maxAttempts        = 10
	maxBudgetPerSecond = 10_000
	retryTimeout       = "timeout"
)

// retry reads off, a number of attempts, or a mapping.
func (v item) retry() (messages.RetrySpec, bool) {
	retry := defaultRetry()
	if !v.isMapping() {
		s, ok := v.scalar("off, a number of attempts, or a mapping")
		if !ok {
			return retry, false
		}
		v.noteAs(v.path + ".attempts")
		if s.text == "off" {
			retry.Attempts = 0
			return retry, true
		}
		n, err := strconv.Atoi(s.text)
		if err != nil || n < 0 || n > maxAttempts || !s.bare {
			v.faultf("want off, a number of attempts from 0 to %d, or a mapping, not %s", maxAttempts, quote(s.text))
			return retry, false
		}
		retry.Attempts = n
		return retry, true
	}
	o, ok := v.object("")
	if !ok {
		return retry, false
	}
	before := len(v.r.faults)
	read(o, "attempts", &retry.Attempts, count(0, maxAttempts))
	if on, ok := o.get("on"); ok {
		on.retryOn(&retry)
	}
	read(o, "budget", &retry.BudgetPercent, percent)
	read(o, "budget_per_second", &retry.BudgetPerSecond, count(0, maxBudgetPerSecond))
	o.close()
	return retry, before == len(v.r.faults)
}

// retryOn reads what is tried again besides connections that broke.
func (v item) retryOn(retry *messages.RetrySpec) {
	items, ok := v.list("a list such as [timeout, 502, 5xx]")
	if !ok {
		return
	}
	var statuses []string
	for _, v := range items {
		s, ok := v.scalar("timeout or a status")
		if !ok {
			continue
		}
		if s.text == retryTimeout {
			retry.OnTimeout = true
			continue
		}
		set, err := messages.ParseStatusSet(s.text)
		if err != nil {
			hint := ""
			if best := closest(s.text, []string{retryTimeout}); best != "" {
				hint = "did you mean " + best + "?"
			}
			v.hinted(hint, fmt.Sprintf("want timeout or a status such as 502 or 5xx, not %s", quote(s.text)))
			continue
		}
		for status := 100; status < 400; status++ {
			if set.Has(status) {
				v.faultf("want statuses from 400 to 599; %d is no failure", status)
				break
			}
		}
		statuses = append(statuses, s.text)
	}
	if len(statuses) > 0 {
		set, err := messages.ParseStatusSet(strings.Join(statuses, ","))
		if err == nil { // each of them was read before
			retry.Statuses = set
		}
	}
}

// percent returns 0% to 100%.
func percent(v item) (int, bool) {
	s, ok := v.scalar("a percentage such as 20%")
	if !ok {
		return 0, false
	}
	number, signed := strings.CutSuffix(s.text, "%")
	n, err := strconv.Atoi(number)
	if err != nil || !signed || n < 0 || n > 100 {
		hint := ""
		if err == nil && n >= 0 && n <= 100 {
			hint = fmt.Sprintf(`"%d%%"`, n)
		}
		v.hinted(hint, fmt.Sprintf("want a percentage from 0%% to 100%%, not %s", quote(s.text)))
		return 0, false
	}
	return n, true
}
