#!/bin/bash
# guards.ci: the commit's checks must be green; pending ones are waited for with --wait.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/lib.sh"
# shellcheck source=lib_vendors.sh
source "$(dirname "$0")/lib_vendors.sh"

# deploy.yml with guards.ci as the argument.
shop() {
	unset GITHUB_RUN_ID CI_PIPELINE_ID
	new_repo
	write deploy.yml <<-END
		app: shop
		pipeline: simple
		state: file:$TEST_FOLDER/state
		environments: {production: {branch: "*", protected: ${PROTECTED:-true}}}
		secrets: {KEY: {env: TEST_KEY}}
		guards: {ci: $1}
	END
	write pipelines/simple.yml <<-END
		stages: {release: {go_live: true, steps: [{name: switch, run: "true"}]}}
	END
	commit 'a shop'
	push
	export TEST_KEY=$VENDORS_KEY
}
github() { shop "{github: acme/shop, token: \"\${KEY}\", endpoint: \"$VENDORS_URL\"}"; }
gitlab() { shop "{gitlab: acme/shop, token: \"\${KEY}\", endpoint: \"$VENDORS_URL\"}"; }
# checks NAME:STATUS:CONCLUSION[:RUN]...
checks() {
	python3 - "$VENDORS_FOLDER/checks" "$@" <<-'END'
		import json, os, sys
		runs = []
		for one in sys.argv[2:]:
		    name, status, conclusion, run = (one + ":::").split(":")[:4]
		    runs.append({"id": len(runs) + 1, "name": name, "status": status, "conclusion": conclusion or None,
		                 "details_url": "https://github.com/acme/shop/actions/runs/%s/job/1" % (run or 7)})
		json.dump({"total_count": len(runs), "check_runs": runs}, open(sys.argv[1] + ".new", "w"))
		os.rename(sys.argv[1] + ".new", sys.argv[1])
	END
}
verdict() { expect 0 shipit plan --json && json '[g["verdict"] + ": " + str(g["reason"]) for g in d["guards"] if g["name"] == "ci"][0]'; }

test_github_checks_and_statuses() {
	vendors
	github
	checks build:completed:success docs:completed:skipped lint:completed:neutral
	equals "$(verdict)" 'pass: GitHub says that it is green'
	equals "$(told '[one["problem"] for one in r if one["problem"]]')" '[]'
	equals "$(told 'r[0]["path"]')" "/repos/acme/shop/commits/$(git rev-parse HEAD)/check-runs"
	checks build:completed:success test:completed:failure deps:completed:timed_out
	equals "$(verdict)" 'refuse: GitHub says that the commit is not green: test (failure), deps (timed_out)'
	expect 3 shipit deploy --yes
	says "the guard 'ci' refuses this deploy: GitHub says that the commit is not green: test (failure)"
	checks build:completed:success
	printf '%s' '{"state": "failure", "statuses": [{"context": "ci/old", "state": "error"}, {"context": "x", "state": "success"}]}' >"$VENDORS_FOLDER/statuses"
	equals "$(verdict)" 'refuse: GitHub says that the commit is not green: ci/old (error)'
	rm "$VENDORS_FOLDER/statuses"
	checks build:completed:success
	expect 0 shipit deploy --yes
	! grep -rF -e "$VENDORS_KEY" "$OUT" "$ERR" .git/shipit || fail 'a secret was written'
	# What is live is not asked for again.
	expect 0 shipit deploy --yes
	says 'Nothing to do'
}

test_pending_is_waited_for_with_wait() {
	vendors
	github
	checks build:completed:success test:in_progress
	equals "$(verdict)" 'refuse: GitHub is not done with the commit: test (in_progress) (--wait waits for it)'
	expect 3 shipit deploy --yes
	expect 3 shipit deploy --yes --wait=100ms
	shipit deploy --yes --wait=1m >"$TEST_FOLDER/waiting" 2>&1 &
	local waiter=$!
	wait_until 20 grep -qF 'waiting: GitHub is not done with the commit: test (in_progress)' "$TEST_FOLDER/waiting"
	checks build:completed:success test:completed:success
	wait "$waiter" || fail "$(cat "$TEST_FOLDER/waiting")"
	# Without any check nobody knows: a commit that was just pushed has none yet.
	git commit -q --allow-empty -m next
	push
	checks
	equals "$(verdict)" 'refuse: GitHub knows of no checks of the commit (--wait waits for it)'
}

# A deploy that runs as a job of the commit's own workflow does not wait for itself.
test_its_own_run_is_left_out() {
	vendors
	github
	checks build:completed:success:41 deploy:in_progress::42
	equals "$(GITHUB_RUN_ID=42 verdict)" 'pass: GitHub says that it is green'
	equals "$(GITHUB_RUN_ID=4 verdict)" 'refuse: GitHub is not done with the commit: deploy (in_progress) (--wait waits for it)'
	checks deploy:in_progress::42
	equals "$(GITHUB_RUN_ID=42 verdict)" "pass: GitHub knows of no other checks than this run's"
}

test_gitlab_pipelines() {
	vendors
	gitlab
	printf '[{"id": 9, "status": "success"}, {"id": 8, "status": "failed"}]' >"$VENDORS_FOLDER/pipelines"
	equals "$(verdict)" 'pass: GitLab says that it is green'
	equals "$(told '[one["problem"] for one in r if one["problem"]]')" '[]'
	printf '[{"id": 9, "status": "failed"}]' >"$VENDORS_FOLDER/pipelines"
	equals "$(verdict)" 'refuse: GitLab says that the commit is not green: pipeline 9 (failed)'
	printf '[{"id": 9, "status": "running"}]' >"$VENDORS_FOLDER/pipelines"
	equals "$(verdict)" 'refuse: GitLab is not done with the commit: pipeline 9 (running) (--wait waits for it)'
	equals "$(CI_PIPELINE_ID=9 verdict)" "pass: GitLab knows of no other checks than this run's"
	printf '[]' >"$VENDORS_FOLDER/pipelines"
	equals "$(verdict)" 'refuse: GitLab knows of no checks of the commit (--wait waits for it)'
}

# Nobody gets past by making the question fail.
test_what_cannot_be_asked_refuses() {
	vendors
	github
	checks build:completed:success
	local fault
	for fault in 401 403 404 422; do
		faults "github-checks $fault"
		verdict | grep -q '^refuse: GitHub did not take the question' || fail "$fault: $(verdict)"
	done
	faults 'github-status html'
	verdict | grep -q '^refuse: GitHub did not take the question' || fail "$(verdict)"
	faults 'github-checks redirect'
	verdict | grep -q 'redirect' || fail "$(verdict)"
	told_nothing_elsewhere
	faults
	TEST_KEY=wrong verdict | grep -q 'it does not know the token' || fail "$(TEST_KEY=wrong verdict)"
	expect 0 shipit deploy --yes --override ci --reason 'GitHub is down'
}

test_a_command_decides() {
	export VENDORS_KEY=key-of-the-test
	shop "{command: 'test \"\$SHIPIT_COMMIT\" = \"\$(git rev-parse HEAD)\"; touch $TEST_FOLDER/ran; exit \$(cat $TEST_FOLDER/code)'}"
	echo 0 >"$TEST_FOLDER/code"
	# Looking runs nothing.
	equals "$(verdict)" 'pass: None'
	[ ! -e "$TEST_FOLDER/ran" ] || fail 'plan ran the command'
	expect 0 shipit plan
	says 'known at deploy'
	expect 0 shipit plan --run-commands --json
	equals "$(json '[g["reason"] for g in d["guards"] if g["name"] == "ci"][0]')" 'the command says that it is green'
	echo 1 >"$TEST_FOLDER/code"
	expect 3 shipit deploy --yes
	says 'the command says that the commit is not green (exit code 1)'
	echo 75 >"$TEST_FOLDER/code"
	expect 3 shipit deploy --yes
	says 'the command says: not done yet (--wait waits for it)'
	shipit deploy --yes --wait=1m >"$TEST_FOLDER/waiting" 2>&1 &
	local waiter=$!
	wait_until 20 grep -qF 'waiting: the command says: not done yet' "$TEST_FOLDER/waiting"
	echo 0 >"$TEST_FOLDER/code"
	wait "$waiter" || fail "$(cat "$TEST_FOLDER/waiting")"
}

# The live release's guard counts too: no commit takes it away for itself.
test_the_live_guard_counts_too() {
	vendors
	github
	checks build:completed:success
	expect 0 shipit deploy --yes
	sed -i.bak '/^guards/d' deploy.yml && rm deploy.yml.bak
	commit 'without the guard'
	push
	checks build:completed:failure
	expect 3 shipit deploy --yes
	says 'build (failure)'
}

test_unprotected_environments_are_warned() {
	vendors
	PROTECTED=false github
	checks build:completed:failure
	verdict | grep -q '^warn: ' || fail "$(verdict)"
	expect 0 shipit deploy --yes
}

run_tests
