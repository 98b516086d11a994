#!/usr/bin/env bash
# shipit deploy from end to end: order, exit codes, what is owed, signals, the step's environment.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# pipeline: stdin. The store is a folder; each step may write to $TEST_FOLDER.
shop() {
	new_repo
	write deploy.yml <<-END
		app: shop
		pipeline: p
		state: file:$TEST_FOLDER/state
		environments:
		  production: {branch: master, url: "http://127.0.0.1:1", vars: {COLOR: blue}}
	END
	write pipelines/p.yml
	write README <<<shop
	commit first
	push
	FIRST=$(git rev-parse HEAD)
	export T="$TEST_FOLDER"
}

deploy() { shipit deploy --yes --silent "$@"; }
live() {
	shipit status --json >"$TEST_FOLDER/status" 2>/dev/null
	python3 -c "import json,sys; print(json.load(open(sys.argv[1]))['environments'][0]['commit'])" \
		"$TEST_FOLDER/status"
}
owed() {
	shipit status --json >"$TEST_FOLDER/status" 2>/dev/null
	python3 -c "import json,sys; print(' '.join(sorted(o['name'] for o in json.load(open(sys.argv[1]))['environments'][0]['owed'])))" \
		"$TEST_FOLDER/status"
}

test_two_deploys_and_nothing_to_do() {
	shop <<-'END'
		stages:
		  build: {if_changed: ["src/**"], steps: [{name: compile, run: 'echo built >>$T/built'}]}
		  release: {go_live: true, steps: [{name: switch, run: 'echo $SHIPIT_COMMIT >$T/live'}]}
		tasks:
		  categories: {if_changed: ["category/**"], run: 'echo done >>$T/categories'}
	END
	expect 0 deploy
	equals "$(cat "$T/live")" "$FIRST"
	equals "$(live)" "$FIRST"
	expect 0 deploy
	says 'Nothing to do'
	write category/a <<<x
	commit second
	push
	rm "$T/built" "$T/categories"
	expect 0 deploy
	equals "$(cat "$T/live")" "$(git rev-parse HEAD)"
	[ -e "$T/categories" ] || fail 'the task did not run'
	[ ! -e "$T/built" ] || fail 'an unchanged stage ran'
	expect 0 shipit history --json
	equals "$(json "[r['status'] for r in d]")" '["ok", "ok"]'
	equals "$(json "d[0]['previous']")" "$FIRST"
	expect 0 deploy --redeploy
	[ -e "$T/built" ] || fail '--redeploy did not select everything'
}

test_failure_before_go_live_changes_nothing() {
	shop <<-'END'
		stages:
		  slow: {steps: [{name: sleep, run: 'sleep 30; echo slow >$T/slow'}]}
		  bad: {steps: [{name: break, run: 'echo the cause >&2; exit 7'}]}
		  release: {go_live: true, steps: [{name: switch, run: 'echo x >$T/live'}]}
		on_failure:
		  - {name: tell, run: 'echo "$SHIPIT_STATUS $SHIPIT_FAILED_STEP" >$T/told'}
	END
	SECONDS=0
	expect 1 deploy
	[ "$SECONDS" -lt 15 ] || fail 'the parallel stage was not cancelled'
	[ ! -e "$T/live" ] || fail 'it went live'
	says 'bad.break'
	says 'the cause'
	equals "$(cat "$T/told")" 'failed bad.break'
	equals "$(live)" None
	expect 0 shipit history --json
	equals "$(json "[d[0]['status'], d[0]['exit_code']]")" '["failed", 1]'
}

test_undo_in_reverse_order() {
	shop <<-'END'
		stages:
		  release:
		    go_live: true
		    steps:
		      - {name: one, run: 'echo one >>$T/log', undo: 'echo undo one >>$T/log'}
		      - {name: two, run: 'echo two >>$T/log', undo: 'echo undo two >>$T/log'}
		      - {name: three, run: 'exit 3', undo: 'echo undo three >>$T/log'}
	END
	expect 1 deploy
	equals "$(tr '\n' ',' <"$T/log")" 'one,two,undo three,undo two,undo one,'
	equals "$(live)" None
}

test_go_live_failure_without_undo_needs_attention() {
	shop <<-'END'
		stages:
		  release:
		    go_live: true
		    steps:
		      - {name: one, run: 'echo one >>$T/log'}
		      - {name: two, run: 'exit 3'}
	END
	expect 4 deploy
}

test_failing_task_is_owed_until_done() {
	shop <<-'END'
		stages:
		  release: {go_live: true, steps: [{name: switch, run: 'echo x >>$T/live'}]}
		tasks:
		  index: {if_changed: ["src/**"], run: 'test -e $T/fixed'}
		  other: {run: 'true'}
	END
	expect 4 deploy
	equals "$(owed)" index
	equals "$(live)" "$FIRST"
	write README <<<again
	commit again
	push
	expect 0 shipit plan --json
	equals "$(json "[t['selected'] for t in d['tasks'] if t['name'] == 'index']")" '[true]'
	says 'owed since'
	touch "$T/fixed"
	expect 0 shipit task --yes --silent
	equals "$(owed)" ''
	expect 0 deploy
	equals "$(owed)" ''
}

test_failing_stage_behind_go_live() {
	shop <<-'END'
		stages:
		  release: {go_live: true, steps: [{name: switch, run: 'true'}]}
		  after: {needs: [release], steps: [{name: break, run: 'false'}]}
	END
	expect 4 deploy
	equals "$(live)" "$FIRST"
	equals "$(owed)" after.break
}

test_skipped_work_is_owed() {
	shop <<-'END'
		stages:
		  a: {steps: [{name: one, run: 'true'}]}
		  b: {steps: [{name: one, run: 'true'}, {name: two, run: 'true'}]}
		  release: {go_live: true, steps: [{name: switch, run: 'true'}]}
		tasks:
		  index: {run: 'true'}
	END
	expect 0 deploy --only b --skip b.two --no-task index
	equals "$(owed)" 'a b.two index'
	expect 0 deploy
	equals "$(owed)" ''
}

test_environment_of_a_step() {
	shop <<-'END'
		stages:
		  build:
		    env: {STAGE: yes, BOTH: stage}
		    steps:
		      - {name: make, run: 'echo "made=4 2" >>$SHIPIT_OUTPUT', env: {BOTH: step}}
		      - name: look
		        env: {BOTH: step}
		        run: 'echo "$SHIPIT $SHIPIT_APP $SHIPIT_ENV $SHIPIT_STAGE.$SHIPIT_STEP $COLOR $STAGE $BOTH $made [$SHIPIT_PREVIOUS] $SHIPIT_BRANCH $SHIPIT_DEPLOYER" >$T/env; tr "\0" "," <$SHIPIT_CHANGED_FILES >$T/changed; pwd >$T/pwd; git rev-parse HEAD >$T/head'
		  release: {go_live: true, steps: [{name: switch, run: 'echo "$made" >$T/made'}]}
	END
	echo dirty >>README
	expect 0 deploy
	equals "$(cat "$T/env")" '1 shop production build.look blue yes step 4 2 [] master ann@example.com'
	equals "$(cat "$T/changed")" 'README,deploy.yml,pipelines/p.yml,'
	equals "$(cat "$T/head")" "$FIRST"
	equals "$(cat "$T/made")" '4 2'
	equals "$(cat "$(cat "$T/pwd")/README")" shop
}

test_json_is_events_and_never_asks() {
	shop <<-'END'
		stages:
		  release: {go_live: true, steps: [{name: switch, run: 'echo "::error::fake"'}]}
	END
	expect 3 shipit deploy --json
	expect 3 shipit deploy
	stderr_has --yes
	expect 0 deploy --json
	python3 - "$OUT" <<-'END'
		import json, sys
		events = [json.loads(line) for line in open(sys.argv[1])]
		assert events[0]['event'] == 'deploy.started', events[0]
		assert any(e['event'] == 'deploy.finished' and e['status'] == 'ok' for e in events)
		assert [e['seq'] for e in events] == sorted(e['seq'] for e in events)
	END
}

test_interrupt_before_go_live_leaves_nothing() {
	shop <<-'END'
		stages:
		  build: {steps: [{name: sleep, run: 'echo $$ >$T/pid; setsid sleep 61 & sleep 60'}]}
		  release: {go_live: true, steps: [{name: switch, run: 'echo x >$T/live'}]}
	END
	local code=0 pid
	"$SHIPIT" deploy --yes --silent >"$OUT" 2>"$ERR" </dev/null &
	pid=$!
	wait_until 10 test -s "$T/pid"
	kill -TERM "$pid"
	wait "$pid" || code=$?
	equals "$code" 143
	! kill -0 "$(cat "$T/pid")" 2>/dev/null || fail 'the step still runs'
	[ ! -e "$T/live" ] || fail 'it went live'
	expect 0 shipit history --json
	equals "$(json "d[0]['status']")" interrupted
}

test_stages_in_parallel() {
	shop <<-'END'
		stages:
		  one: {steps: [run: 'sleep 1']}
		  two: {steps: [run: 'sleep 1']}
		  release: {go_live: true, steps: [run: 'true']}
	END
	local start end
	start=$(date +%s%N)
	expect 0 deploy -j4
	end=$(date +%s%N)
	[ $(((end - start) / 1000000)) -lt 1900 ] || fail "took $(((end - start) / 1000000)) ms"
}

test_the_record_is_kept_on_the_remote() {
	shop <<-'END'
		stages:
		  release: {go_live: true, steps: [{name: switch, run: 'true'}]}
	END
	sed -i 's/^state:.*/state: git/' deploy.yml
	commit 'state: git'
	push
	expect 0 deploy
	git clone -q "$TEST_FOLDER/repo.git" "$TEST_FOLDER/other"
	cd "$TEST_FOLDER/other"
	equals "$(live)" "$(git rev-parse HEAD)"
	expect 0 deploy
	says 'Nothing to do'
}

test_exec_and_task_by_name() {
	shop <<-'END'
		stages:
		  release: {go_live: true, steps: [{name: switch, run: 'true'}]}
		tasks:
		  index: {if_changed: ["src/**"], run: 'echo indexed >>$T/index'}
	END
	expect 0 deploy
	rm "$T/index"
	expect 0 shipit task index --yes --silent
	equals "$(cat "$T/index")" indexed
	expect 2 shipit task idnex --yes
	says "did you mean"
	# shellcheck disable=SC2016
	expect 0 shipit exec -- sh -c 'echo "$SHIPIT_APP $COLOR"'
	stdout_has 'shop blue'
	expect 7 shipit exec -- sh -c 'exit 7'
}

test_values_asked_for() {
	shop <<-'END'
		ask:
		  REASON: {prompt: "Why?", match: "^[a-z]+$"}
		stages:
		  release: {go_live: true, steps: [{name: switch, run: 'echo "$REASON" >$T/reason'}]}
	END
	expect 3 deploy
	says '--set REASON'
	expect 2 deploy --set REASON=42
	expect 0 deploy --set REASON=because
	equals "$(cat "$T/reason")" because
}

test_workspace_here_runs_what_is_checked_out() {
	shop <<-'END'
		stages:
		  release: {go_live: true, steps: [{name: switch, run: 'cp README $T/seen; pwd >$T/where'}]}
		tasks: {index: {if_changed: [index], run: 'cp README $T/indexed'}}
	END
	echo 'workspace: here' >>deploy.yml
	commit here
	push
	echo 'not yet committed' >README
	expect 0 deploy
	says '1 uncommitted change will be part of what is deployed'
	equals "$(cat "$T/seen")" 'not yet committed'
	equals "$(cat "$T/where")" "$(pwd -P)"
	git checkout -q README
	echo second >README
	commit second
	push
	# Another commit than the one that is checked out would be recorded, and not be there.
	git checkout -q HEAD~1
	expect 2 deploy --ref master
	says "'workspace: here' runs what is checked out"
	expect 2 shipit plan --ref master
	expect 0 deploy # what is checked out is what is meant
	says 'Nothing to do'
	git checkout -q master
	expect 0 deploy
	equals "$(cat "$T/seen")" second
	equals "$(live)" "$(git rev-parse HEAD)"
	expect 0 shipit task index
	git checkout -q HEAD~1
	expect 2 shipit task index
	expect 0 shipit rollback --yes --silent # from a checkout of its own
	equals "$(cat "$T/seen")" shop
}

test_submodules_and_filters_as_git_has_them() {
	git config --global protocol.file.allow always
	git config --global filter.rot.clean 'tr a-z n-za-m'
	git config --global filter.rot.smudge 'tr n-za-m a-z'
	git config --global filter.rot.required true
	new_repo library
	write lib.txt <<<one
	commit library
	push
	shop <<-'END'
		stages:
		  build: {if_changed: [/vendor/lib/], steps: [{run: 'echo x >>$T/built'}]}
		  release:
		    go_live: true
		    steps:
		      - run: |
		          { cat word vendor/lib/lib.txt; ls vendor/lib; } >$T/seen
		          touch vendor/lib/stale
	END
	write .gitattributes <<<'word filter=rot'
	write word <<<hello
	git submodule --quiet add "$T/library.git" vendor/lib
	commit vendor
	push
	equals "$(git show HEAD:word)" uryyb
	expect 0 deploy
	equals "$(paste -sd' ' "$T/seen")" 'hello one lib.txt'
	write "$T/library/lib.txt" <<<two
	git -C "$T/library" commit -qam two
	git -C "$T/library" push -q origin master
	git -C vendor/lib pull -q
	commit 'the library is newer'
	push
	expect 0 deploy
	equals "$(paste -sd' ' "$T/seen")" 'hello two lib.txt'
	equals "$(wc -l <"$T/built" | tr -d ' ')" 2
}

run_tests
