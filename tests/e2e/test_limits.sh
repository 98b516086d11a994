#!/bin/bash
# What this version cannot do is refused in a sentence; what a clone lacks is fetched or told.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/lib.sh"

test_kinds_of_later_versions() {
	new_repo
	simple_config
	write pipelines/simple.yml <<-'END'
		stages:
		  release:
		    go_live: true
		    steps:
		      - {run: 'true'}
		      - {ota_publish: {from: dist, to: 'file:ota', runtime: 1.2.0}}
	END
	commit; push
	for command in check plan 'deploy --yes'; do
		# shellcheck disable=SC2086  # a command and its flag
		expect 2 shipit $command
		says "this version of shipit cannot run a step of kind 'ota_publish'"
		says 'it runs: run, ssh, release, '
	done
}

test_pool() {
	new_repo
	simple_config
	printf '  staging: {branch: "*", members: {one: {}, two: {}}}\n' >>deploy.yml
	commit; push
	expect 2 shipit -e staging plan
	says "the environment 'staging' is a pool"
	expect 0 shipit plan
}

test_plan_shows_first_lines() {
	new_repo
	simple_config
	write pipelines/simple.yml <<-'END'
		stages:
		  release:
		    go_live: true
		    steps:
		      - name: switch
		        run: |
		          echo one
		          echo two
	END
	commit; push
	expect 0 shipit plan
	says 'switch echo one …'
	silent_on 'echo two'
	silent_on '�'
}

test_smoke_in_a_pipeline() {
	new_repo
	simple_config
	write pipelines/simple.yml <<-END
		stages:
		  build: {steps: [{name: compile, run: 'true'}]}
		  look:
		    needs: [build]
		    steps:
		      - smoke:
		          within: 0s
		          checks: [{run: 'echo looked; test ! -e $TEST_FOLDER/broken', name: page}]
		  release:
		    go_live: true
		    needs: [look]
		    steps: [{run: 'true'}]
	END
	commit; push
	expect 0 shipit check
	expect 0 shipit deploy --yes --format json
	stdout_has '"event":"smoke.check"'
	stdout_has '"line":"looked"'
	touch "$TEST_FOLDER/broken"
	commit; push
	expect 1 shipit deploy --yes
	says 'look.smoke'
	says 'page: exit code 1'
}

# A shallow clone lacks the live commit: it is fetched.
test_shallow_clone() {
	new_repo
	simple_config
	expect 0 shipit deploy --yes
	for i in 1 2 3; do
		write category/a.txt <<<"$i"
		commit "change $i"
	done
	push
	git clone -q --depth 1 "file://$TEST_FOLDER/repo.git" "$TEST_FOLDER/shallow"
	cd "$TEST_FOLDER/shallow" || exit 1
	expect 0 shipit plan --json
	equals "$(json 'd["previous"]')" "$(git -C "$TEST_FOLDER/repo" rev-parse HEAD~3)"
	equals "$(json '[f["path"] for f in d["changed"]]')" '["category/a.txt"]'
	equals "$(json '[t["selected"] for t in d["tasks"]]')" '[true]'
	equals "$(json '[c["subject"] for c in d["commits"]] in (["change 3", "change 2", "change 1"], ["change 3"])')" true
}

# The live commit is gone from everywhere (a forced push): all is selected, and the plan says so.
test_unknown_live_commit() {
	new_repo
	simple_config
	commit 'to be lost'; push
	expect 0 shipit deploy --yes
	git reset -q --hard HEAD~1
	git push -q -f origin HEAD
	rm -rf "$TEST_FOLDER/again"
	git clone -q "$TEST_FOLDER/repo.git" "$TEST_FOLDER/away"
	git -C "$TEST_FOLDER/repo.git" reflog expire --expire=now --all
	git -C "$TEST_FOLDER/repo.git" gc -q --prune=now
	rm -rf "$TEST_FOLDER/away"
	git clone -q "$TEST_FOLDER/repo.git" "$TEST_FOLDER/away"
	cd "$TEST_FOLDER/away" || exit 1
	expect 0 shipit plan
	says 'is not in this repository, nor on the remote'
	expect 0 shipit plan --json
	equals "$(json 'all(s["selected"] for s in d["stages"]) and all(t["selected"] for t in d["tasks"])')" true
}

test_offline_says_how_old() {
	new_repo
	simple_config
	sed -i.bak '/^state:/d' deploy.yml
	commit; push
	expect 0 shipit deploy --yes
	expect 0 shipit plan
	mv "$TEST_FOLDER/repo.git" "$TEST_FOLDER/gone.git"
	expect 0 faketime -f +2h "$SHIPIT" plan --offline
	says 'offline: the shared state is as of '
	says ', 2h'
	says ' ago'
}

run_tests
