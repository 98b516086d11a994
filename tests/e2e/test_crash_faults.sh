#!/usr/bin/env bash
# Ended by a signal at any moment, or with a call that fails: what was halted runs again, the lock is
# free, the records tell the truth. CRASH_ALL=1 tries every moment, CRASH_SEED chooses others.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/lib_crash.sh
. "$(dirname "$0")/lib_crash.sh"

test_ended_by_a_signal() {
	crash_shop
	matrix int:event:8 term:event:8
}

test_killed_within_a_write() {
	crash_shop
	matrix kill:write:5 kill:sync:4 kill:rename:1 kill:spawn:5
}

test_killed_at_random() {
	crash_shop
	matrix kill:time:8
}

test_failing_calls() {
	crash_shop
	matrix fail:write:5 fail:sync:4 fail:rename:1 fail:spawn:5
}

test_a_push_that_fails() {
	failing_git
	crash_shop git
	matrix fail:push
}

run_tests
