#!/bin/bash
# Secrets reach who names them, and nothing else: no log, no event, no error, no other step.
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2016  # commands of steps
source "$(dirname "$0")/lib.sh"

# A pipeline whose go-live step runs $1 with the secret KEY; more of deploy.yml on stdin.
shop() {
	new_repo
	write deploy.yml <<-END
		app: shop
		pipeline: simple
		state: file:$TEST_FOLDER/state
		environments:
		  production: {branch: master, protected: false}
		$(cat)
	END
	write pipelines/simple.yml <<-END
		stages:
		  build: {steps: [{name: compile, run: 'env >$TEST_FOLDER/plain.env'}]}
		  release:
		    go_live: true
		    steps:
		      - {name: switch, secrets: [KEY], run: '$1'}
	END
	commit 'a shop'
	push
}

# Nothing that shipit wrote holds the value in $1.
nowhere() {
	silent_on "$1"
	if grep -rF -- "$1" "$(git rev-parse --git-common-dir)/shipit" "$TEST_FOLDER/state" >&2; then
		fail "a record holds: $1"
	fi
}

test_taken_out_of_everything() {
	shop 'echo "key=$KEY"; printf s3cr; sleep 0.2; printf "3t-v%s\n" alue; echo "$KEY" >&2; printf %s "$KEY" | base64; exit 3' <<-'END'
		secrets: {KEY: {env: SHOP_KEY}}
	END
	SHOP_KEY=s3cr3t-value expect 4 shipit deploy --yes --verbose
	says 'key=***'
	nowhere s3cr3t-value
	nowhere czNjcjN0LXZhbHV
	[ "$(grep -c '\*\*\*' "$(git rev-parse --git-common-dir)"/shipit/deploys/*/logs/release.switch.log)" = 4 ] ||
		fail "$(cat "$(git rev-parse --git-common-dir)"/shipit/deploys/*/logs/*)"
}

test_only_who_names_it_has_it() {
	shop 'test "$KEY" = s3cr3t-value; env | grep -c SHOP_KEY >count || :; test "$(cat count)" = 0' <<-'END'
		secrets: {KEY: {env: SHOP_KEY}}
	END
	SHOP_KEY=s3cr3t-value SHIPIT_KEY=/k SHIPIT_KEY_DATA=d expect 0 shipit deploy --yes
	if grep -E 'SHOP_KEY|SHIPIT_KEY|s3cr3t' plain.env "$TEST_FOLDER/plain.env" 2>/dev/null; then
		fail 'the build step had it'
	fi
}

test_from_a_command() {
	shop 'test "$KEY" = s3cr3t-value; echo "$KEY"' <<-END
		secrets: {KEY: {command: "echo read >>$TEST_FOLDER/reads; echo s3cr3t-value"}}
	END
	expect 0 shipit deploy --yes --format json
	stdout_has '"line":"***"'
	nowhere s3cr3t-value
	equals "$(wc -l <"$TEST_FOLDER/reads" | tr -d ' ')" 1
}

test_missing_is_found_before_anything_runs() {
	shop 'true' <<-'END'
		secrets: {KEY: {env: SHOP_KEY}}
	END
	expect 2 shipit deploy --yes
	says 'the secret KEY is read from the variable SHOP_KEY, which is not set'
	[ ! -e "$TEST_FOLDER/plain.env" ] || fail 'a step was run'
}

test_command_that_fails_stops_before_go_live() {
	shop "touch $TEST_FOLDER/live" <<-'END'
		secrets: {KEY: {command: "exit 7"}}
	END
	expect 1 shipit deploy --yes
	says 'the command of the secret KEY'
	[ ! -e "$TEST_FOLDER/live" ] || fail 'it went live'
}

test_github_is_told_to_mask() {
	shop 'echo "$KEY"' <<-'END'
		secrets: {KEY: {env: SHOP_KEY}}
	END
	SHOP_KEY='s3cr3t%value' expect 0 shipit deploy --yes --format github
	equals "$(cat "$OUT" "$ERR" | grep -c 's3cr3t')" 1
	says '::add-mask::s3cr3t%25value'
}

test_live_commit_expands() {
	shop 'true' <<-END
		secrets: {KEY: {env: SHOP_KEY}}
	END
	sed -i.bak 's|protected: false}|protected: false, vars: {PORT: "9"}, live_commit: {url: "http://127.0.0.1:${PORT}/${KEY}"}}|' deploy.yml
	commit; push
	SHOP_KEY=s3cr3t-value expect 0 shipit plan
	says 'http://127.0.0.1:9/***'
	silent_on s3cr3t-value
	sed -i.bak 's|{PORT}|{PROT}|' deploy.yml
	commit; push
	SHOP_KEY=s3cr3t-value expect 2 shipit plan
	says "unknown variable '\${PROT}'"
	SHOP_KEY=s3cr3t-value expect 2 shipit deploy --yes
}

run_tests
