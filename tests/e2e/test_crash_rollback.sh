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

# What is live, by production and by the records.
live() {
	equals "$(cat "$TEST_FOLDER/live.commit")" "$(cat "$TEST_FOLDER/$1.commit")"
	expect 0 shipit status --json
	equals "$(json 'd["environments"][0]["commit"]')" "$(cat "$TEST_FOLDER/$1.commit")"
	equals "$(json 'd["environments"][0]["maintenance"]')" null
}

locked() { equals "$(json '(d["environments"][0]["lock"] or {}).get("kind")')" "$1"; }

# Kills it while the rollback is in its switch.
kill_in_switch() {
	: >"$TEST_FOLDER/hang"
	"$SHIPIT" "$@" --yes --silent >/dev/null 2>&1 </dev/null &
	local shipit=$!
	wait_until 20 test -s "$TEST_FOLDER/hung"
	kill -9 $shipit
	wait $shipit 2>/dev/null || :
	kill "$(cat "$TEST_FOLDER/hung")"
	rm "$TEST_FOLDER/hang" "$TEST_FOLDER/hung"
}

# As from a CI runner that vanished with its journal.
vanish() {
	mv .git/shipit/deploys "$TEST_FOLDER/vanished-$1"
	local entry
	entry=$(find "$TEST_FOLDER/state" -type f -name 'lease*' | head -1)
	sed 's|"machine": *"[^"]*"|"machine": "another/one"|' "$entry" >"$entry.new"
	mv "$entry.new" "$entry"
	git clone -q "$TEST_FOLDER/repo.git" "$TEST_FOLDER/$1"
	cd "$TEST_FOLDER/$1"
}

test_from_another_machine() {
	crash_rollback_shop
	: >"$TEST_FOLDER/strict"
	kill_in_switch deploy --ref "$(cat "$TEST_FOLDER/bad.commit")"
	vanish second
	wait_until 10 shipit recover
	live bad
	locked null
	"$TEST_FOLDER/worker" runs cron
	expect 0 shipit history --json
	equals "$(json '[r["status"] for r in d][:2]')" '["failed_live", "interrupted"]'
	kill_in_switch rollback
	vanish third
	expect 0 shipit status
	wait_until 10 sh -c "$SHIPIT resume --step-again release.switch"
	live good
	locked hold
	expect 0 shipit unlock
	kill_in_switch deploy --ref "$(cat "$TEST_FOLDER/bad.commit")"
	vanish fourth
	local code=3
	while [ $code = 3 ]; do
		code=0
		shipit resume --step-again release.switch || code=$?
	done
	equals $code 5
	live good
	locked hold
	"$TEST_FOLDER/worker" runs workers
}

test_the_record_of_a_rollback_cannot_be_stored() {
	crash_rollback_shop git
	: >"$TEST_FOLDER/strict"
	: >"$TEST_FOLDER/cut.next"
	write "$TEST_FOLDER/bin/git" <<-END
		#!/bin/sh
		case "\$*" in
		*push*deploys*) [ ! -e $TEST_FOLDER/cut ] || { rm $TEST_FOLDER/cut; echo 'fatal: no route' >&2; exit 128; } ;;
		esac
		exec $(command -v git) "\$@"
	END
	chmod +x "$TEST_FOLDER/bin/git"
	PATH=$TEST_FOLDER/bin:$PATH expect 4 shipit deploy --yes --silent --ref "$(cat "$TEST_FOLDER/bad.commit")"
	[ ! -e "$TEST_FOLDER/cut" ] || fail 'no push was cut'
	expect 3 shipit deploy --yes --silent
	stderr_has 'recover'
	expect 0 shipit recover
	live good
	locked hold
	equals "$(json 'd["environments"][0]["id"]')" "$(cat "$TEST_FOLDER/live")"
}

test_what_was_rolled_back_is_not_resumed() {
	crash_rollback_shop
	: >"$TEST_FOLDER/strict"
	expect 5 shipit deploy --yes --silent --ref "$(cat "$TEST_FOLDER/bad.commit")"
	expect 0 shipit unlock
	rm "$TEST_FOLDER/strict"
	expect 3 shipit resume
	says 'was rolled back: there is nothing to resume'
	live good
}

test_a_killed_rollback_locks_when_it_is_resumed() {
	crash_rollback_shop
	kill_in_switch rollback
	expect 0 shipit status
	stderr_has 'the rollback '
	expect 0 shipit resume --step-again release.switch
	live bad
	locked hold
}

run_tests
