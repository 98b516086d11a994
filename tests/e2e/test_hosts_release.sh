#!/bin/bash
# Kind release on hosts: sent from git's objects, only what a host lacks, switched to all at once.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/lib_ssh.sh"
hosts_begin

# shop MORE: a pipeline whose stage `tree` puts the commit on three hosts; MORE: further keys of it.
# Go-live steps on stdin.
shop() {
	need_hosts
	rm -rf "$SSHD"/homes/127.0.0.[123]/shop
	new_repo
	write deploy.yml <<-END
		app: shop
		pipeline: simple
		state: file:$TEST_FOLDER/state
		hosts: {web: [127.0.0.1, 127.0.0.2, 127.0.0.3]}
		environments:
		  production: {branch: master}
		fingerprints: {TEXT: [text]}
	END
	write pipelines/simple.yml <<-END
		stages:
		  tree:
		    steps: [{name: site, release: {hosts: web, to: ~/shop$1}}]
		  release:
		    go_live: true
		    steps:
		$(sed 's/^/      /')
	END
	write site/page <<<'one'
	write site/deep/er/page <<<'deep'
	write "site/a name with spaces, 'quotes' and \$(tricks)" <<<'odd'
	write notes/secret <<<'not this'
	write "long/$(printf '%0110d' 7)/$(printf '%0120d' 7)" <<<'long'
	ln -s page site/link
	chmod +x site/deep/er/page
	for i in $(seq 50); do echo "file $i" >"site/file-$i"; done
	release one
}

release() {
	echo "$1" >text
	commit "$1"
	push
	expect "${2:-0}" shipit deploy --yes --silent
}

home() { printf '%s/homes/127.0.0.%s/shop' "$SSHD" "$1"; }
current() { basename "$(readlink "$(home "${1:-1}")/current")"; }
releases() { find "$(home "${1:-1}")/releases" -mindepth 1 -maxdepth 1 -not -name '.*' | wc -l | tr -d ' '; }
shows() { equals "$(cat "$(home "${3:-1}")/current/$1")" "$2"; }
# What is live on host $1 is the commit's tree and nothing else, but for what $2 (a pattern of grep) tells.
is_the_tree() {
	local there
	there=$(home "$1")/current
	git archive HEAD | (mkdir -p "$TEST_FOLDER/tree$1" && rm -rf "$TEST_FOLDER/tree$1"/* && tar -xf - -C "$TEST_FOLDER/tree$1")
	diff -r --no-dereference "$TEST_FOLDER/tree$1" "$there/" | grep -v ': REVISION$\|: release.json$' | grep -v "${2:-^$}" >"$TEST_FOLDER/diff" || :
	[ ! -s "$TEST_FOLDER/diff" ] || { cat "$TEST_FOLDER/diff"; fail "host $1 has something else"; }
}
change() { sed -i.bak "$1" "$2"; rm "$2.bak"; }
# Of the newest deploy, which its ID does not tell within a second.
step_log() { "$SHIPIT" logs "$1"; }

test_commit_on_all_hosts() {
	shop '' <<<'- run: "true"'
	for host in 1 2 3; do
		is_the_tree $host
		shows REVISION "$(git rev-parse HEAD)" $host
		[ -L "$(home $host)/current/site/link" ] || fail 'a link became a file'
		[ -x "$(home $host)/current/site/deep/er/page" ] || fail 'the mode is lost'
	done
	python3 -c '
import json, sys
d = json.load(open(sys.argv[1]))
assert d["commit"] == sys.argv[2] and d["id"] == sys.argv[3], d
assert len(d["fingerprints"]["SHIPIT_HASH_TEXT"]) == 16, d
' "$(home 1)/current/release.json" "$(git rev-parse HEAD)" "$(current)"
	says 'release.publish-tree-site'
	expect 0 shipit history --json
	equals "$(json 'd[0]["artefacts"]["tree.site"]["place"] == "127.0.0.1,127.0.0.2,127.0.0.3:shop/releases/" + d[0]["id"]')" true
	equals "$(ls "$TEST_FOLDER/sockets")" ''
}

# What did not change is copied over there; what was changed there is sent again.
test_only_what_changed_is_sent() {
	shop '' <<<'- run: "true"'
	step_log tree.site | grep -q 'sending 59 of 59 files .* to 3 hosts' || fail "$(step_log tree.site)"
	echo tampered >"$(home 2)/current/site/file-7"
	rm "$(home 3)/current/site/file-8"
	echo extra >"$(home 3)/current/site/extra"
	git rm -q site/file-9
	git mv site/file-10 site/other
	chmod +x site/file-11
	rm site/link; echo 'a file now' >site/link
	release two
	for host in 1 2 3; do is_the_tree $host; done
	step_log tree.site | grep -q 'sending 4 of 58 files .* to 1 host$' || fail "$(step_log tree.site)"
	equals "$(step_log tree.site | grep -c 'sending 5 of 58 files .* to 1 host$')" 2
	shows text two 3
	[ -x "$(home 1)/current/site/file-11" ] || fail 'the mode is lost'
}

# What the old release shares with the new one is a copy.
test_releases_share_no_file() {
	shop '' <<<'- run: "true"'
	local one
	one=$(current)
	release two
	echo changed in place >"$(home 1)/current/site/page"
	equals "$(cat "$(home 1)/releases/$one/site/page")" one
}

test_links_in_place_of_copies() {
	shop ', link: true' <<<'- run: "true"'
	local one
	one=$(current)
	release two
	for host in 1 2 3; do is_the_tree $host; done
	[ "$(home 1)/current/site/page" -ef "$(home 1)/releases/$one/site/page" ] || fail 'it is no link'
	[ ! "$(home 1)/current/REVISION" -ef "$(home 1)/releases/$one/REVISION" ] || fail 'REVISION is one'
	shows REVISION "$(git rev-parse HEAD)" 2
	equals "$(cat "$(home 1)/releases/$one/text")" one
}

test_excluded_and_folders() {
	shop ', exclude: [notes, "*.yml"]' <<<'- run: "true"'
	[ ! -e "$(home 1)/current/notes" ] || fail 'what is excluded is there'
	change 's/exclude: .*]}/exclude: deep, from: site}/' pipelines/simple.yml
	release two
	shows page one
	[ ! -e "$(home 1)/current/text" ] || fail 'it is not the folder'
	[ ! -e "$(home 1)/current/deep" ] || fail 'what is excluded is there'
	echo new >site/page
	release three
	shows page new 2
	step_log tree.site | grep -q 'sending 1 of 53 files' || fail "$(step_log tree.site)"
}

# The content is what a checkout would hold.
test_filters() {
	shop '' <<<'- run: "true"'
	git config filter.loud.smudge 'tr a-z A-Z'
	git config filter.loud.clean cat
	echo 'site/page filter=loud' >.gitattributes
	release two
	shows site/page ONE
	shows site/file-3 'file 3'
	is_the_tree 2
}

test_nothing_is_seen_before_go_live() {
	shop '' <<-END
		- run: 'test ! -e $SSHD/homes/127.0.0.2/shop/current || test "\$(cat $SSHD/homes/127.0.0.2/shop/current/text)" != "\$(cat text)"'
		- publish: tree.site
		- run: 'test "\$(cat $SSHD/homes/127.0.0.2/shop/current/text)" = "\$(cat text)"'
	END
	release two
	shows text two 3
}

test_batches_with_a_check_and_back_again() {
	shop ", batch: 1, check: 'cat $SSHD/homes/127.0.0.*/shop/current/text >>$TEST_FOLDER/seen; ! grep -q BAD $TEST_FOLDER/seen'" <<<'- publish: tree.site'
	local before
	before=$(current)
	release two
	for host in 1 2 3; do shows text two $host; done
	before=$(current)
	: >"$TEST_FOLDER/seen"
	release BAD 1
	says 'check: exit code 1'
	equals "$(grep -c BAD "$TEST_FOLDER/seen")" 1
	for host in 1 2 3; do equals "$(current $host)" "$before"; done
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
	for host in 1 2 3; do equals "$(current $host)" "$before"; done
	rm -r "$SSHD"/homes/127.0.0.[123]/shop/current "$TEST_FOLDER/state"
	release three 1
	for host in 1 2 3; do [ ! -L "$(home $host)/current" ] || fail 'there was no current release before'; done
}

test_rollback() {
	shop ', keep: 2' <<<'- run: "true"'
	local one
	one=$(current)
	release two
	expect 0 shipit rollback --yes --silent
	for host in 1 2 3; do equals "$(current $host)" "$one"; done
	expect 0 shipit unlock
	release three
	release four
	for host in 1 2 3; do equals "$(releases $host)" 2; done
	local two
	two=$(current)
	rm "$(home 2)"/releases/*/REVISION
	touch "$(home 2)/releases/$two/REVISION"
	expect 3 shipit rollback
	says 'is not there'
	for host in 1 2 3; do shows text four $host; done
}

test_shared_paths() {
	shop ', shared: [notes/log, site/deep]' <<<'- run: "true"'
	shows site/deep/er/page deep 2
	echo kept >"$(home 2)/current/notes/log/today"
	echo 'written there' >"$(home 2)/current/site/deep/er/page"
	release two
	shows notes/log/today kept 2
	shows site/deep/er/page 'written there' 2
	shows site/deep/er/page deep 1
	is_the_tree 1 'deep\|notes: log$'
}

# A way to 127.0.0.2 that ends in the middle of what is sent.
cut_way() {
	write "$TEST_FOLDER/way.py" <<-'END'
		import os, socket, sys, threading
		s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
		limit = int(os.environ.get("CUT", "0")) if sys.argv[1] == "127.0.0.2" else 0
		def up():
		    sent = 0
		    while True:
		        b = os.read(0, 16384)
		        sent += len(b)
		        if not b or limit and sent > limit:
		            os._exit(1)
		        s.sendall(b)
		threading.Thread(target=up, daemon=True).start()
		while True:
		    b = s.recv(65536)
		    if not b:
		        break
		    os.write(1, b)
	END
	printf '\tProxyCommand python3 %s/way.py %%h %%p\n' "$TEST_FOLDER" >"$TEST_FOLDER/more"
	cat "$SSHD/config" "$TEST_FOLDER/more" >"$TEST_FOLDER/config"
	change "s|-F \"*[^ ]*\"*|-F $TEST_FOLDER/config|" "$TEST_FOLDER/bin/ssh"
	chmod +x "$TEST_FOLDER/bin/ssh"
}

test_connection_that_is_cut() {
	shop '' <<<'- run: "true"'
	local before
	before=$(current 2)
	cut_way
	head -c 3000000 /dev/urandom >site/large
	CUT=500000 release two 1
	says '1 of 3 hosts failed: 127.0.0.2 ('
	for host in 1 2 3; do equals "$(current $host)" "$before"; done
	change 's|to: ~/shop|max_fail: 1, to: ~/shop|' pipelines/simple.yml
	CUT=500000 release three
	shows text three 1
	equals "$(current 2)" "$before"
	says 'not well: tree.site: 1 of 3 hosts failed: 127.0.0.2 ('
	wait_until 5 no_parts 2
	release four
	for host in 1 2 3; do is_the_tree $host; done
}

half_sent() { ls -d "$(home "$1")"/releases/.*.part; }
no_parts() { ! half_sent "$1"; }

# The small disk is mounted by the host itself: sshd may have a view of its own.
test_full_disk() {
	[ "$(id -u) $(uname -s)" = '0 Linux' ] || skip 'only root can mount a small disk'
	shop '' <<<'- run: "true"'
	local before
	before=$(current 2)
	# shellcheck disable=SC2016
	ssh 127.0.0.2 'set -e
		mv $HOME/shop $HOME/old
		mkdir $HOME/shop
		mount -t tmpfs -o size=1m none $HOME/shop
		cp -a $HOME/old/. $HOME/shop' || skip 'nothing can be mounted'
	# shellcheck disable=SC2016
	cleanup "ssh 127.0.0.2 'umount \$HOME/shop; rm -rf \$HOME/old'"
	head -c 3000000 /dev/urandom >site/large
	release two 1
	says 'No space left on device'
	for host in 1 3; do equals "$(current $host)" "$before"; done
	# shellcheck disable=SC2016
	ssh 127.0.0.2 'readlink $HOME/shop/current; ls -A $HOME/shop/releases' >"$TEST_FOLDER/there"
	grep -qx "releases/$before" "$TEST_FOLDER/there" || fail 'it was switched to'
	! grep -q 'part$' "$TEST_FOLDER/there" || fail 'what was half-sent is left'
}

# kill -9 while it is sent, and behind the switch: resumed, recovered.
test_killed_while_it_sends() {
	shop '' <<<'- run: "true"'
	local before pid
	before=$(current)
	cut_way
	write "$TEST_FOLDER/slow.py" <<-'END'
		import os, sys, time
		if sys.argv[1] == "127.0.0.2" and os.path.exists(os.environ["SLOW"]):
		    while True:
		        b = os.read(0, 4096)
		        if not b:
		            sys.exit(0)
		        os.write(1, b)
		        time.sleep(0.005)
		os.execvp("cat", ["cat"])
	END
	export SLOW=$TEST_FOLDER/slow
	change "s|ProxyCommand python3|ProxyCommand python3 $TEST_FOLDER/slow.py %h \\| python3|" "$TEST_FOLDER/config"
	touch "$SLOW"
	head -c 3000000 /dev/urandom >site/large
	commit two
	push
	"$SHIPIT" deploy --yes --silent >"$OUT" 2>"$ERR" </dev/null &
	pid=$!
	wait_until 20 half_sent 2
	kill -9 $pid
	wait $pid || :
	rm "$SLOW"
	equals "$(current 2)" "$before"
	expect 0 shipit resume --yes --step-again tree.site
	for host in 1 2 3; do is_the_tree $host; done
}

test_killed_behind_the_switch() {
	shop '' <<-END
		- {publish: tree.site}
		- {run: 'while test -e $TEST_FOLDER/wait; do touch $TEST_FOLDER/waits; sleep 0.1; done', undo: 'true', idempotent: true}
	END
	local before pid
	before=$(current)
	touch "$TEST_FOLDER/wait"
	echo two >text
	commit two
	push
	"$SHIPIT" deploy --yes --silent >"$OUT" 2>"$ERR" </dev/null &
	pid=$!
	wait_until 20 test -e "$TEST_FOLDER/waits"
	shows text two 3
	kill -9 $pid
	wait $pid || :
	rm "$TEST_FOLDER/wait"
	expect 0 shipit recover --yes
	for host in 1 2 3; do equals "$(current $host)" "$before"; done
}

test_both_halves_in_the_go_live_stage() {
	shop '' <<<'- {name: at-once, release: {hosts: web, to: shop/other}}'
	release two
	equals "$(cat "$(home 3)/other/current/text")" two
}

test_mistakes() {
	shop '' <<<'- run: "true"'
	change 's|hosts: web, to: ~/shop|to: /srv, batch: 2|' pipelines/simple.yml
	commit
	push
	expect 2 shipit check
	says "'batch' is for hosts, and the step names none"
}

run_tests
