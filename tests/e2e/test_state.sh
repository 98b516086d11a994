#!/usr/bin/env bash
# status, history, show and logs; the state in refs of the remote, on branches and in a folder.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

state_is() {
	sed "s|^state: .*|state: $1|" deploy.yml >deploy.new
	mv deploy.new deploy.yml
	commit "state is $1"
	push
}

test_nothing_deployed_yet() {
	new_repo
	simple_config
	expect 0 shipit status
	stdout_has 'nothing was deployed here yet'
	expect 0 shipit status --json
	equals "$(json 'd["environments"][0]["commit"]')" null
	equals "$(json 'd["environments"][0]["owed"]')" '[]'
	expect 0 shipit history --json
	equals "$(json d)" '[]'
	expect 2 shipit show
	expect 2 shipit show 20260101
	expect 2 shipit logs
	stderr_has 'no deploy was started on this machine yet'
}

test_ids_of_two_clones_in_one_second() {
	command -v faketime >/dev/null || skip 'there is no faketime'
	new_repo
	simple_config
	git clone -q "$TEST_FOLDER/repo.git" "$TEST_FOLDER/other"
	for clone in repo other repo; do
		cd "$TEST_FOLDER/$clone"
		# A slow clock, not one that stands (i0): faketime locks that one, where ASan hangs.
		expect 0 faketime -f '@2026-11-23 14:22:33 x0.01' "$SHIPIT" deploy --yes --silent --redeploy
	done
	expect 0 shipit history --json
	equals "$(json '[r["id"][23:] for r in d]')" '["-3", "-2", ""]'
}

deploys_are_told() {
	expect 0 shipit deploy --yes --silent
	local first second
	first=$(git rev-parse HEAD)
	write file <<<'more'
	commit 'more of it'
	push
	second=$(git rev-parse HEAD)
	expect 0 shipit status --json
	equals "$(json 'd["environments"][0]["commit"]')" "$first"
	equals "$(json 'd["environments"][0]["behind"]')" 1
	equals "$(json 'd["environments"][0]["deployer"]')" ann@example.com
	equals "$(json 'd["environments"][0]["lock"]')" null
	expect 0 shipit deploy --yes --silent
	expect 0 shipit history --json
	equals "$(json 'len(d)')" 2
	equals "$(json 'd[0]["commit"]')" "$second"
	equals "$(json 'd[0]["previous"]')" "$first"
	equals "$(json 'd[1]["previous"]')" null
	equals "$(json 'd[0]["status"]')" ok
	equals "$(json '"nonce" in d[0]')" false
	local id
	id=$(json 'd[1]["id"]')
	expect 0 shipit history -n 1
	equals "$(wc -l <"$OUT")" 1
	expect 0 shipit show "$id"
	stdout_has "$first"
	expect 0 shipit show "$id" --json
	equals "$(json 'd["commit"]')" "$first"
	expect 0 shipit logs "$id"
	stdout_has built
	expect 0 shipit logs "$id" compile
	equals "$(cat "$OUT")" built
	expect 0 shipit logs build.compile
	equals "$(cat "$OUT")" built
	expect 2 shipit logs "$id" comple
	stderr_has build.compile
	expect 0 shipit status
	stdout_has 'up to date with master'
	expect 0 shipit status --offline
}

test_state_in_a_folder() {
	new_repo
	simple_config
	deploys_are_told
	[ -d "$TEST_FOLDER/state/production/deploys" ] || fail 'no records in the folder'
}

test_state_in_refs() {
	new_repo
	simple_config
	state_is git
	deploys_are_told
	git -C ../repo.git rev-parse -q --verify refs/shipit/production/deploys
	# another clone sees the same
	git clone -q ../repo.git ../other
	cd ../other
	expect 0 shipit history --json
	equals "$(json 'len(d)')" 2
	expect 2 shipit logs
}

test_state_on_branches() {
	new_repo
	simple_config
	state_is git+branch
	deploys_are_told
	git -C ../repo.git rev-parse -q --verify refs/heads/shipit/production
	git -C ../repo.git log -1 --format=%s shipit/production | grep -q 'skip ci'
}

# Two commands in one clone fetch at once, and move the same refs.
test_many_look_at_once() {
	local i pids=()
	new_repo
	simple_config
	state_is git
	expect 0 shipit deploy --yes --silent
	git clone -q ../repo.git ../other
	for i in 1 2 3 4 5; do
		expect 0 in_folder ../other "$SHIPIT" lock -m "$i"
		pids=()
		for _ in 1 2 3 4 5 6; do
			"$SHIPIT" status >/dev/null 2>>"$TEST_FOLDER/complaints" </dev/null &
			pids+=($!)
		done
		for pid in "${pids[@]}"; do
			wait "$pid" || fail "$(cat "$TEST_FOLDER/complaints")"
		done
		expect 0 in_folder ../other "$SHIPIT" unlock
	done
}

# `git worktree add` in another process: for a moment its HEAD is all zeros, and no fetch succeeds.
test_a_checkout_is_made_meanwhile() {
	new_repo
	simple_config
	state_is git
	expect 0 shipit deploy --yes --silent
	write more <<<more
	commit more
	push
	local head
	head=$(ls .git/worktrees/*/HEAD)
	cp "$head" "$TEST_FOLDER/head"
	git update-ref -d refs/remotes/origin/master
	write "$TEST_FOLDER/bin/git" <<-END
		#!/bin/sh
		"$(command -v git)" "\$@" || {
			code=\$?
			cp "$TEST_FOLDER/head" "$PWD/$head"
			exit \$code
		}
	END
	chmod +x "$TEST_FOLDER/bin/git"
	echo 0000000000000000000000000000000000000000 >"$head"
	PATH=$TEST_FOLDER/bin:$PATH expect 0 shipit plan
	equals "$(cat "$head")" "$(cat "$TEST_FOLDER/head")"
}

in_folder() {
	(cd "$1" && shift && "$@")
}

# A clock that went back gives the newest deploy an older ID.
test_the_newest_is_that_of_the_chain() {
	command -v faketime >/dev/null || skip 'needs faketime'
	new_repo
	simple_config
	local first
	expect 0 faketime '2030-01-01 12:00:00' "$SHIPIT" deploy --yes --silent
	first=$(ls .git/shipit/deploys)
	sed -i.old 's/echo built/echo built anew/' pipelines/simple.yml
	rm pipelines/simple.yml.old
	commit again
	push
	expect 0 shipit deploy --yes --silent
	expect 0 shipit logs compile
	equals "$(cat "$OUT")" 'built anew'
	expect 0 shipit show --json
	equals "$(json 'd["commit"]')" "$(git rev-parse HEAD)"
	expect 0 shipit logs "$first" compile
	equals "$(cat "$OUT")" built
	# It needs no deploy.yml that can be read.
	echo '{' >deploy.yml
	expect 0 shipit logs compile
}

test_offline_uses_what_was_seen() {
	new_repo
	simple_config
	state_is git
	expect 0 shipit deploy --yes --silent
	rm -rf ../repo.git
	expect 1 shipit history
	stderr_has --offline
	expect 0 shipit history --offline --json
	equals "$(json 'len(d)')" 1
	expect 0 shipit status --offline
	stderr_has 'as of '
}

test_refused_refs_name_the_way_out() {
	new_repo
	simple_config
	state_is git
	git -C ../repo.git config receive.hideRefs refs/shipit
	expect 2 shipit deploy --yes --silent
	stderr_has 'state: git+branch'
	[ ! -e "$TEST_FOLDER/live" ] || fail 'something was run'
}

test_who_may_not_push_is_told_before_anything_runs() {
	new_repo
	simple_config
	state_is git
	expect 0 shipit deploy --yes --silent
	rm "$TEST_FOLDER/live"
	commit more
	push
	git remote set-url --push origin "$TEST_FOLDER/nowhere.git"
	expect 2 shipit deploy --yes --silent
	stderr_has 'cannot push to the remote'
	[ ! -e "$TEST_FOLDER/live" ] || fail 'something was run'
}

test_a_hook_that_refuses_is_heard() {
	new_repo
	simple_config
	state_is git
	write ../repo.git/hooks/pre-receive <<-'END'
		#!/bin/sh
		grep -q refs/shipit/ || exit 0
		echo 'Refs of this kind are frozen until Monday,'
		echo 'ask ops@example.com.'
		exit 1
	END
	chmod +x ../repo.git/hooks/pre-receive
	expect 2 shipit deploy --yes --silent
	stderr_has '(pre-receive hook declined): Refs of this kind are frozen until Monday, ask ops@example.com.'
	[ ! -e "$TEST_FOLDER/live" ] || fail 'something was run'
}

test_a_shortened_chain_is_shouted_about() {
	new_repo
	simple_config
	state_is git
	expect 0 shipit deploy --yes --silent
	git -C ../repo.git update-ref -d refs/shipit/production/deploys
	expect 0 shipit status
	stderr_has 'are gone from'
}

test_unreachable_remote_is_one_sentence() {
	new_repo
	simple_config
	state_is git
	git remote set-url origin "$TEST_FOLDER/nowhere.git"
	expect 1 shipit history
	stderr_has 'cannot fetch from the remote'
}

test_state_behind_links() {
	new_repo
	simple_config
	mkdir "$TEST_FOLDER/real" "$TEST_FOLDER/elsewhere"
	ln -s real "$TEST_FOLDER/state"
	ln -s ../elsewhere "$TEST_FOLDER/real/production"
	expect 0 shipit deploy --yes --silent
	[ -e "$TEST_FOLDER/elsewhere/deploys/00000001.json" ] || fail 'the record is not behind the links'
	[ -L "$TEST_FOLDER/state" ] || fail 'the link was replaced'
	expect 0 shipit lock
	expect 0 shipit unlock
	expect 0 shipit history --verify
	rm -r "$TEST_FOLDER/real"
	expect 2 shipit deploy --yes --silent --redeploy
	stderr_has 'it is a link that does not lead to a folder'
}

# Root may write everywhere: then it is done as nobody.
unprivileged() {
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
	else
		"$@"
	fi
}

test_folders_that_nobody_may_write() {
	new_repo
	simple_config
	mkdir "$TEST_FOLDER/state"
	chmod 755 "$TEST_FOLDER"
	if [ "$(id -u)" = 0 ]; then
		command -v setpriv >/dev/null || skip 'root, and no setpriv'
		chown -R 65534:65534 "$TEST_FOLDER"
		unprivileged "$SHIPIT" version >/dev/null 2>&1 || skip 'nobody else can run it'
		unprivileged test -w . || skip 'nobody else can reach this folder'
	fi
	expect 0 unprivileged "$SHIPIT" deploy --yes --silent
	rm "$TEST_FOLDER/live"
	for folder in "$TEST_FOLDER/state" "$TEST_FOLDER/cache" .git; do
		local code=1
		[ "$folder" != "$TEST_FOLDER/state" ] || code=2
		rm -rf "$TEST_FOLDER"/cache/shipit/worktrees/*
		chmod -R a-w "$folder"
		expect "$code" unprivileged "$SHIPIT" deploy --yes --silent --redeploy
		stderr_has 'Permission denied'
		expect 0 unprivileged "$SHIPIT" status
		expect 0 unprivileged "$SHIPIT" plan
		chmod -R u+w "$folder"
		[ ! -e "$TEST_FOLDER/state/production/lease.json" ] || fail 'a lease is left'
		[ ! -e "$TEST_FOLDER/live" ] || fail 'something was run'
	done
	chmod 000 "$TEST_FOLDER/state/production"
	expect 1 unprivileged "$SHIPIT" status
	stderr_has 'Permission denied'
	chmod 755 "$TEST_FOLDER/state/production"
	expect 0 unprivileged "$SHIPIT" deploy --yes --silent --redeploy
}

test_output_is_harmless_in_listings() {
	new_repo
	simple_config
	SHIPIT_DEPLOYER=$(printf 'eve\033]0;owned\007') "$SHIPIT" deploy --yes --silent >"$OUT" 2>"$ERR" </dev/null
	expect 0 shipit history
	! grep -q "$(printf '\033')" "$OUT" || fail 'an escape sequence came through'
}

# Whoever can write the store can forge a record: nothing worse comes of it than an error.
test_forged_records() {
	new_repo
	simple_config
	expect 0 shipit deploy --yes --silent
	write file <<<'more'
	commit more
	push
	expect 0 shipit deploy --yes --silent
	local first=$TEST_FOLDER/state/production/deploys/00000001.json
	local second=$TEST_FOLDER/state/production/deploys/00000002.json
	cp "$first" "$TEST_FOLDER/first"
	cp "$second" "$TEST_FOLDER/second"
	sed 's/"commit": *"[^"]*"/"commit": 5/' "$TEST_FOLDER/first" >"$first"
	expect 1 shipit rollback --yes --silent
	stderr_has 'does not say which commit it is'
	cp "$TEST_FOLDER/first" "$first"
	sed 's|"live": *"[^"]*"|"live": "+refs/heads/master:refs/heads/forged"|' "$TEST_FOLDER/second" >"$second"
	expect 0 shipit plan
	stdout_has 'is not a commit'
	if git rev-parse -q --verify refs/heads/forged; then fail 'a branch was written'; fi
	sed 's|"live_at": *"[^"]*"|"live_at": "\\u001b]0;forged\\u0007"|' "$TEST_FOLDER/second" >"$second"
	expect 1 shipit status
	if LC_ALL=C grep -q "$(printf '\033')" "$ERR"; then fail 'an escape sequence was printed'; fi
}

run_tests
