#!/bin/bash
# An earlier release is live again: by hand, and by a deploy whose smoke test failed.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/lib.sh"

# deploy.yml and a pipeline that builds, hands its build on, migrates and switches. What is live
# stands in $TEST_FOLDER/live; a text with BAD in it does not pass the smoke test.
# shop [LINE]...: more lines for smoke.
shop() {
	new_repo
	write deploy.yml <<-END
		app: shop
		pipeline: simple
		state: ${STATE:-file:$TEST_FOLDER/state}
		environments:
		  production: {branch: master}
		smoke:
		  within: 0s
		  checks: [{run: "! grep -q BAD $TEST_FOLDER/live", name: live}]
		$(printf '  %s\n' "$@")
	END
	write pipelines/simple.yml <<-END
		stages:
		  build:
		    steps:
		      - {name: compile, run: 'echo built >>$TEST_FOLDER/built; echo "IMAGE=\$(cat text)" >>\$SHIPIT_OUTPUT'}
		  release:
		    go_live: true
		    steps:
		      - {name: migrate, run: 'echo migrated >>$TEST_FOLDER/migrated', rollback: skip}
		      - {name: switch, run: 'echo "\$IMAGE \$(cat text)" >$TEST_FOLDER/live'}
		      - {name: flag, run: 'echo on >$TEST_FOLDER/flag', rollback: 'echo "off \$SHIPIT_ROLLBACK" >$TEST_FOLDER/flag'}
		  behind: {needs: release, steps: [{run: 'echo >>$TEST_FOLDER/behind'}]}
		tasks:
		  words: {if_changed: [text], run: 'cat text >$TEST_FOLDER/words'}
		  others: {if_changed: [other], run: 'touch $TEST_FOLDER/others'}
	END
	release one
}

# release TEXT: commits and deploys it.
release() {
	echo "$1" >text
	commit "$1"
	push
	expect "${2:-0}" shipit deploy --yes --silent
}

live() { equals "$(cat "$TEST_FOLDER/live")" "$1 $1"; }
lines() { wc -l <"$TEST_FOLDER/$1" | tr -d ' '; }
# id COMMIT: of its first deploy.
id() {
	local OUT=$TEST_FOLDER/id ERR=$TEST_FOLDER/id.err
	expect 0 shipit history --json
	json "[r['id'] for r in d if r['commit'] == '$(git rev-parse "$1")' and r['kind'] == 'deploy'][-1]"
}
status() { expect 0 shipit status --json; json "d['environments'][0]['$1']"; }
unlock() { expect 0 shipit unlock; }
locked() { expect 0 shipit status --json; equals "$(json 'd["environments"][0]["lock"]["kind"]')" hold; }

test_previous_release_without_building_it() {
	shop
	release two
	rm "$TEST_FOLDER/others"
	expect 0 shipit rollback --yes --silent
	live one
	equals "$(lines built)" 2
	equals "$(lines migrated)" 2
	equals "$(lines behind)" 2
	equals "$(cat "$TEST_FOLDER/flag")" 'off 1'
	equals "$(cat "$TEST_FOLDER/words")" one
	[ ! -e "$TEST_FOLDER/others" ] || fail 'a task that the change has nothing to do with ran'
	says 'rolling back shop on production'
	says 'the earlier release is live again'
	says 'production is locked'
	equals "$(status commit)" "$(git rev-parse HEAD~)"
	expect 0 shipit history --json
	equals "$(json 'd[0]["kind"] + " " + d[0]["status"]')" 'rollback ok'
	equals "$(json 'd[0]["release"] == d[-1]["id"] and d[0]["previous"] == d[1]["commit"]')" true
	expect 0 shipit plan --json
	equals "$(json 'd["previous"]')" "$(git rev-parse HEAD~)"
	equals "$(json '[f["path"] for f in d["changed"]]')" '["text"]'
}

test_again_goes_one_further_back() {
	shop
	release two
	release three
	expect 0 shipit rollback --yes --silent
	live two
	expect 0 shipit rollback --yes --silent
	live one
	expect 1 shipit rollback --yes --silent
	says 'there is no release before'
	live one
	expect 0 shipit rollback --yes --silent "$(id master)"
	live three
	expect 0 shipit rollback --yes --silent --json
	live two
}

test_by_id() {
	shop
	release two
	release three
	local one
	one=$(id HEAD~2)
	expect 2 shipit rollback --yes 19990101
	says "there is no deploy '19990101'"
	expect 0 shipit rollback --yes --silent "$one"
	live one
	expect 0 shipit rollback --yes --silent "$one"
	says 'Nothing to do'
	equals "$(lines migrated)" 3
	echo 'exit 1' >text
	sed 's/echo built/false/' pipelines/simple.yml >new && mv new pipelines/simple.yml
	unlock
	commit four
	push
	expect 1 shipit deploy --yes --silent
	expect 2 shipit rollback --yes "$(id HEAD)"
	says 'did not make anything live'
}

test_far_back() {
	shop
	release two
	deploy_often shipit
	expect 0 shipit rollback --yes --silent
	live one
}

test_nothing_to_roll_back() {
	new_repo
	simple_config
	expect 1 shipit rollback --yes
	says 'nothing is live yet'
	expect 0 shipit deploy --yes
	expect 1 shipit rollback --yes
	says 'there is no release before'
	expect 0 shipit deploy --yes --redeploy
	expect 1 shipit rollback --yes
}

test_asks_and_shows_its_plan() {
	shop
	release two
	expect 3 shipit rollback
	says '--yes'
	says 'rollback of shop to production'
	silent_on '0 commits'
	live two
	expect 0 shipit rollback --dry-run --json
	equals "$(json 'd["rollback"]')" "$(id HEAD~)"
	live two
}

test_without_lock() {
	shop
	release two
	expect 0 shipit rollback --yes --silent --no-lock
	silent_on 'is locked'
	equals "$(status lock)" null
	expect 0 shipit rollback --yes --silent "$(id HEAD)"
	locked
}

# A lock is no reason to leave the bad release live, and one that is there stays what it was.
test_lock_and_lease() {
	shop
	release two
	expect 0 shipit rollback --yes --silent
	locked
	expect 0 shipit status --json
	equals "$(json 'd["environments"][0]["lock"]["reason"]')" \
		"rolled back from $(git rev-parse --short=7 HEAD) to $(git rev-parse --short=7 HEAD~)"
	echo three >text
	commit three
	push
	expect 3 shipit deploy --yes
	says 'rolled back from'
	local two
	two=$(id HEAD~)
	expect 0 shipit rollback --yes --silent "$two"
	live two
	unlock
	expect 0 shipit lock -m 'the auditors are here'
	expect 0 shipit rollback --yes --silent
	live one
	expect 0 shipit status --json
	equals "$(json 'd["environments"][0]["lock"]["reason"]')" 'the auditors are here'
	unlock
	sed -i.bak "s|echo built|touch $TEST_FOLDER/begun; test ! -p $TEST_FOLDER/go \|\| cat $TEST_FOLDER/go; echo built|" pipelines/simple.yml
	rm pipelines/simple.yml.bak
	mkfifo "$TEST_FOLDER/go"
	commit slow
	push
	shipit deploy --yes --silent >"$TEST_FOLDER/slow" 2>&1 &
	wait_until 10 test -e "$TEST_FOLDER/begun"
	expect 3 shipit rollback --yes "$two"
	says 'ann@example.com'
	echo >"$TEST_FOLDER/go"
	wait "$!"
	live three
}

test_smoke_failure_rolls_back() {
	shop
	release BAD 5
	live one
	equals "$(lines built)" 2
	says 'the smoke test failed: rolling back to'
	says 'rolled back: the previous release is live again'
	equals "$(find .git/shipit/deploys -mindepth 1 -maxdepth 1 | wc -l | tr -d " ")" 3
	expect 0 shipit history --json
	equals "$(json '[(r["kind"], r["status"], r["exit_code"]) for r in d]')" \
		'[["deploy", "rolled_back", 5], ["rollback", "ok", 0], ["deploy", "ok", 0]]'
	equals "$(json 'd[0]["live"] == d[1]["live"] == d[2]["commit"]')" true
	equals "$(status commit)" "$(git rev-parse HEAD~)"
	locked
	unlock
	release three
	live three
	expect 0 shipit rollback --yes --silent
	live one
}

test_smoke_failure_on_the_git_store() {
	export STATE=git
	shop
	release BAD 5
	live one
	equals "$(status commit)" "$(git rev-parse HEAD~)"
	locked
}

# One deploy begins and ends for who reads the events, whatever it does in between.
test_one_stream_of_events() {
	shop
	echo BAD >text
	commit BAD
	push
	expect 5 shipit deploy --yes --json
	equals "$(python3 -c '
import json, sys
e = [json.loads(line) for line in open(sys.argv[1])]
ends = [x for x in e if x["event"] in ("deploy.started", "deploy.finished")]
print([x.get("status") for x in ends], ends[-1]["exit_code"],
      len([x for x in e if x["event"] == "go_live"]),
      [x["seq"] for x in e] == sorted(set(x["seq"] for x in e)))' "$OUT")" \
		"[None, 'rolled_back'] 5 2 True"
	local folder
	folder=$(echo .git/shipit/deploys/*-2)
	[ -d "$folder" ] || folder=$(dirname "$(grep -l '"rollback"' .git/shipit/deploys/*/events.ndjson)")
	grep -q '"event":"deploy.finished".*"status":"ok"' "$folder/events.ndjson" ||
		fail 'the rollback has no journal of its own'
}

test_first_release_cannot_roll_back() {
	shop
	rm -rf "$TEST_FOLDER/state"
	release BAD 4
	says 'there is no release before this one to roll back to'
	live BAD
}

test_rollback_that_is_not_well_either() {
	shop
	echo BAD >"$TEST_FOLDER/poison"
	sed -i.bak "s|rollback: 'echo|rollback: 'echo BAD >>$TEST_FOLDER/live; echo|" pipelines/simple.yml
	rm pipelines/simple.yml.bak
	release two
	release BAD 4
	says 'THE ROLLBACK IS NOT WELL EITHER'
	equals "$(head -n 1 "$TEST_FOLDER/live")" 'two two'
	equals "$(status commit)" "$(git rev-parse HEAD~)"
	expect 0 shipit history --json
	equals "$(json '[(r["kind"], r["status"], r["exit_code"]) for r in d[:2]]')" \
		'[["deploy", "failed_live", 4], ["rollback", "failed_live", 4]]'
	locked
	release_one=$(id HEAD~2)
	expect 0 shipit rollback --yes --silent "$release_one"
	live one
}

test_rollback_whose_go_live_fails() {
	shop
	sed -i.bak "s|rollback: 'echo|rollback: 'test ! -e $TEST_FOLDER/broken; echo|" pipelines/simple.yml
	rm pipelines/simple.yml.bak
	release two
	touch "$TEST_FOLDER/broken"
	release BAD 4
	says 'NOT ROLLED BACK: the rollback'
	equals "$(status commit)" "$(git rev-parse HEAD)"
}

test_on_fail_stop_and_ask() {
	shop 'on_fail: stop'
	release BAD 4
	live BAD
	sed -i.bak 's/on_fail: stop/on_fail: ask/' deploy.yml
	rm deploy.yml.bak
	release two
	release BAD 5
	live two
}

# Pages must show what they showed then: the commit of the stage that made them.
test_smoke_test_of_an_earlier_stage() {
	local port first
	port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	mkdir "$TEST_FOLDER/www"
	python3 -m http.server --bind 127.0.0.1 --directory "$TEST_FOLDER/www" "$port" >/dev/null 2>&1 &
	cleanup "kill $!"
	wait_until 10 python3 -c "import socket; socket.create_connection(('127.0.0.1', $port))"
	new_repo
	write deploy.yml <<-END
		app: shop
		pipeline: simple
		state: file:$TEST_FOLDER/state
		environments:
		  production: {branch: master, url: "http://127.0.0.1:$port"}
		smoke:
		  within: 0s
		  commit: {match: 'page of ([0-9a-f]+)', of: build}
		  checks: [{get: /}]
	END
	write pipelines/simple.yml <<-END
		stages:
		  build: {if_changed: [page], steps: [{run: 'true'}]}
		  release:
		    go_live: true
		    steps: [{run: 'echo "page of \$PAGE" >$TEST_FOLDER/www/index.html'}]
	END
	echo one >page
	commit 'a page'
	push
	first=$(git rev-parse HEAD)
	PAGE=$first expect 0 shipit deploy --yes --silent
	commit 'no page'
	push
	PAGE=$first expect 0 shipit deploy --yes --silent
	echo two >page
	commit 'another page'
	push
	PAGE=$(git rev-parse HEAD) expect 0 shipit deploy --yes --silent
	PAGE=$first expect 0 shipit rollback --yes --silent
	expect 0 shipit history --json
	equals "$(json 'd[0]["stages"]["build"]')" "$first"
}

key() { printf '%s' "$TEST_FOLDER/keys/$1"; }
as() { local name=$1; shift; SHIPIT_KEY=$(key "$name") SHIPIT_DEPLOYER=${CLAIMED:-$name} "$SHIPIT" "$@"; }
later() { local name=$1; shift; faketime -f '+3h' env SHIPIT_KEY="$(key "$name")" SHIPIT_DEPLOYER="${CLAIMED:-$name}" "$SHIPIT" "$@"; }

# His own deploy a trainee takes back alone, also when nobody is online any more; the signature
# tells whose it is.
test_trainee_takes_back_what_he_made() {
	command -v faketime >/dev/null || skip 'no faketime'
	new_repo
	simple_config
	{
		echo 'roster:'
		for name in ann bob; do
			SHIPIT_KEY=$(key "$name") "$SHIPIT" keygen -q --name "$name" \
				--role "$([ "$name" = ann ] && echo trained || echo trainee)" | sed 's/^/  /'
		done
	} >>deploy.yml
	sed -i.bak 's/protected: false/protected: true/' deploy.yml
	rm deploy.yml.bak
	commit one
	push
	expect 0 as ann deploy --yes --silent
	commit two
	push
	expect 0 as ann deploy --yes --silent
	CLAIMED=bob expect 0 later bob rollback --dry-run --json
	equals "$(json '[g["verdict"] for g in d["guards"] if g["name"] == "roster"]')" '["refuse"]'
	CLAIMED=ann expect 3 later bob rollback --yes
	says 'a trainee rolls back his own deploys'
	expect 0 as ann online --for 1h
	commit three
	push
	expect 0 as bob deploy --yes --silent
	expect 0 later bob rollback --yes --silent
	equals "$(cat "$TEST_FOLDER/live")" "$(git rev-parse HEAD~)"
}

test_irreversible_is_not_passed() {
	shop
	sed -i.bak 's/rollback: skip/irreversible: true, rollback: skip/' pipelines/simple.yml
	rm pipelines/simple.yml.bak
	release two
	local two
	two=$(id HEAD)
	expect 3 shipit rollback --yes
	says "release.migrate of $two is marked irreversible"
	says '--override irreversible --reason TEXT'
	expect 2 shipit rollback --yes --override irreversible
	expect 2 shipit rollback --yes --override friday --reason no
	live two
	release BAD 4
	says 'NOT ROLLED BACK: the guard'
	live BAD
	expect 0 shipit rollback --yes --silent --override irreversible --reason 'all is lost'
	live two
	expect 0 shipit history
	says 'all is lost'
}

# The release before cannot run on what is left of its tables.
test_migration_that_drops_is_not_passed() {
	shop
	write app/migrations/0001_first.sql <<<'ALTER TABLE users ADD COLUMN nick text;'
	release two
	expect 0 shipit rollback --dry-run --json
	equals "$(json '[g["verdict"] for g in d["guards"] if g["name"] == "irreversible"]')" '["pass"]'
	write app/migrations/0002_second.sql <<<'ALTER TABLE users DROP COLUMN nick;'
	release three
	expect 3 shipit rollback --yes
	says 'app/migrations/0002_second.sql:1:'
	live three
	release BAD 5	# the migration was there before
	live three
	unlock
	write app/migrations/0003_third.sql <<<'DROP TABLE users;'
	release BAD 4
	says 'app/migrations/0003_third.sql:1:'
	live BAD
	expect 0 shipit rollback --yes --silent --override irreversible --reason 'from the backup'
	live three
}

test_plan_says_what_will_not_be_rolled_back() {
	shop
	sed -i.bak 's/rollback: skip/irreversible: true/' pipelines/simple.yml
	rm pipelines/simple.yml.bak
	commit; push
	expect 0 shipit plan
	says 'a failing smoke test is not rolled back: release.migrate is irreversible'
}

# What would be read was built and is not kept: it is said before anything, and built if wanted.
test_builds_what_was_not_kept() {
	shop
	sed -i.bak "s|{name: switch, run|{name: switch, uses: [build.compile], run|" pipelines/simple.yml
	rm pipelines/simple.yml.bak
	release two
	release three
	expect 3 shipit rollback
	says 'release.switch uses what build.compile makes, which is not kept'
	says '--build'
	live three
	equals "$(lines built)" 3
	expect 0 shipit rollback --yes --silent
	live two
	equals "$(lines built)" 4
	unlock
	release BAD 5
	says 'that release is built again first'
	live two
}

test_commit_that_is_gone() {
	shop
	git checkout -q --orphan other
	echo two >text
	commit two
	git push -q -f origin other:master
	git branch -qD master
	expect 0 shipit deploy --yes --silent --override behind --reason test
	git reflog expire --expire=now --all
	git gc -q --prune=now
	git -C "$TEST_FOLDER/repo.git" gc -q --prune=now
	expect 1 shipit rollback --yes
	says 'is not in this repository'
	live two
}

# Neither a branch nor its size nor a hold is in the way, and the working tree is not looked at.
test_guards_do_not_stand_in_the_way() {
	shop
	printf 'guards: {size: {refuse: 1}}\n' >>deploy.yml
	release two 3
	expect 0 shipit deploy --yes --silent --override size --reason test
	echo '{' >deploy.yml
	git checkout -q -b elsewhere
	expect 0 shipit rollback --yes --silent
	live one
}

test_what_was_rolled_back_is_not_resumed() {
	shop 'on_fail: rollback'
	release BAD 5
	live one
	expect 3 shipit resume --silent
	stderr_has 'was rolled back: there is nothing to resume'
	unlock
	sed -i.old 's/on_fail: rollback/on_fail: stop/' deploy.yml
	release 'BAD two' 4
	expect 0 shipit rollback --yes --silent
	expect 3 shipit resume --silent "$(id HEAD)"
	stderr_has 'was rolled back: there is nothing to resume'
	live one
}

run_tests
