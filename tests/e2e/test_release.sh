#!/bin/bash
# Kind release on this machine: prepared beside, switched to at go-live, kept for rollbacks.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/lib.sh"

# shop MORE: a pipeline whose stage `tree` makes a release of the commit; MORE: further keys of it.
# Go-live steps on stdin.
shop() {
	new_repo
	write deploy.yml <<-END
		app: shop
		pipeline: simple
		state: file:$TEST_FOLDER/state
		environments:
		  production: {branch: master, vars: {TO: $TEST_FOLDER/srv}}
		fingerprints: {TEXT: [text]}
	END
	write pipelines/simple.yml <<-END
		stages:
		  tree:
		    steps: [{name: site, release: {to: "\${TO}"$1}}]
		  release:
		    go_live: true
		    steps:
		$(sed 's/^/      /')
	END
	write site/page <<<'one'
	write site/deep/er/page <<<'deep'
	write notes/secret <<<'not this'
	ln -s page site/link
	chmod +x site/deep/er/page
	release one
}

release() {
	echo "$1" >text
	echo "$1" >site/page
	commit "$1"
	push
	expect "${2:-0}" shipit deploy --yes --silent
}

current() { basename "$(readlink "$TEST_FOLDER/srv/current")"; }
releases() { find "$TEST_FOLDER/srv/releases" -mindepth 1 -maxdepth 1 -not -name '.before-*' | wc -l | tr -d ' '; }
shows() { equals "$(cat "$TEST_FOLDER/srv/current/$1")" "$2"; }
unlock() { expect 0 shipit unlock; }

test_commit_becomes_a_release() {
	shop ', exclude: [notes, "*.yml"]' <<<'- run: "true"'
	shows text one
	shows site/link one
	[ -L "$TEST_FOLDER/srv/current/site/link" ] || fail 'a link became a file'
	[ -x "$TEST_FOLDER/srv/current/site/deep/er/page" ] || fail 'the mode is lost'
	[ ! -e "$TEST_FOLDER/srv/current/notes" ] || fail 'what is excluded is there'
	[ ! -e "$TEST_FOLDER/srv/current/deploy.yml" ] || fail 'what is excluded is there'
	[ ! -e "$TEST_FOLDER/srv/current/.git" ] || fail 'git is there'
	shows REVISION "$(git rev-parse HEAD)"
	python3 -c '
import json, sys
d = json.load(open(sys.argv[1]))
assert d["commit"] == sys.argv[2] and d["id"] == sys.argv[3], d
assert len(d["fingerprints"]["SHIPIT_HASH_TEXT"]) == 16, d
' "$TEST_FOLDER/srv/current/release.json" "$(git rev-parse HEAD)" "$(current)"
	says 'release.publish-tree-site'
	expect 0 shipit history --json
	equals "$(json 'd[0]["artefacts"]["tree.site"]["place"].endswith("/srv/releases/" + d[0]["id"])')" true
}

# The tree is the commit's, whatever was built or changed in the checkout.
test_tree_is_the_commits() {
	shop '' <<<'- run: "true"'
	sed -i.bak "s|steps: .{name: site|steps: [{run: 'echo built >site/page; echo new >extra'}, {name: site|" pipelines/simple.yml
	rm pipelines/simple.yml.bak
	release two
	shows site/page two
	[ ! -e "$TEST_FOLDER/srv/current/extra" ] || fail 'an untracked file is in the release'
}

test_folder_becomes_a_release() {
	shop ', from: site, exclude: deep' <<<'- run: "true"'
	shows page one
	[ -L "$TEST_FOLDER/srv/current/link" ] || fail 'a link became a file'
	[ ! -e "$TEST_FOLDER/srv/current/deep" ] || fail 'what is excluded is there'
	sed -i.bak 's/from: site/from: nowhere/' pipelines/simple.yml
	rm pipelines/simple.yml.bak
	local before
	before=$(current)
	release two 1
	says 'cannot read the folder'
	equals "$(current)" "$before"
	equals "$(releases)" 2	# the half-made one is there and hidden
}

test_nothing_is_seen_before_go_live() {
	shop '' <<-'END'
		- run: 'test ! -e $TO/current || test "$(cat $TO/current/text)" != "$(cat text)"'
		- publish: tree.site
		- run: 'test "$(cat $TO/current/text)" = "$(cat text)"'
	END
	release two
	shows text two
	silent_on 'publish-tree-site'
}

test_failure_behind_the_switch_is_undone() {
	shop '' <<-END
		- {publish: tree.site}
		- {run: 'test ! -e $TEST_FOLDER/broken', undo: 'true'}
	END
	local before
	before=$(current)
	touch "$TEST_FOLDER/broken"
	release two 1
	says 'Production is as it was'
	equals "$(current)" "$before"
	rm -r "$TEST_FOLDER/srv/current" "$TEST_FOLDER/state"
	release three 1
	[ ! -e "$TEST_FOLDER/srv/current" ] || fail 'there was no current release before'
}

test_check_behind_the_switch() {
	shop ", check: 'test \$(cat \$TO/current/text) != BAD'" <<<'- publish: tree.site'
	release BAD 1
	says 'check: exit code 1'
	shows text one
	release two
	shows text two
}

test_rollback_publishes_what_was_kept() {
	shop '' <<<'- run: "true"'
	local one
	one=$(current)
	release two
	expect 0 shipit rollback --yes --silent
	equals "$(current)" "$one"
	shows text one
	says 'release.publish-tree-site'
	expect 0 shipit history --json
	equals "$(json 'd[0]["artefacts"]["tree.site"]["release"] == d[0]["release"]')" true
	unlock
	release three
	expect 0 shipit rollback --yes --silent
	equals "$(current)" "$one"
}

# A stage that had nothing to do keeps the release of an earlier deploy.
test_rollback_of_a_stage_that_was_skipped() {
	shop '' <<<'- run: "true"'
	sed -i.bak 's/  tree:/&\n    if_changed: [site]/' pipelines/simple.yml
	rm pipelines/simple.yml.bak
	release two
	local two
	two=$(current)
	echo more >text
	commit 'nothing in site'
	push
	expect 0 shipit deploy --yes --silent
	equals "$(current)" "$two"
	release four
	expect 0 shipit rollback --yes --silent
	equals "$(current)" "$two"
}

test_release_that_is_gone_is_built_again() {
	shop '' <<<'- run: "true"'
	local one
	one=$(current)
	release two
	rm "$TEST_FOLDER/srv/releases/$one/REVISION"
	expect 3 shipit rollback
	says "releases/$one is not here; it was kept at"
	shows text two
	expect 0 shipit rollback --build --yes --silent
	shows text one
	[ "$(current)" != "$one" ] || fail 'a release that is not whole was switched to'
}

test_keeps_so_many() {
	shop ', keep: 2' <<<'- run: "true"'
	release two
	local two
	two=$(current)
	equals "$(releases)" 2
	mkdir -p "$TEST_FOLDER/srv/releases/.19990101-000000-abcdef0.part/half"
	release three
	equals "$(releases)" 2
	expect 0 shipit rollback --yes --silent
	equals "$(current)" "$two"
	unlock
	release four
	equals "$(releases)" 2
	expect 0 shipit rollback --yes --silent
	equals "$(current)" "$two"
}

# The one before must stay until it is known that the new one is well.
test_keeps_one_and_rolls_back_all_the_same() {
	shop ', keep: 1' <<<'- run: "true"'
	printf 'smoke: {within: 0s, checks: [{run: "! grep -q BAD %s/srv/current/text"}]}\n' "$TEST_FOLDER" >>deploy.yml
	release two
	equals "$(releases)" 1
	release BAD 5
	shows text two
}

test_shared_paths() {
	shop ', shared: [notes/log, site/deep]' <<<'- run: "true"'
	shows site/deep/er/page deep
	echo kept >"$TEST_FOLDER/srv/current/notes/log/today"
	release two
	shows notes/log/today kept
	shows site/deep/er/page deep
	[ -d "$TEST_FOLDER/srv/shared/notes/log" ] || fail 'it is not shared'
	sed -i.bak 's|notes/log|../../outside|' pipelines/simple.yml
	rm pipelines/simple.yml.bak
	release three 1
	says 'no path below the release'
}

test_both_halves_in_the_go_live_stage() {
	# shellcheck disable=SC2016  # for shipit, not for the shell
	shop '' <<<'- {name: at-once, release: {to: "${TO}/other"}}'
	local one
	one=$(basename "$(readlink "$TEST_FOLDER/srv/other/current")")
	release two
	equals "$(cat "$TEST_FOLDER/srv/other/current/text")" two
	expect 0 shipit rollback --yes --silent
	equals "$(basename "$(readlink "$TEST_FOLDER/srv/other/current")")" "$one"
}

test_mistakes() {
	shop '' <<<'- run: "true"'
	# shellcheck disable=SC2016
	sed -i.bak 's|{name: site, release: {to: "${TO}"}}|{release: {to: srv, batch: 2}}|' pipelines/simple.yml
	rm pipelines/simple.yml.bak
	commit; push
	expect 2 shipit check
	says "'batch' is for hosts, and the step names none"
	says "'to' must be an absolute path, not 'srv'"
	says 'pipelines/simple.yml:3:'
	write pipelines/simple.yml <<-'END'
		stages:
		  tree: {steps: [{name: site, release: {to: /srv}}, {publish: tree.site}]}
		  release: {go_live: true, steps: [{publish: tree.other}]}
	END
	expect 2 shipit check
	says "publish: 'tree.site' stands outside the go-live stage"
	says "publish: 'tree.other' is no step before go-live"
}

test_folder_in_place_of_the_link() {
	shop '' <<<'- publish: tree.site'
	rm "$TEST_FOLDER/srv/current"
	mkdir "$TEST_FOLDER/srv/current"
	release two 1
	says "srv/current' is no link"
}

run_tests
