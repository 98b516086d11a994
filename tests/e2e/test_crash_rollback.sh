#!/usr/bin/env bash
# Killed within a rollback, by hand or by a deploy whose smoke test failed: recover and resume put
# right both. CRASH_ALL=1 tries every moment, CRASH_SEED chooses others.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/lib_crash.sh
. "$(dirname "$0")/lib_crash.sh"

test_killed_within_its_own_rollback() {
	crash_rollback_shop
	: >"$TEST_FOLDER/strict"
	matrix_of_rollbacks deploy kill:event:4
}

test_killed_rollback() {
	crash_rollback_shop
	matrix_of_rollbacks rollback kill:event:6
}

run_tests
