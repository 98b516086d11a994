#!/usr/bin/env bash
# Killed at any moment, a deploy is recovered or resumed, and all is well again. CRASH_ALL=1 tries
# every moment of every kind, CRASH_SEED chooses others.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/lib_crash.sh
. "$(dirname "$0")/lib_crash.sh"

test_killed_after_each_event() {
	crash_shop
	matrix kill:event
}

run_tests
