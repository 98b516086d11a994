#!/usr/bin/env bash
# How a deploy runs: order, failures, undo, time limits, signals, what is left behind.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# The pipeline is on stdin.
shop() {
	new_repo
	write pipelines/web.yml
	write deploy.yml <<-END
		app: shop
		pipeline: web
		state: file:$TEST_FOLDER/state
		environments: {production: {branch: master, protected: false}}
	END
	commit shop
	push
}

deploy() { shipit deploy --yes --silent --format plain "$@"; }
journal() { cat .git/shipit/deploys/*/events.ndjson; }
release='release: {go_live: true, steps: [{name: switch, run: echo switched, undo: echo undone}]}'

test_failure_before_go_live_cancels_the_others() {
	shop <<-END
		stages:
		  one: {steps: [{name: bad, run: "echo oops >&2; exit 7"}, {name: never, run: echo never}, {name: tidy, run: echo tidied, always: true}]}
		  two: {steps: [{name: slow, run: sleep 60}]}
		  $release
		on_failure: [{run: 'echo "told \$SHIPIT_STATUS \$SHIPIT_FAILED_STEP"; cat "\$SHIPIT_LOG"'}]
	END
	local begun=$SECONDS
	expect 1 deploy
	[ $((SECONDS - begun)) -lt 20 ] || fail 'the slow step was waited for'
	says 'one.bad'
	says 'tidied'
	says 'told failed one.bad'
	silent_on 'release.switch started'
	journal | grep -q '"step":"slow".*"status":"cancelled"' || fail 'slow is not cancelled'
	journal | grep -q '"failed_step":"one.bad"' || fail 'the first cause is not named'
}

test_go_live_failure_is_undone_in_reverse() {
	shop <<-END
		stages:
		  release:
		    go_live: true
		    steps:
		      - {name: first, run: echo a, undo: echo undo-first}
		      - {name: second, run: exit 1, undo: echo undo-second}
		      - {name: third, run: echo c, undo: echo undo-third}
	END
	expect 1 deploy
	equals "$(cat "$OUT" "$ERR" | grep -o 'undo-.*' | grep -v echo | sort -u | tr '\n' ' ')" 'undo-first undo-second '
}

test_missing_undo_needs_attention() {
	shop <<-END
		stages:
		  release: {go_live: true, steps: [{name: first, run: echo a}, {name: second, run: exit 1, undo: echo x}]}
	END
	expect 4 deploy
	says 'release.first was started and has no undo'
}

test_step_that_could_not_start_needs_no_undo() {
	shop <<-END
		stages:
		  release: {go_live: true, steps: [{name: first, run: [no-such-command]}]}
	END
	expect 1 deploy
	says "there is no such command in PATH"
}

test_failure_behind_go_live_needs_attention() {
	shop <<-END
		stages:
		  $release
		  after: {needs: [release], steps: [{name: bad, run: exit 1}]}
		tasks: {never: {run: echo never-run}}
	END
	expect 4 deploy
	journal | grep -q '"event":"deploy.finished","status":"failed_live"' || fail 'not failed_live'
	journal | grep '"stage":"tasks"' && fail 'a task ran'
	return 0
}

test_failed_task_is_owed() {
	shop <<-END
		stages: {$release}
		tasks: {bad: {run: test -e $TEST_FOLDER/well}, good: {run: echo fine}}
	END
	expect 4 deploy
	expect 0 shipit status --json
	equals "$(json 'd["environments"][0]["owed"][0]["name"]')" bad
	: >"$TEST_FOLDER/well"
	expect 0 shipit task --yes
	expect 0 shipit status --json
	equals "$(json 'd["environments"][0]["owed"]')" '[]'
}

test_timeouts_and_retries() {
	shop <<-END
		stages:
		  one:
		    steps:
		      - {name: again, run: "echo x >>$TEST_FOLDER/tries; test \$(wc -l <$TEST_FOLDER/tries) = 2", retries: 1}
		      - {name: allowed, run: exit 3, allow_failure: true}
		      - {name: idle, run: "echo once; sleep 60", idle_timeout: 300ms, allow_failure: true}
		      - {name: long, run: sleep 60, timeout: 300ms}
		  $release
	END
	expect 1 deploy
	equals "$(wc -l <"$TEST_FOLDER/tries" | tr -d ' ')" 2
	says 'one.long'
	equals "$(journal | grep -c '"status":"timed_out"')" 2
}

test_outputs_reach_later_steps_and_stages_only() {
	shop <<-END
		stages:
		  one: {steps: [{name: give, run: 'printf "COLOR=blue\nTEXT<<E\na\nb\nE\n" >>"\$SHIPIT_OUTPUT"'}, {name: take, run: 'test "\$COLOR" = blue'}]}
		  two: {needs: [one], steps: [{name: take, run: 'test "\$TEXT" = "\$(printf "a\nb")"'}]}
		  release: {go_live: true, steps: [{run: 'test "\$COLOR" = blue; test -z "\$SHIPIT_PREVIOUS"'}]}
	END
	expect 0 deploy
}

test_forbidden_output_fails_its_step() {
	shop <<-END
		stages:
		  one: {steps: [{name: bad, run: 'echo LD_PRELOAD=x >>"\$SHIPIT_OUTPUT"'}]}
		  $release
	END
	expect 1 deploy
	says "must not set 'LD_PRELOAD'"
}

test_deadline() {
	shop <<-END
		deadline: 500ms
		stages:
		  one: {steps: [{name: slow, run: sleep 60}]}
		  $release
	END
	expect 1 deploy
	says 'deadline of 500ms'
}

test_interrupt_before_go_live_leaves_nothing_running() {
	shop <<-END
		stages:
		  one: {steps: [{name: slow, run: "sh -c 'echo \$\$ >$TEST_FOLDER/pid; exec sleep 300' & setsid sh -c 'echo \$\$ >$TEST_FOLDER/stray; exec sleep 300' & wait"}]}
		  $release
	END
	"$SHIPIT" deploy --yes --silent --format plain >"$OUT" 2>"$ERR" </dev/null &
	local pid=$! code=0
	cleanup "kill -9 $pid"
	wait_until 20 test -s "$TEST_FOLDER/pid" -a -s "$TEST_FOLDER/stray"
	kill -TERM $pid
	wait $pid || code=$?
	equals $code 143
	kill -0 "$(cat "$TEST_FOLDER/pid")" 2>/dev/null && fail 'a child of the step still runs'
	[ "$(uname)" != Linux ] || ! kill -0 "$(cat "$TEST_FOLDER/stray")" 2>/dev/null || fail 'a stray still runs'
	journal | grep -q '"status":"interrupted","exit_code":143' || fail 'not interrupted'
}

test_interrupt_in_go_live_lets_the_step_end_and_undoes() {
	shop <<-END
		stages:
		  release: {go_live: true, steps: [{name: slow, run: "echo \$\$ >$TEST_FOLDER/pid; while ! test -e $TEST_FOLDER/go; do sleep 0.1; done; echo ended-well", undo: echo undone-it}, {name: never, run: echo x, undo: echo y}]}
	END
	"$SHIPIT" deploy --yes --silent --format plain >"$OUT" 2>"$ERR" </dev/null &
	local pid=$! code=0
	cleanup "touch $TEST_FOLDER/go"
	wait_until 20 test -s "$TEST_FOLDER/pid"
	kill -TERM $pid
	wait_until 20 grep -q interrupted "$OUT" "$ERR"
	: >"$TEST_FOLDER/go"
	wait $pid || code=$?
	equals $code 143
	says ended-well
	says undone-it
	silent_on 'never started'
}

# Half of it undone would be the worst of both: what has no undo is live.
test_interrupt_in_the_last_step_of_go_live() {
	shop <<-END
		stages:
		  release: {go_live: true, steps: [{name: enable, run: "true", undo: echo undone-it}, {name: switch, run: "echo \$\$ >$TEST_FOLDER/pid; while ! test -e $TEST_FOLDER/go; do sleep 0.1; done"}]}
		  behind: {needs: release, steps: [{name: never, run: echo behind}]}
	END
	"$SHIPIT" deploy --yes --silent --format plain >"$OUT" 2>"$ERR" </dev/null &
	local pid=$! code=0
	cleanup "touch $TEST_FOLDER/go"
	wait_until 20 test -s "$TEST_FOLDER/pid"
	kill -TERM $pid
	wait_until 20 grep -q interrupted "$OUT" "$ERR"
	: >"$TEST_FOLDER/go"
	wait $pid || code=$?
	equals $code 4
	silent_on undone-it
	says 'The new commit is live'
	expect 0 shipit status --json
	equals "$(json 'd["environments"][0]["commit"]')" "$(git rev-parse HEAD)"
	equals "$(json '[o["name"] for o in d["environments"][0]["owed"]]')" '["behind.never"]'
	expect 0 shipit resume
	says behind
}

test_second_interrupt_in_go_live_stops_the_step() {
	shop <<-END
		stages:
		  release: {go_live: true, steps: [{name: slow, run: "echo \$\$ >$TEST_FOLDER/pid; sleep 300", undo: echo undone-it}]}
	END
	"$SHIPIT" deploy --yes --silent --format plain >"$OUT" 2>"$ERR" </dev/null &
	local pid=$! code=0
	wait_until 20 test -s "$TEST_FOLDER/pid"
	kill -TERM $pid
	wait_until 20 grep -q interrupted "$OUT" "$ERR"
	kill -TERM $pid
	wait $pid || code=$?
	equals $code 143
	says undone-it
}

test_background_process_does_not_hold_the_deploy() {
	shop <<-END
		stages:
		  one: {steps: [{name: leaves, run: "sleep 300 & echo \$! >$TEST_FOLDER/pid"}]}
		  $release
	END
	local begun=$SECONDS
	expect 0 deploy
	[ $((SECONDS - begun)) -lt 20 ] || fail 'the deploy was held'
	kill -0 "$(cat "$TEST_FOLDER/pid")" 2>/dev/null && fail 'it still runs'
	return 0
}

test_environment_of_a_step() {
	shop <<-END
		stages:
		  one: {env: {A: stage, B: stage}, steps: [{name: look, env: {B: step}, run: 'echo "\$A \$B \$PGAPPNAME \$SHIPIT_STAGE.\$SHIPIT_STEP \${SHIPIT_KEY:-none}"; test -f "\$SHIPIT_CHANGED_FILES"; test \${#TRACEPARENT} = 55'}]}
		  $release
	END
	SHIPIT_KEY=/secret expect 0 deploy
	says 'stage step shipit:production:one.look one.look none'
}

test_deferred_failure_changes_no_exit_code() {
	shop <<-END
		stages: {$release}
		tasks: {late: {run: exit 1, deferred: true}}
	END
	expect 0 deploy
	journal | grep -q '"event":"deferred.finished","status":"failed"' || fail 'not told'
	expect 0 shipit status --json
	equals "$(json 'd["environments"][0]["owed"][0]["name"]')" late
}

test_parallel_stages_take_as_long_as_the_longest() {
	shop <<-END
		stages:
		  one: {steps: [{run: sleep 2}]}
		  two: {steps: [{run: sleep 2}]}
		  $release
	END
	expect 0 deploy
	local duration
	duration=$(journal | grep deploy.finished | grep -o 'duration_ms":[0-9]*' | cut -d: -f2)
	[ "$duration" -lt 3500 ] || fail "took $duration ms"
}

# durations STAGE STEP: what the newest record has for it.
took() { json "[x['ms'] for x in d['durations'] if (x['stage'], x['step']) == ('$1', '$2')]"; }

# between LIST LEAST MOST: one duration, in that range.
between() {
	python3 -c 'import json, sys; (x,), a, b = map(json.loads, sys.argv[1:]); sys.exit(not a <= x <= b)' \
		"$@" || fail "$1 is not one from $2 to $3"
}

test_durations_and_estimates() {
	shop <<-END
		stages:
		  one: {steps: [{name: a, run: sleep 0.4}, {name: b, run: sleep 0.2}, {name: c, run: 'true'}]}
		  two: {parallel: true, steps: [{name: a, run: sleep 0.3}, {name: b, run: sleep 0.3}]}
		  $release
		tasks:
		  index: {if_changed: [x], run: sleep 0.2}
		  pages: {if_changed: [x], run: sleep 0.1}
		  later: {if_changed: [x], run: sleep 0.3, deferred: true}
	END
	echo 'smoke: {within: 0s, checks: [{run: sleep 0.3, name: page}]}' >>deploy.yml
	commit; push
	expect 0 deploy
	expect 0 shipit show --json
	between "$(took one a)" 400 900
	between "$(took one b)" 200 390
	between "$(took one c)" 0 190
	between "$(took two b)" 300 900
	between "$(took tasks index)" 200 900
	between "$(took smoke smoke)" 300 900
	write x <<<1
	commit; push
	expect 0 shipit plan --json
	# one (0.6), release, smoke (0.3), the longest task (0.2)
	between "[$(json 'd["estimate_ms"]')]" 1100 2000
	expect 0 shipit plan
	says 'later: x matches x (~3'
	# What came of deferred steps is no deploy of its own.
	expect 0 shipit status --json
	equals "$(json 'd["environments"][0]["id"]')" "$(ls .git/shipit/deploys)"
	equals "$(json 'd["environments"][0]["owed"]')" '[]'
}

test_status_behind_deferred_steps() {
	shop <<-END
		stages: {$release}
		tasks:
		  good: {if_changed: [x], run: 'true', deferred: true}
		  bad: {if_changed: [x], run: 'exit 3', deferred: true}
	END
	expect 0 deploy
	expect 0 shipit status
	silent_on 'last:'
	says 'owed: task bad'
	silent_on 'owed: task good'
	commit; push
	sed -i.bak 's/run: echo switched/run: exit 1/' pipelines/web.yml
	commit; push
	expect 1 deploy
	expect 0 shipit status
	says ' failed: release.switch: exit code 1'
}

# A signal before anything runs: one line, the code, nothing left of it.
ends_well() {
	local signal=$1 code=0
	kill "-$signal" "$pid"
	wait "$pid" || code=$?
	equals "$code" "$2"
	equals "$(grep -c 'interrupted: nothing was run' "$ERR")" 1
	if kill -0 "$(cat "$TEST_FOLDER/slow")" 2>/dev/null; then fail 'git was left running'; fi
	[ -z "$(ls .git/shipit/deploys 2>/dev/null)" ] || fail 'a folder was left'
}

test_signal_while_planning() {
	shop <<<"stages: {$release}"
	write "$TEST_FOLDER/slow.sh" <<-END
		echo \$\$ >$TEST_FOLDER/slow.new; mv $TEST_FOLDER/slow.new $TEST_FOLDER/slow; exec sleep 60
	END
	git config remote.origin.uploadpack "sh $TEST_FOLDER/slow.sh"
	for command in 'plan' 'deploy --yes'; do
		for signal in INT:130 TERM:143; do
			rm -f "$TEST_FOLDER/slow"
			# shellcheck disable=SC2086  # a command and its flags
			"$SHIPIT" $command >"$OUT" 2>"$ERR" </dev/null &
			pid=$!
			wait_until 20 test -s "$TEST_FOLDER/slow"
			ends_well "${signal%:*}" "${signal#*:}"
		done
	done
	rm "$TEST_FOLDER/slow"
	"$SHIPIT" deploy --json --yes >"$OUT" 2>"$ERR" </dev/null &
	pid=$!
	wait_until 20 test -s "$TEST_FOLDER/slow"
	ends_well TERM 143
	equals "$(json '[d["event"], d["status"], d["exit_code"]]')" '["deploy.finished", "interrupted", 143]'
}

test_signal_while_checking_out() {
	shop <<<"stages: {$release}"
	write .gitattributes <<<'*.slow filter=slow'
	write a.slow <<<a
	commit; push
	write "$TEST_FOLDER/slow.sh" <<-END
		echo \$\$ >$TEST_FOLDER/slow.new; mv $TEST_FOLDER/slow.new $TEST_FOLDER/slow; exec sleep 60
	END
	for signal in INT:130 TERM:143 HUP:129; do
		git config filter.slow.smudge "sh $TEST_FOLDER/slow.sh"
		rm -f "$TEST_FOLDER/slow"
		"$SHIPIT" deploy --yes --silent >"$OUT" 2>"$ERR" </dev/null &
		pid=$!
		wait_until 20 test -s "$TEST_FOLDER/slow"
		ends_well "${signal%:*}" "${signal#*:}"
		git config --unset filter.slow.smudge
		expect 0 deploy
		cmp a.slow "$TEST_FOLDER"/cache/shipit/worktrees/*/production/a.slow
		rm -rf .git/shipit
		write a.slow <<<"$signal"
		commit; push
	done
}

# The screen is a pipe that nobody reads: the line that waits for room in it is in the journal
# already.
test_the_journal_knows_what_the_screen_shows() {
	{
		echo "stages: {$release}"
		echo 'tasks:'
		for i in $(seq 1500); do
			echo "  task-with-a-long-name-for-a-pipe-to-fill-$i: {if_changed: [x], run: 'true'}"
		done
	} >"$TEST_FOLDER/pipeline"
	shop <"$TEST_FOLDER/pipeline"
	commit again; push
	write "$TEST_FOLDER/look.py" <<-'END'
		import glob, os, signal, subprocess, sys, time
		def size():
		    known = sorted(glob.glob('.git/shipit/deploys/*/events.ndjson'))
		    return os.path.getsize(known[-1]) if known else 0
		child = subprocess.Popen([sys.argv[1], 'deploy', '--json', '--yes', '--silent', '--from', 'HEAD~1'],
		    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
		before, same = 0, 0
		while same < 4 and child.poll() is None:
		    time.sleep(0.05)
		    now = size()
		    same = same + 1 if now and now == before else 0
		    before = now
		os.kill(child.pid, signal.SIGSTOP)
		journal = open(sorted(glob.glob('.git/shipit/deploys/*/events.ndjson'))[-1], 'rb').read()
		shown = os.read(child.stdout.fileno(), 1 << 20)
		os.kill(child.pid, signal.SIGCONT)
		child.communicate()
		assert len(shown) > 4000, len(shown)
		assert journal.startswith(shown) and len(journal) > len(shown), (len(journal), len(shown))
	END
	expect 0 python3 "$TEST_FOLDER/look.py" "$SHIPIT"
}

# The machine died while git made the checkout: git itself stumbles over what is left of it.
test_checkout_that_died_in_the_making() {
	local tree admin state
	for state in "file:$TEST_FOLDER/state" git; do
		new_repo "repo-${state%%:*}"
		simple_config
		sed -i.old "s|^state: .*|state: $state|" deploy.yml
		rm deploy.yml.old
		commit state
		push
		expect 0 shipit deploy --yes --silent
		tree=$(git worktree list --porcelain | sed -n 's/^worktree //p' | tail -n 1)
		admin=$(git -C "$tree" rev-parse --absolute-git-dir)
		printf '%040d\n' 0 >"$admin/HEAD"
		expect 0 shipit deploy --yes --silent --redeploy
		stderr_has 'A checkout that died in the making is made anew.'
		: >"$admin/commondir"
		expect 0 shipit deploy --yes --silent --redeploy
		echo initializing >"$admin/locked"
		rm -rf "$tree"
		expect 0 shipit deploy --yes --silent --redeploy
		equals "$(git -C "$tree" rev-parse HEAD)" "$(git rev-parse HEAD)"
	done
	# Somebody else's is left alone.
	git worktree add -q "$TEST_FOLDER/theirs"
	printf '%040d\n' 0 >.git/worktrees/theirs/HEAD
	expect 1 shipit deploy --yes --silent --redeploy
	stderr_has 'git worktree remove --force PATH'
}

run_tests
