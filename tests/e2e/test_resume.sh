#!/usr/bin/env bash
# A deploy whose process died: what is said of it, resume, recover, here and from elsewhere.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# Each step appends its name to $TEST_FOLDER/ran, and waits while a file of its name is in hang/.
resume_shop() {
	mkdir -p "$TEST_FOLDER/hang"
	write "$TEST_FOLDER/step" <<-'END'
		#!/bin/sh
		folder=$(dirname "$0")
		echo "$1" >>"$folder/ran"
		[ ! -e "$folder/hang/$1" ] || { echo $$ >"$folder/pid"; exec sleep 100; }
		[ ! -e "$folder/bad" ] || [ "$(cat "$folder/bad")" != "$1" ]
	END
	chmod +x "$TEST_FOLDER/step"
	new_repo
	write deploy.yml <<-END
		app: shop
		pipeline: web
		state: file:$TEST_FOLDER/state
		lease: 2s
		environments:
		  production: {branch: master, protected: false}
		  staging: {branch: "*", protected: false}
	END
	write pipelines/web.yml <<-END
		stages:
		  build:
		    steps:
		      - {name: compile, run: '$TEST_FOLDER/step compile; echo COLOR=red >>"\$SHIPIT_OUTPUT"; echo x >built'}
		      - {name: pack, run: 'test -f built; $TEST_FOLDER/step pack', idempotent: true}
		  release:
		    go_live: true
		    steps:
		      - {name: enable, run: 'test "\$COLOR" = red; $TEST_FOLDER/step enable', undo: '$TEST_FOLDER/step disable\${COLOR:+-\$COLOR}'}
		      - {name: migrate, run: $TEST_FOLDER/step migrate, undo: $TEST_FOLDER/step unmigrate}
		tasks:
		  warm: {run: $TEST_FOLDER/step warm}
	END
	commit shop
	push
}

ran() { tr '\n' ' ' <"$TEST_FOLDER/ran" | sed 's/ $//'; }
deploy() { shipit deploy --yes --silent "$@"; }

# Kills a deploy (with $FLAGS) while STEP is under way; its process is ended too, unless `leave` is
# said.
kill_during() {
	rm -f "$TEST_FOLDER/ran" "$TEST_FOLDER/pid"
	: >"$TEST_FOLDER/hang/$1"
	# shellcheck disable=SC2086
	"$SHIPIT" deploy --yes --silent ${FLAGS:-} >/dev/null 2>&1 </dev/null &
	local shipit=$!
	wait_until 20 test -s "$TEST_FOLDER/pid"
	wait_until 20 grep -q "\"event\":\"step.process\".*\"step\":\"$1\"" .git/shipit/deploys/*/events.ndjson
	kill -9 $shipit
	wait $shipit 2>/dev/null || :
	rm "$TEST_FOLDER/hang/$1"
	cleanup "kill $(cat "$TEST_FOLDER/pid")"
	[ "${2:-}" = leave ] || kill "$(cat "$TEST_FOLDER/pid")"
}

test_every_command_says_what_was_interrupted() {
	resume_shop
	kill_during migrate
	for command in status history plan 'maintenance status'; do
		# shellcheck disable=SC2086
		expect 0 shipit $command
		stderr_has 'was interrupted in its go-live stage'
		stderr_has 'under way, nobody knows whether it finished: release.migrate'
		stderr_has 'done in production: release.enable'
		stderr_has 'shipit -e production recover'
	done
	expect 0 shipit -e staging plan
	silent_on 'was interrupted'
	expect 3 deploy
	stderr_has 'was interrupted'
	stderr_has 'shipit -e production resume'
	equals "$(ran)" 'compile pack enable migrate'
}

test_recover_undoes_in_reverse() {
	resume_shop
	kill_during migrate
	expect 0 shipit recover
	equals "$(ran)" 'compile pack enable migrate unmigrate disable-red'
	stderr_has 'Recovered: production is as it was'
	expect 0 shipit history --json
	equals "$(json 'd[0]["status"]+" "+d[0]["kind"]+" "+str(d[0]["live"])')" 'interrupted recover None'
	expect 0 shipit status --json
	equals "$(json 'd["environments"][0]["lock"]')" null
	silent_on 'was interrupted'
	expect 0 shipit recover
	stderr_has 'Nothing to recover'
	expect 0 shipit recover --json
	stdout_has '"reason":"nothing to recover"'
	expect 0 deploy
}

test_resume_asks_about_what_was_under_way() {
	resume_shop
	kill_during migrate
	expect 3 shipit resume --yes
	stderr_has '--step-done release.migrate or --step-again release.migrate'
	expect 2 shipit resume --step-done nothing
	equals "$(ran)" 'compile pack enable migrate'
	expect 0 shipit resume --step-again release.migrate
	equals "$(ran)" 'compile pack enable migrate migrate warm'
	expect 0 shipit history --json
	equals "$(json '[r["status"] for r in d]')" '["ok"]'
	expect 2 shipit resume
}

test_step_done_is_not_run() {
	resume_shop
	kill_during migrate
	expect 0 shipit resume --step-done migrate
	equals "$(ran)" 'compile pack enable migrate warm'
}

test_an_idempotent_step_runs_again_unasked() {
	resume_shop
	kill_during pack
	expect 0 shipit resume
	equals "$(ran)" 'compile pack pack enable migrate warm'
}

test_behind_go_live_nothing_is_undone() {
	resume_shop
	kill_during warm
	expect 0 shipit recover
	equals "$(ran)" 'compile pack enable migrate warm'
	stderr_has 'Recovered: the commit of the interrupted deploy is live'
	expect 0 shipit status --json
	equals "$(json 'd["environments"][0]["commit"]')" "$(git rev-parse HEAD)"
	equals "$(json '[o["name"] for o in d["environments"][0]["owed"]]')" '["warm"]'
	expect 0 shipit history --json
	equals "$(json 'd[0]["status"]')" failed_live
}

test_resume_of_a_failed_deploy() {
	resume_shop
	echo warm >"$TEST_FOLDER/bad"
	expect 4 deploy
	rm "$TEST_FOLDER/bad" "$TEST_FOLDER/ran"
	expect 0 shipit resume
	equals "$(ran)" warm
	echo next >README; commit next; push
	echo migrate >"$TEST_FOLDER/bad"
	expect 1 deploy
	rm "$TEST_FOLDER/bad" "$TEST_FOLDER/ran"
	expect 0 shipit resume		# what was undone is done again
	equals "$(ran)" 'enable migrate warm'
}

test_resume_is_refused_when_somebody_deployed_since() {
	resume_shop
	echo migrate >"$TEST_FOLDER/bad"
	expect 1 deploy
	id=$(ls .git/shipit/deploys)
	rm "$TEST_FOLDER/bad"
	expect 0 deploy
	expect 3 shipit resume "$id"
	stderr_has 'somebody deployed after'
}

test_what_was_built_elsewhere_is_built_again() {
	resume_shop
	kill_during migrate
	: >"$TEST_FOLDER/ran"
	expect 0 shipit exec -- true		# it takes the checkout
	expect 0 shipit resume --step-again migrate
	equals "$(ran)" 'compile pack migrate warm'
}

# As from a CI runner that vanished with its journal: the lease's body is all that is left.
vanish() {
	mv .git/shipit/deploys "$TEST_FOLDER/vanished"
	entry=$(find "$TEST_FOLDER/state" -type f -name 'lease*' | head -1)
	sed 's|"machine": *"[^"]*"|"machine": "another/one"|' "$entry" >"$entry.new"
	mv "$entry.new" "$entry"
	git clone -q "$TEST_FOLDER/repo.git" "$TEST_FOLDER/other"
	cd "$TEST_FOLDER/other"
}

test_recover_from_another_machine() {
	resume_shop
	kill_during migrate
	vanish
	expect 3 shipit deploy --yes --silent		# nobody knows yet that it died
	wait_until 10 shipit recover
	equals "$(ran)" 'compile pack enable migrate unmigrate disable'
	expect 0 shipit status --json
	equals "$(json 'd["environments"][0]["lock"]')" null
	expect 0 deploy
}

# What was passed on the way is done: only what nobody knows of is owed.
test_recover_elsewhere_owes_what_is_not_known() {
	resume_shop
	kill_during migrate
	vanish
	wait_until 10 shipit recover
	expect 0 shipit status --json
	equals "$(json '[o["name"] for o in d["environments"][0]["owed"]]')" '["release.migrate", "warm"]'
	cd "$TEST_FOLDER/repo"
	kill_during warm
	rm -rf "$TEST_FOLDER/other" "$TEST_FOLDER/vanished"
	vanish
	wait_until 10 shipit recover
	expect 0 shipit history --json
	equals "$(json 'd[0]["kind"]+" "+d[0]["status"]')" 'recover failed_live'
	json 'd[0]["reason"]' | grep -q '^nothing more was heard of it' || fail 'the reason is wrong'
	equals "$(json '[o["name"] for o in d[0]["owed"]]')" '["warm"]'
}

# What its folder says is damaged: the lease tells enough.
test_recover_without_start_json() {
	resume_shop
	kill_during migrate
	: >"$(echo .git/shipit/deploys/*)/start.json"
	expect 0 shipit status
	stderr_has 'what the lease says has to do'
	expect 0 shipit recover
	equals "$(ran)" 'compile pack enable migrate unmigrate disable-red'
	expect 0 deploy
}

test_resume_from_another_machine() {
	resume_shop
	kill_during migrate
	vanish
	: >"$TEST_FOLDER/ran"
	wait_until 10 sh -c "$SHIPIT resume --step-again migrate"
	equals "$(ran)" 'compile pack migrate warm'
}

test_survivors() {
	resume_shop
	kill_during compile leave
	expect 0 shipit resume --step-again compile
	stderr_has 'build.compile of the interrupted deploy still runs'
	stderr_has 'stopping it'
	# Whose parent does not reap him is dead all the same.
	if ps -o stat= -p "$(cat "$TEST_FOLDER/pid")" | grep -qv Z; then fail 'it still runs'; fi
	echo next >README; commit next; push
	kill_during migrate leave
	"$SHIPIT" recover >"$OUT" 2>"$ERR" </dev/null &
	local recover=$!
	wait_until 10 grep -q 'waiting for its end' "$ERR"
	kill -INT $recover
	local code=0
	wait $recover || code=$?
	equals $code 130
	"$SHIPIT" recover >"$OUT" 2>"$ERR" </dev/null &
	recover=$!
	wait_until 10 grep -q 'waiting for its end' "$ERR"
	equals "$(ran)" 'compile pack enable migrate'
	kill "$(cat "$TEST_FOLDER/pid")"
	wait $recover || fail "recover ended with $?"
	equals "$(ran)" 'compile pack enable migrate unmigrate disable-red'
}

test_a_task_that_died() {
	resume_shop
	expect 0 deploy
	: >"$TEST_FOLDER/hang/warm"
	rm -f "$TEST_FOLDER/pid"
	"$SHIPIT" task warm --yes >/dev/null 2>&1 </dev/null &
	local shipit=$!
	wait_until 20 test -s "$TEST_FOLDER/pid"
	kill -9 $shipit
	wait $shipit 2>/dev/null || :
	kill "$(cat "$TEST_FOLDER/pid")"
	rm "$TEST_FOLDER/hang/warm"
	expect 3 deploy --redeploy
	expect 3 shipit resume
	stderr_has 'shipit -e production task'
	expect 0 shipit recover
	expect 0 shipit status --json
	equals "$(json 'd["environments"][0]["lock"]')" null
	equals "$(json 'd["environments"][0]["commit"]')" "$(git rev-parse HEAD)"
}

test_a_recover_that_was_killed() {
	resume_shop
	kill_during migrate
	: >"$TEST_FOLDER/hang/unmigrate"
	rm -f "$TEST_FOLDER/pid"
	"$SHIPIT" recover >/dev/null 2>&1 </dev/null &
	local shipit=$!
	wait_until 20 test -s "$TEST_FOLDER/pid"
	kill -9 $shipit
	wait $shipit 2>/dev/null || :
	kill "$(cat "$TEST_FOLDER/pid")"
	rm "$TEST_FOLDER/hang/unmigrate"
	expect 0 shipit status
	stderr_has 'was interrupted'
	expect 0 shipit recover
	equals "$(ran)" 'compile pack enable migrate unmigrate unmigrate disable-red'
}

test_what_cannot_begin_leaves_it_interrupted() {
	resume_shop
	kill_during migrate
	plan=$(echo .git/shipit/deploys/*)/plan.json
	rm "$plan"
	mkdir "$plan"
	expect 1 shipit resume --step-again migrate
	expect 1 shipit recover
	expect 3 deploy
	stderr_has 'was interrupted'
	rmdir "$plan"
	expect 0 shipit recover
	equals "$(ran)" 'compile pack enable migrate unmigrate disable-red'
}

test_resume_of_a_deploy_that_pretended() {
	resume_shop
	echo next >README; commit next; push
	FLAGS='--from HEAD~1' kill_during migrate	# nothing is live by the records
	expect 0 shipit resume --step-again migrate
	echo third >README; commit third; push
	FLAGS='--from HEAD~2' kill_during migrate
	expect 0 shipit resume --step-again migrate
	expect 0 shipit status --json
	equals "$(json 'd["environments"][0]["commit"]')" "$(git rev-parse HEAD)"
}

# The verdict is in the records, the deferred steps are not done.
test_resume_of_what_was_deferred() {
	resume_shop
	SHIPIT_KEY=$TEST_FOLDER/key
	export SHIPIT_KEY
	expect 0 shipit keygen
	echo "  late: {run: $TEST_FOLDER/step late, deferred: true}" >>pipelines/web.yml
	commit late
	push
	kill_during late
	expect 0 shipit resume --step-again late
	equals "$(ran)" 'compile pack enable migrate warm late late'
	expect 0 shipit status --json
	equals "$(json 'd["environments"][0]["owed"]')" '[]'
	for record in "$TEST_FOLDER"/state/production/deploys/*.json; do
		grep -q '"signature"' "$record" || fail "$record is not signed"
	done
}

run_tests
