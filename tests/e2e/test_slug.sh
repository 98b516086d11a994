#!/bin/bash
# Kind slug: the commit's tree less what is excluded, pushed on top of the last slug or as a tar.gz.
# shellcheck source-path=SCRIPTDIR disable=SC2016  # ${SLUGS} is for shipit to expand
source "$(dirname "$0")/lib.sh"

# shop STEP [GO_LIVE]: a stage `backend` before go-live with that step; steps of the go-live stage.
shop() {
	local live=${2:-run: echo live}
	new_repo
	write deploy.yml <<-END
		app: shop
		pipeline: simple
		state: file:$TEST_FOLDER/state
		environments:
		  production: {branch: master, vars: {SLUGS: $TEST_FOLDER/slugs.git}}
	END
	write pipelines/simple.yml <<-END
		stages:
		  backend:
		    steps: [$1]
		  release:
		    go_live: true
		    steps: [$live]
	END
	write api/shop.py <<<'one'
	write api/deep/er/tool <<<'tool'
	chmod +x api/deep/er/tool
	ln -s shop.py api/link
	write frontend/app.js <<<'not on the server'
	write frontend/deep/more.js <<<'not on the server'
	write native/app.swift <<<'nor this'
	git init -q --bare -b main "$TEST_FOLDER/slugs.git"
	commit one
	push
}

deploy() { expect "${1:-0}" shipit deploy --yes --silent; }
slugs() { git -C "$TEST_FOLDER/slugs.git" "$@"; }
step_status() { # STEP: "status reason" of its end in the last deploy
	python3 - "$1" "$(git rev-parse --git-common-dir)"/shipit/deploys/*/events.ndjson <<-'END'
		import json, os, sys
		# The newest by its time: IDs do not tell the order within a second.
		newest = max(sys.argv[2:], key=lambda path: os.stat(path).st_mtime_ns)
		events = [json.loads(line) for line in open(newest)]
		ends = [e for e in events if e["event"] == "step.finished" and e["step"] == sys.argv[1]]
		print(ends[-1]["status"], ends[-1].get("reason", ""))
	END
}

PUSH='slug: {exclude: [frontend, "native/**", pipelines, deploy.yml], push: "${SLUGS}"}, early: true'
EARLY="{$PUSH}"

test_pushed_on_top_of_the_last() {
	shop "$EARLY"
	deploy
	equals "$(slugs ls-tree -r --name-only main | tr '\n' ' ')" 'api/deep/er/tool api/link api/shop.py '
	says '5 files left out'
	says 'frontend 2'
	equals "$(slugs ls-tree main:api/deep/er | cut -c1-6)" 100755
	equals "$(slugs ls-tree main:api | cut -c1-6 | sort -u | tr '\n' ' ')" '040000 100644 120000 '
	equals "$(slugs rev-parse main:api)" "$(git rev-parse HEAD:api)"
	slugs log -1 --format=%B main | grep -qx "Slug-Of: $(git rev-parse HEAD)" ||
		fail 'the slug does not say of what it is'
	first=$(slugs rev-parse main)
	echo two >api/shop.py
	commit two
	push
	deploy
	equals "$(slugs rev-parse main^)" "$first"
	equals "$(slugs show main:api/shop.py)" two
	equals "$(slugs rev-list --count main)" 2
}

test_unchanged_is_not_pushed() {
	shop "$EARLY"
	deploy
	before=$(slugs rev-parse main)
	echo new >frontend/app.js
	commit 'frontend only'
	push
	expect 0 shipit plan
	says 'backend.slug: whether there is anything to do is known at deploy'
	deploy
	equals "$(slugs rev-parse main)" "$before"
	case $(step_status slug) in
	'skipped the slug is what '*) ;;
	*) fail "not skipped: $(step_status slug)" ;;
	esac
	says 'the slug is what'
	expect 0 shipit plan
	silent_on owed
	expect 0 shipit history --json
	equals "$(json 'd[0]["status"]')" ok
}

# The stage did nothing: pages show the commit with which it last went live.
test_unchanged_stage_is_skipped() {
	shop "$EARLY"
	deploy
	one=$(git rev-parse HEAD)
	echo new >frontend/app.js
	commit 'frontend only'
	push
	expect 0 shipit deploy --yes --silent --json
	grep '"event":"stage.finished"' "$OUT" | grep '"stage":"backend"' | grep -q '"skipped"' ||
		fail 'the stage is not skipped'
	expect 0 shipit history --json
	equals "$(json 'd[0]["stages"]["backend"]')" "$one"
}

test_last_slug_of_another_machine_is_fetched() {
	shop "$EARLY"
	deploy
	git -C "$TEST_FOLDER" clone -q slugs.git elsewhere
	(cd "$TEST_FOLDER/elsewhere" && echo x >api/other && git add -A && git commit -q -m other && git push -q)
	echo two >api/shop.py
	commit two
	push
	deploy
	equals "$(slugs log -1 --format=%s main^)" other
	equals "$(slugs ls-tree -r --name-only main | tr '\n' ' ')" 'api/deep/er/tool api/link api/shop.py '
}

test_refused_push_fails() {
	shop "$EARLY"
	printf '#!/bin/sh\necho "no buildpack fits"\nexit 1\n' >"$TEST_FOLDER/slugs.git/hooks/pre-receive"
	chmod +x "$TEST_FOLDER/slugs.git/hooks/pre-receive"
	deploy 1
	says 'no buildpack fits'
	says 'pre-receive hook declined'
	expect 0 shipit plan
	rm "$TEST_FOLDER/slugs.git/hooks/pre-receive"
	deploy
	slugs rev-parse -q --verify main >/dev/null || fail 'not pushed'
}

test_branch_of_the_remote() {
	shop '{slug: {push: "${SLUGS}", branch: live}, early: true}'
	deploy
	equals "$(slugs ls-tree -r --name-only live | wc -l | tr -d ' ')" 8
	if slugs rev-parse -q --verify main; then fail 'another branch was pushed'; fi
}

test_rollback_pushes_the_old_tree() {
	shop 'run: echo built' "{$PUSH}"
	deploy
	echo two >api/shop.py
	commit two
	push
	deploy
	equals "$(slugs show main:api/shop.py)" two
	expect 0 shipit rollback --yes --silent
	equals "$(slugs show main:api/shop.py)" one
	equals "$(slugs rev-list --count main)" 3
}

test_failed_go_live_takes_it_back() {
	shop 'run: echo built' "{$PUSH}"
	deploy
	echo two >api/shop.py
	sed -i.bak 's/early: true}\]/early: true}, {run: "false", undo: "true"}]/' pipelines/simple.yml
	rm pipelines/simple.yml.bak
	commit two
	push
	deploy 1
	equals "$(slugs show main:api/shop.py)" one
	equals "$(slugs rev-list --count main)" 3
}

test_tarball_is_the_tree() {
	shop "{slug: {exclude: [frontend, native], tarball: out/slug.tgz}}, {run: 'tar -xzf out/slug.tgz -C $TEST_FOLDER/unpacked'}"
	mkdir "$TEST_FOLDER/unpacked"
	write "$(printf 'long/%0120d/%0130d' 1 2)" <<<'a long name'
	write "n\303\244me with \"quotes\"" <<<'odd'
	: >empty
	head -c 300000 /dev/urandom >large
	commit odd
	push
	deploy
	says '3 files left out'
	git archive HEAD -- . ':!frontend' ':!native' | (mkdir "$TEST_FOLDER/wanted" && tar -x -C "$TEST_FOLDER/wanted")
	diff -r "$TEST_FOLDER/wanted" "$TEST_FOLDER/unpacked" || fail 'not the tree'
	[ -x "$TEST_FOLDER/unpacked/api/deep/er/tool" ] || fail 'the mode is lost'
	equals "$(readlink "$TEST_FOLDER/unpacked/api/link")" shop.py
	python3 - "$TEST_FOLDER"/cache/shipit/worktrees/*/production/out/slug.tgz <<-'END'
		import gzip, io, sys, tarfile
		data = gzip.decompress(open(sys.argv[1], "rb").read())
		entries = tarfile.open(fileobj=io.BytesIO(data)).getmembers()
		assert all(e.mtime == 946684800 and e.uid == e.gid == 0 and not e.uname for e in entries)
	END
}

# More files than one part holds, and whoever makes it: the same bytes.
test_tarball_is_reproducible() {
	shop "{slug: {exclude: [frontend, pipelines], tarball: $TEST_FOLDER/slug.tgz}}"
	python3 -c '
import os
for i in range(3000):
    os.makedirs("many/%d" % (i % 50), exist_ok=True)
    open("many/%d/%d" % (i % 50, i), "w").write("line %d\n" % i * (i % 97))'
	commit many
	push
	deploy
	gzip -t "$TEST_FOLDER/slug.tgz"
	equals "$(tar -tzf "$TEST_FOLDER/slug.tgz" | grep -c many/)" 3000
	cp "$TEST_FOLDER/slug.tgz" "$TEST_FOLDER/first.tgz"
	echo other >frontend/app.js
	commit 'another commit with the same slug'
	push
	deploy
	cmp "$TEST_FOLDER/slug.tgz" "$TEST_FOLDER/first.tgz" || fail 'other bytes for the same tree'
}

test_nothing_left_is_an_error() {
	shop '{slug: {exclude: ["*"], tarball: slug.tgz}}'
	deploy 1
	says 'is left for the slug'
}

test_push_needs_early() {
	shop '{slug: {push: "${SLUGS}"}}'
	expect 2 shipit check
	says early
	shop_branch='{slug: {tarball: x, branch: live}}'
	sed -i.bak "s/steps: \[{slug.*/steps: [$shop_branch]/" pipelines/simple.yml
	rm pipelines/simple.yml.bak
	expect 2 shipit check
	says "'branch' is the branch of 'push'"
}

# It says so instead of failing at go-live.
test_heroku_is_refused() {
	shop '{slug: {heroku: shop-prod}}'
	expect 2 shipit check
	says 'cannot release a slug at Heroku'
	says 'slug: {push: heroku}'
}

run_tests
