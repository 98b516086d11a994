#!/usr/bin/env bash
# What other programs rely on: shapes of JSON, exit codes, who is owed what, signals one after another.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# The pipeline is on stdin. EXTRA: more keys of the environment.
shop() {
	new_repo
	write pipelines/web.yml
	write deploy.yml <<-END
		app: shop
		pipeline: web
		state: file:$TEST_FOLDER/state
		environments: {production: {branch: master${EXTRA:-}}}
		${MORE:-}
	END
	commit shop
	push
	FIRST=$(git rev-parse HEAD)
	export T="$TEST_FOLDER"
}

deploy() { shipit deploy --yes --silent --format plain "$@"; }
journal() { cat .git/shipit/deploys/*/events.ndjson; }
release='release: {go_live: true, steps: [{name: switch, run: echo switched, undo: echo undone}]}'

# Starts a deploy in the background: $pid.
deploy_behind() {
	"$SHIPIT" deploy --yes --silent --format plain "$@" >"$OUT" 2>"$ERR" </dev/null &
	pid=$!
	cleanup "kill -9 $pid"
}
ends_with() {
	local code=0
	wait "$pid" || code=$?
	[ "$code" = "$1" ] || fail "exit code $code, wanted $1"
}

test_plan_json_has_every_field() {
	shop <<-END
		stages:
		  one: {if_changed: ["src/**"], steps: [{name: make, run: echo x}]}
		  $release
		tasks: {index: {if_changed: ["src/**"], run: echo x}}
	END
	expect 0 shipit plan --json
	equals "$(json 'd["previous"]')" null
	expect 0 deploy
	mkdir src; echo a >src/a; echo b >src/b
	commit second
	push
	expect 0 shipit plan --json
	equals "$(json '[k for k in "app env commit previous branch digest changed commits lines stages tasks steps maintenance risk guards notes estimate_ms".split() if k not in d]')" '[]'
	equals "$(json 'd["stages"][0]')" '{"name": "one", "selected": true, "because": {"path": "src/a", "pattern": "src/**", "count": 2}}'
	equals "$(json 'd["changed"]')" '[{"path": "src/a", "status": "A"}, {"path": "src/b", "status": "A"}]'
	equals "$(json 'sorted(d["commits"][0])')" '["author", "id", "subject"]'
	equals "$(json 'd["lines"]')" '{"added": 2, "removed": 0, "counted": 2}'
	equals "$(json 'sorted(d["steps"][0])')" '["because", "kind", "name", "selected", "stage"]'
	equals "$(json 'd["maintenance"]')" '{"needed": false, "because": []}'
	equals "$(json 'd["risk"]["level"]')" low
	equals "$(json 'sorted(d["guards"][0])')" '["name", "override", "reason", "verdict"]'
	equals "$(json 'd["previous"]')" "$FIRST"
	expect 0 shipit deploy -n --format json
	equals "$(json 'd["app"]')" shop
}

test_status_and_history_json() {
	shop <<<"stages: {$release}"
	expect 0 shipit status --json
	equals "$(json 'd')" '{"environments": [{"name": "production", "commit": null, "since": null, "deployer": null, "id": null, "behind": null, "maintenance": null, "lock": null, "online": [], "owed": []}]}'
	expect 0 deploy
	expect 0 shipit status --json
	equals "$(json 'd["environments"][0]["commit"]')" "$FIRST"
	equals "$(json 'd["environments"][0]["behind"]')" 0
	expect 0 shipit history --json
	equals "$(json '[k for k in "id env commit previous deployer started finished status".split() if k not in d[0]]')" '[]'
}

test_json_says_how_it_ended_also_when_nothing_ran() {
	shop <<-END
		stages: {$release}
	END
	expect 3 shipit deploy --json
	equals "$(json '[d["event"], d["status"], d["exit_code"]]')" '["deploy.finished", "failed", 3]'
	expect 2 shipit deploy --json --yes --ref nowhere
	equals "$(json 'd["exit_code"]')" 2
	expect 0 deploy
	expect 0 shipit deploy --json
	equals "$(json '[d["status"], d["exit_code"], "ts" in d, "duration_ms" in d]')" '["ok", 0, true, true]'
	expect 0 shipit task --json
	equals "$(json 'd["status"]')" ok
}

test_events_have_their_fields() {
	shop <<-END
		stages:
		  one: {steps: [{name: bad, run: exit 7, allow_failure: true}, {name: killed, run: 'kill -9 \$\$', allow_failure: true}]}
		  $release
		tasks: {index: {run: echo x}, other: {if_changed: [none], run: echo x, deferred: true}}
	END
	expect 0 shipit deploy --yes --silent --json
	python3 - "$OUT" <<-'END'
		import json, sys
		wanted = {
		    'deploy.started': 'id app env commit previous deployer plan',
		    'stage.started': 'stage', 'stage.finished': 'stage status duration_ms',
		    'step.started': 'stage step attempt',
		    'step.finished': 'stage step attempt status duration_ms',
		    'step.output': 'stage step stream line', 'go_live': 'commit',
		    'task.selected': 'task because', 'deferred.finished': 'status',
		    'deploy.finished': 'status exit_code duration_ms',
		}
		events = [json.loads(line) for line in open(sys.argv[1])]
		for event in events:
		    lack = [f for f in (wanted.get(event['event'], '') + ' ts seq').split() if f not in event]
		    assert not lack, (lack, event)
		missing = set(wanted) - {e['event'] for e in events}
		assert not missing, missing
		ended = {e['step']: e for e in events if e['event'] == 'step.finished'}
		assert ended['bad']['exit_code'] == 7 and 'signal' not in ended['bad'], ended['bad']
		assert ended['killed']['signal'] == 'SIGKILL' and 'exit_code' not in ended['killed'], ended['killed']
		order = [e['event'] for e in events]
		assert order.index('deploy.finished') < order.index('deferred.finished')
	END
}

test_task_alone_speaks_of_no_deploy() {
	shop <<-END
		stages: {$release}
		tasks: {index: {if_changed: [src], run: test -e $TEST_FOLDER/fine}}
	END
	expect 4 deploy
	expect 0 shipit history
	says 'tasks.index: exit code 1'
	expect 4 shipit task --yes --format plain
	says 'What is left is owed'
	: >"$TEST_FOLDER/fine"
	expect 0 shipit task --yes --format plain
	silent_on 'the deploy is live'
	says 'running tasks of shop'
	expect 0 shipit status --json
	equals "$(json 'd["environments"][0]["owed"]')" '[]'
}

test_what_is_owed_stays_owed_when_the_next_deploy_fails() {
	shop <<-END
		stages:
		  one: {if_changed: [src], steps: [{name: make, run: echo made}]}
		  release: {go_live: true, steps: [{name: switch, run: test ! -e $TEST_FOLDER/broken, undo: 'true'}]}
	END
	expect 0 deploy --skip one.make
	echo x >README; commit second; push
	: >"$TEST_FOLDER/broken"
	expect 1 deploy
	says 'made'
	expect 0 shipit plan --json
	equals "$(json '[s["selected"] for s in d["steps"] if s["name"] == "make"]')" '[true]'
	rm "$TEST_FOLDER/broken"
	expect 0 deploy
	expect 0 shipit status --json
	equals "$(json 'd["environments"][0]["owed"]')" '[]'
}

test_what_is_owed_and_no_longer_exists_is_told() {
	shop <<-END
		stages:
		  one: {steps: [{name: make, run: echo made}, {name: pack, run: echo packed}]}
		  two: {steps: [{name: make, run: echo made}]}
		  $release
		tasks: {index: {run: echo}, late: {run: echo}}
	END
	expect 0 deploy --skip one.make --only one,release --no-task index
	expect 0 shipit plan
	silent_on 'no longer exists'
	sed -i.bak -e 's/{name: make, run: echo made}, //' -e 's/index: {run: echo}, //' pipelines/*.yml
	rm pipelines/*.bak
	commit gone
	push
	expect 0 shipit plan
	says "the step 'one.make' is owed since"
	says 'no longer exists: shipit -e production task --forget one.make --reason TEXT'
	says "the task 'index' is owed since"
	silent_on "the stage 'two' is owed"
}

test_half_done_go_live_does_not_claim_that_nothing_happened() {
	shop <<-END
		stages: {release: {go_live: true, steps: [{name: one, run: 'true'}, {name: two, run: exit 1, undo: exit 1}]}}
	END
	expect 4 deploy
	silent_on 'Production is as it was'
	says 'needs attention'
	says 'The undo of release.two failed'
	says 'release.one was started and has no undo'
}

test_set_knows_its_questions() {
	shop <<-END
		ask: {COLOR: {prompt: "Which?", choices: [red, blue], default: red}}
		stages: {release: {go_live: true, steps: [{run: 'echo "color \$COLOR"'}]}}
	END
	expect 2 deploy --set COLOUR=red
	says "did you mean 'COLOR'"
	expect 2 deploy --set COLOR
	expect 2 deploy --set COLOR=green
	says 'red, blue'
	expect 0 deploy
	says 'color red'
	expect 0 deploy --redeploy --set COLOR=blue
	says 'color blue'
	expect 2 deploy --set COLOUR=red
	says "did you mean 'COLOR'"
	expect 2 shipit deploy -n --set COLOUR=red
	expect 0 deploy --set COLOR=red
	says 'Nothing to do'
}

# What runs without a deploy has its answers all the same.
test_answers_without_a_deploy() {
	# shellcheck disable=SC2016  # for the check's own shell
	MORE='smoke: {within: 0s, checks: [{name: page, run: test "$COLOR$SIZE" = red7}]}'
	shop <<-END
		ask: {COLOR: {default: red}, SIZE: {prompt: "How large?"}}
		stages: {$release}
		tasks: {paint: {if_changed: [x], run: 'echo "painted \$COLOR \$SIZE"'}}
	END
	expect 0 deploy --set SIZE=7
	expect 3 shipit smoke
	says '--set SIZE=VALUE'
	expect 0 shipit smoke --set SIZE=7
	expect 1 shipit smoke --set SIZE=7 --set COLOR=blue
	expect 2 shipit smoke --set SICE=7
	expect 3 shipit task paint --format plain
	expect 0 shipit task paint --format plain --set SIZE=7
	says 'painted red 7'
}

test_redeploy_with_nothing_live_is_a_first_deploy() {
	shop <<<"stages: {$release}"
	expect 0 deploy --redeploy
	expect 0 shipit history --json
	equals "$(json '[d[0]["previous"], d[0]["status"]]')" '[null, "ok"]'
}

test_only_and_task_names_must_exist() {
	shop <<-END
		stages:
		  one: {steps: [{name: make, run: echo x}]}
		  $release
		tasks: {index: {run: echo x}}
	END
	expect 2 deploy --only oen
	expect 2 deploy --skip maek
	expect 2 deploy --task idnex
	expect 2 deploy --no-task idnex
	expect 2 deploy -e prodution
	expect 2 deploy --override size
	expect 2 shipit frobnicate
}

test_undo_is_not_stopped_by_a_first_signal() {
	shop <<-END
		stages:
		  release:
		    go_live: true
		    steps:
		      - {name: one, run: echo a, undo: "echo undone-one"}
		      - {name: two, run: exit 1, undo: "touch $TEST_FOLDER/undoing; while ! test -e $TEST_FOLDER/go; do sleep 0.05; done; echo undone-two"}
	END
	deploy_behind
	wait_until 20 test -e "$TEST_FOLDER/undoing"
	kill -INT $pid
	wait_until 20 grep -q interrupted "$OUT" "$ERR"
	: >"$TEST_FOLDER/go"
	ends_with 1
	says undone-two
	says undone-one
}

test_third_signal_in_go_live_kills() {
	shop <<-END
		stages:
		  release: {go_live: true, steps: [{name: slow, run: "trap '' TERM; touch $TEST_FOLDER/on; while [ -d '$TEST_FOLDER' ]; do sleep 0.1; done", undo: echo undone-it}]}
	END
	deploy_behind
	wait_until 20 test -e "$TEST_FOLDER/on"
	local begun=$SECONDS
	kill -TERM $pid
	wait_until 20 grep -q 'interrupted:' "$OUT" "$ERR"
	kill -TERM $pid
	wait_until 20 grep -q 'again: stopping' "$OUT" "$ERR"
	kill -TERM $pid
	ends_with 143
	[ $((SECONDS - begun)) -lt 8 ] || fail 'it was not killed'
	says undone-it
}

test_signal_behind_go_live_needs_attention() {
	shop <<-END
		stages:
		  $release
		  after: {needs: [release], steps: [{name: slow, run: "touch $TEST_FOLDER/on; while ! test -e $TEST_FOLDER/go; do sleep 0.05; done; echo ended-well"}, {name: never, run: echo never-run}]}
		tasks: {index: {run: echo never-run}}
	END
	deploy_behind
	wait_until 20 test -e "$TEST_FOLDER/on"
	kill -INT $pid
	wait_until 20 grep -q 'interrupted:' "$OUT" "$ERR"
	: >"$TEST_FOLDER/go"
	ends_with 4
	says ended-well
	expect 0 shipit status --json
	equals "$(json 'sorted(o["name"] for o in d["environments"][0]["owed"])')" '["after.never", "index"]'
	equals "$(json 'd["environments"][0]["commit"]')" "$FIRST"
}

test_a_hanging_always_step_can_be_stopped() {
	shop <<-END
		stages:
		  one: {steps: [{name: tidy, run: "touch $TEST_FOLDER/on; sleep 300", always: true}]}
		  $release
	END
	deploy_behind
	wait_until 20 test -e "$TEST_FOLDER/on"
	kill -INT $pid
	wait_until 20 grep -q 'interrupted:' "$OUT" "$ERR"
	kill -INT $pid
	ends_with 130
}

test_signal_during_deferred_stops_only_it() {
	shop <<-END
		stages: {$release}
		tasks: {late: {run: "touch $TEST_FOLDER/on; sleep 300", deferred: true}}
	END
	deploy_behind
	wait_until 20 test -e "$TEST_FOLDER/on"
	kill -INT $pid
	ends_with 0
	expect 0 shipit status --json
	equals "$(json '[o["name"] for o in d["environments"][0]["owed"]]')" '["late"]'
}

test_deadline_behind_go_live_starts_nothing_new() {
	shop <<-END
		deadline: 1s
		stages:
		  $release
		  after: {needs: [release], steps: [{name: slow, run: "sleep 1.5; echo ended-well"}, {name: never, run: echo never-run}]}
	END
	expect 4 deploy
	says ended-well
	says deadline
	expect 0 shipit status --json
	equals "$(json '[o["name"] for o in d["environments"][0]["owed"]]')" '["after.never"]'
}

test_environment_names() {
	MORE='fingerprints: {CACHE_SCHEMA: ["pipelines/**"]}'
	shop <<-END
		stages:
		  one: {steps: [{name: look, run: 'env >$TEST_FOLDER/env'}]}
		  $release
	END
	PGAPPNAME=mine SHIPIT_KEY_DATA=secret expect 0 deploy
	for name in SHIPIT SHIPIT_ID SHIPIT_APP SHIPIT_ENV SHIPIT_COMMIT SHIPIT_PREVIOUS SHIPIT_BRANCH \
		SHIPIT_DEPLOYER SHIPIT_STAGE SHIPIT_STEP SHIPIT_URL SHIPIT_CHANGED_FILES SHIPIT_OUTPUT \
		TRACEPARENT SHIPIT_HASH_CACHE_SCHEMA; do
		grep -q "^$name=" "$TEST_FOLDER/env" || fail "$name is missing"
	done
	grep -q '^PGAPPNAME=mine$' "$TEST_FOLDER/env" || fail 'PGAPPNAME was replaced'
	! grep -q '^SHIPIT_KEY' "$TEST_FOLDER/env" || fail 'a key is in the environment'
	local hash
	hash=$(git ls-tree -r --format='%(path)%x00%(objectname)' HEAD pipelines |
		python3 -c 'import hashlib,sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest()[:16])')
	grep -q "^SHIPIT_HASH_CACHE_SCHEMA=$hash\$" "$TEST_FOLDER/env" || fail "not $hash"
}

test_refused_outputs() {
	local name
	shop <<-END
		stages:
		  one: {steps: [{name: bad, run: 'echo "\$(cat $TEST_FOLDER/name)=x" >>"\$SHIPIT_OUTPUT"'}]}
		  $release
	END
	for name in SHIPIT_ENV PATH LD_PRELOAD DYLD_INSERT_LIBRARIES; do
		echo $name >"$TEST_FOLDER/name"
		expect 1 deploy
		says "must not set '$name'"
	done
}

# Answers every request with the content of $TEST_FOLDER/says; $port.
says_live() {
	write "$TEST_FOLDER/server.py" <<-'END'
		import http.server, sys
		class Handler(http.server.BaseHTTPRequestHandler):
		    def do_GET(self):
		        body = open(sys.argv[1] + '/says', 'rb').read()
		        self.send_response(200)
		        self.send_header('content-length', str(len(body)))
		        self.end_headers()
		        self.wfile.write(body)
		    def log_message(self, *args): pass
		server = http.server.HTTPServer(('127.0.0.1', 0), Handler)
		open(sys.argv[1] + '/port.new', 'w').write(str(server.server_port))
		import os; os.rename(sys.argv[1] + '/port.new', sys.argv[1] + '/port')
		server.serve_forever()
	END
	: >"$TEST_FOLDER/says"
	python3 "$TEST_FOLDER/server.py" "$TEST_FOLDER" >/dev/null 2>&1 &
	cleanup "kill $!"
	wait_until 20 test -s "$TEST_FOLDER/port"
	port=$(cat "$TEST_FOLDER/port")
}

test_production_itself_disagrees() {
	says_live
	EXTRA=", url: 'http://127.0.0.1:$port', live_commit: {url: /version, match: 'at ([0-9a-f]{7,40})'}"
	shop <<-END
		stages:
		  one: {if_changed: ["src/**"], steps: [{name: make, run: echo x}]}
		  two: {if_changed: ["docs/**"], steps: [{name: make, run: echo x}]}
		  $release
	END
	expect 0 deploy
	echo "at $FIRST" >"$TEST_FOLDER/says"
	expect 0 deploy
	says 'Nothing to do'
	write src/a <<<a; commit second; push
	echo "at $(git rev-parse --short=8 HEAD)" >"$TEST_FOLDER/says"
	write docs/a <<<a; commit third; push
	expect 0 shipit plan --json
	equals "$(json '[s["selected"] for s in d["stages"]]')" '[true, true, true]'
	equals "$(json 'd["previous"]')" "$FIRST"
	equals "$(json 'any("WARNING" in n for n in d["notes"])')" true
	expect 0 deploy
	says 'somebody changed it without shipit'
	# The records say that HEAD is live, production says something else: that is something to do.
	echo "at $FIRST" >"$TEST_FOLDER/says"
	expect 0 shipit plan --json
	equals "$(json 'd["nothing_to_do"]')" false
	echo "at deadbeefdeadbeef" >"$TEST_FOLDER/says"
	expect 0 shipit plan --json
	equals "$(json '[d["nothing_to_do"], [s["selected"] for s in d["stages"]]]')" '[false, [true, true, true]]'
	echo "nonsense" >"$TEST_FOLDER/says"
	expect 0 shipit plan --json
	equals "$(json '[d["nothing_to_do"], any("did not say" in n for n in d["notes"])]')" '[true, true]'
}

test_guards_refuse_and_are_overridden() {
	shop <<<"stages: {$release}"
	git switch -q -c side
	echo x >x; commit side; git push -q origin side
	expect 3 deploy --ref side
	says "the guard 'branch' refuses"
	expect 2 deploy --ref side --override branch
	expect 0 deploy --ref side --override branch --reason why
	expect 2 deploy --redeploy --override brnach --reason why
	expect 0 shipit history
	says 'overrode branch: why'
	journal | grep '"event":"guard"' | grep '"name":"branch"' | grep '"status":"refuse"' | grep -q 'overridden: why' || fail 'no event'
	echo y >x; git commit -qam unpushed
	expect 3 deploy --ref HEAD --override branch --reason why
	says "the guard 'unpushed' refuses"
	expect 0 shipit plan --ref HEAD
}

test_failed_smoke_test_needs_attention() {
	says_live
	EXTRA=", url: 'http://127.0.0.1:$port'"
	MORE='smoke: {within: 1s, on_fail: stop, checks: [{get: /, contains: fine}]}'
	shop <<-END
		stages: {$release}
		tasks: {index: {run: echo never-run}}
		on_failure: [{run: 'echo "told \$SHIPIT_STATUS [\$SHIPIT_FAILED_STEP]"; exit 9'}]
	END
	expect 4 deploy
	says 'told failed_live [smoke.'
	expect 0 shipit status --json
	equals "$(json '[d["environments"][0]["commit"], d["environments"][0]["owed"][0]["name"]]')" "[\"$FIRST\", \"index\"]"
	echo fine >"$TEST_FOLDER/says"
	expect 0 deploy
	says 'owed since'
}

test_always_runs_behind_a_failed_go_live_step() {
	shop <<-END
		stages:
		  release:
		    go_live: true
		    steps:
		      - {name: one, run: exit 1, undo: echo undone-one}
		      - {name: tidy, run: echo tidied, always: true, undo: echo undone-tidy}
		      - {name: never, run: echo x, undo: echo undone-never}
	END
	expect 1 deploy
	says tidied
	says undone-tidy
	journal | grep '"step":"never"' | grep -q '"status":"cancelled"' || fail 'never is not cancelled'
}

test_trailers_and_forget() {
	shop <<-END
		stages: {$release}
		tasks: {index: {if_changed: [src], run: exit 1}}
	END
	expect 4 deploy
	expect 2 shipit task --forget index
	expect 2 shipit task --forget idnex --reason x
	expect 0 shipit task --forget index --reason 'done by hand'
	expect 0 shipit history
	says 'forget  forgot index: done by hand'
	expect 0 shipit status --json
	equals "$(json 'd["environments"][0]["owed"]')" '[]'
	commit "$(printf 'again\n\nDeploy-Task: index\nDeploy-Note: mind the gap\n')"
	push
	expect 0 shipit plan --json
	equals "$(json 'd["tasks"][0]["because"]["trailer"]')" 'Deploy-Task: index'
	equals "$(json 'any("mind the gap" in n for n in d["notes"])')" true
}

test_what_cannot_be_recorded_is_not_deployed() {
	shop <<<"stages: {$release}"
	echo x >"$TEST_FOLDER/state"
	expect 2 deploy
	silent_on 'release.switch started'
}

test_from_pretends() {
	shop <<-END
		stages:
		  one: {if_changed: ["src/**"], steps: [{name: make, run: echo x}]}
		  $release
	END
	expect 0 deploy
	write src/a <<<a; commit second; push
	expect 0 deploy
	expect 0 shipit plan --from "$FIRST" --json
	equals "$(json '[d["previous"], d["stages"][0]["selected"], d["nothing_to_do"]]')" "[\"$FIRST\", true, false]"
	expect 0 deploy --from "$FIRST"
	expect 2 deploy --from nowhere
}

test_a_written_timeout_in_go_live_insists() {
	shop <<-END
		stages:
		  release: {go_live: true, steps: [{name: slow, run: "trap '' TERM; while [ -d '$TEST_FOLDER' ]; do sleep 0.1; done", timeout: 300ms, undo: echo undone-it}]}
	END
	local begun=$SECONDS
	expect 1 deploy
	says 'timeout of 300ms'
	says undone-it
	[ $((SECONDS - begun)) -lt 30 ] || fail 'it was not killed'
}

test_uses_brings_back_what_was_left_out() {
	shop <<-END
		stages:
		  one: {if_changed: [src], steps: [{name: make, run: echo made}]}
		  two: {needs: [one], steps: [{name: pack, run: echo packed, uses: [one.make]}]}
		  $release
	END
	expect 0 deploy
	write README <<<x; commit second; push
	expect 0 deploy
	says 'two.pack uses it'
	says made
}

test_nothing_hides_the_first_cause() {
	shop <<-END
		stages:
		  one: {steps: [{name: bad, run: echo first-cause; exit 3}, {name: tidy, run: exit 4, always: true}]}
		  two: {steps: [{name: slow, run: "trap 'exit 5' TERM; sleep 30 & wait"}]}
		  $release
		on_failure: [{name: tell, run: exit 6}]
	END
	expect 1 deploy
	journal | grep deploy.finished | grep -q '"failed_step":"one.bad"' || fail 'not the first cause'
	says 'exit code 3'
}

test_commands_and_folders_that_do_not_exist() {
	shop <<-END
		stages:
		  one: {steps: [{name: bad, run: [no-such-command, x]}]}
		  $release
	END
	expect 1 deploy
	says 'no-such-command'
	sed -i.bak 's/run: \[no-such-command, x\]/run: echo x, dir: nowhere/' pipelines/web.yml
	commit second; push
	expect 1 deploy
	says 'nowhere'
}

test_exec_has_the_environment() {
	shop <<<"stages: {$release}"
	expect 0 deploy
	# shellcheck disable=SC2016
	expect 0 shipit exec -- sh -c 'echo "$SHIPIT $SHIPIT_ENV $SHIPIT_COMMIT"'
	stdout_has "1 production $FIRST"
	expect 2 shipit exec
	expect 3 shipit exec -- sh -c 'exit 3'
}

# Deployed by other means before: no record, and the branch went on since.
test_what_only_production_knows() {
	says_live
	EXTRA=", url: 'http://127.0.0.1:$port', live_commit: {url: /version, match: 'at ([0-9a-f]{7,40})'}"
	shop <<-END
		stages: {$release}
		tasks: {index: {if_changed: [x], run: 'echo "indexed \$SHIPIT_COMMIT"'}}
	END
	commit second; push
	echo "at ${FIRST:0:9}" >"$TEST_FOLDER/says"
	# shellcheck disable=SC2016
	expect 0 shipit exec -- sh -c 'echo "$SHIPIT_COMMIT"; git rev-parse HEAD'
	equals "$(sort -u "$OUT")" "$FIRST"
	expect 0 shipit task index --format plain
	says "indexed $FIRST"
	expect 0 shipit plan --redeploy --json
	equals "$(json '[d["commit"], d["previous"]]')" "[\"$FIRST\", \"$FIRST\"]"
	echo 'at deadbeefdeadbeef' >"$TEST_FOLDER/says"
	expect 2 shipit exec -- true
	says 'production says that deadbeefdead is live, which is not in this repository'
	expect 0 shipit plan --redeploy --from "$FIRST" --json
	equals "$(json 'd["commit"]')" "$FIRST"
}

# What somebody is told to type is for the environment that he means.
test_hints_name_the_environment() {
	local folder=$TEST_FOLDER/state/staging
	new_repo
	simple_config
	sed -i.old 's/^  production:.*/&\n  staging: {branch: "*", protected: false}/' deploy.yml
	rm deploy.yml.old
	commit staging
	push
	expect 0 shipit -e staging deploy --yes --silent
	expect 2 shipit -e staging plan --task nonsense
	stderr_has 'shipit -e staging plan lists them'
	expect 2 shipit -e staging rollback 19990101
	stderr_has 'shipit -e staging history'
	expect 1 shipit -e staging rollback --yes --silent
	stderr_has 'shipit -e staging history'
	stderr_has 'shipit -e staging deploy --ref COMMIT'
	mkdir -p "$folder"
	printf '{"token":"x","command":"task","length":120000,"phase":"before"}' >"$folder/lease.json"
	expect 3 shipit -e staging deploy --yes --silent --redeploy
	stderr_has 'ask it to end: shipit -e staging stop'
}

run_tests
