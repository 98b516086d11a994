#!/bin/bash
# Assets in a folder: two halves, what is sent, what is dead, what a rollback brings back.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/lib.sh"

# site [KEYS]: a repository whose pipeline syncs dist/ to $PLACE; KEYS: more keys of the step.
site() {
	new_repo
	PLACE=$TEST_FOLDER/srv
	write deploy.yml <<-END
		app: shop
		pipeline: simple
		state: file:$TEST_FOLDER/state
		environments:
		  production: {branch: master, protected: false, vars: {PLACE: $PLACE}}
		  staging: {branch: master, protected: false, vars: {PLACE: $PLACE}}
	END
	write pipelines/simple.yml <<-END
		stages:
		  frontend:
		    steps:
		      - {name: build, run: 'mkdir -p dist; cp -R src/. dist'}
		      - {name: assets, assets_sync: {from: dist, to: "file:\${PLACE}"${1:-}}}
		  release:
		    go_live: true
		    steps: [{run: 'ls $PLACE >$TEST_FOLDER/before-publish 2>&1 || :'}]
	END
	write src/index.html <<<'one'
	write src/app.3f2a9b1c.js <<<'app one'
	write src/deep/er/page.css <<<'css'
	echo dist >.gitignore
}

ship() {
	commit "${1:-a change}"
	push
	expect "${2:-0}" shipit deploy --yes --silent
}

inodes() { find "$PLACE" -maxdepth 1 -exec ls -id {} + | sort; }

# The objects that are there, without our own files.
there() { (cd "$PLACE" && find . -type f -not -path './.shipit/*' | sed 's|^\./||' | LC_ALL=C sort); }
inodes() { find "$PLACE" -maxdepth 1 -type f -exec ls -i {} + | LC_ALL=C sort; }
holds() { equals "$(cat "$PLACE/$1")" "$2"; }
index() { python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$PLACE/.shipit/index.json" "$1"; }
live() { index '[r["id"] for r in d["releases"] if r.get("published") and not r.get("superseded")]'; }

test_release_is_there_and_live() {
	site
	ship
	equals "$(there | tr '\n' ' ')" 'app.3f2a9b1c.js deep/er/page.css index.html '
	holds index.html one
	equals "$(index 'len(d["releases"])')" 1
	equals "$(index '"superseded" in d["releases"][0]')" False
	python3 - "$PLACE" <<-'END'
		import hashlib, json, os, sys
		place = sys.argv[1]
		index = json.load(open(place + "/.shipit/index.json"))
		release = index["releases"][0]
		raw = open(place + "/" + release["manifest"], "rb").read()
		assert hashlib.sha256(raw).hexdigest() == release["sha256"]
		d = json.loads(raw)
		body = raw[:raw.rindex(b'"count"')]
		assert hashlib.sha256(body).hexdigest() == d["sha256"]
		assert d["version"] == 1 and d["count"] == len(d["objects"])
		keys = [o[0] for o in d["objects"]]
		assert keys == sorted(keys)
		by = {o[0]: o for o in d["objects"]}
		for key, o in by.items():
		    content = open(place + "/" + key, "rb").read()
		    assert len(content) == o[1] and hashlib.sha256(content).hexdigest() == o[2], key
		headers = {k: d["headers"][o[3]] for k, o in by.items()}
		assert headers["app.3f2a9b1c.js"] == ["text/javascript; charset=utf-8", "public, max-age=31536000, immutable", None], headers
		assert headers["index.html"] == ["text/html; charset=utf-8", None, None], headers
		stored = [k for k in keys if k.startswith(".shipit/objects/")]
		assert sorted(stored) == sorted(".shipit/objects/" + by[k][2] for k in ("index.html", "deep/er/page.css"))
	END
	expect 0 shipit history --json
	equals "$(json 'd[0]["artefacts"]["frontend.assets"]["place"]')" "file:$PLACE"
}

# Before go-live nobody sees anything of it: what is seen changes in the go-live stage.
test_two_halves() {
	site ', rules: [{match: "*.html", last: true}]'
	ship
	equals "$(tr '\n' ' ' <"$TEST_FOLDER/before-publish")" 'app.3f2a9b1c.js deep '
	holds index.html one
	sed -i.bak "s|ls .*before-publish|cat $PLACE/index.html $PLACE/deep/er/page.css $PLACE/app.99ff2a1c.js >$TEST_FOLDER/before-publish|" pipelines/simple.yml
	rm pipelines/simple.yml.bak
	echo two >src/index.html
	echo css2 >src/deep/er/page.css
	echo 'app two' >src/app.99ff2a1c.js
	ship two
	equals "$(tr '\n' ' ' <"$TEST_FOLDER/before-publish")" 'one css app two '
	holds index.html two
	holds deep/er/page.css css2
	holds app.3f2a9b1c.js 'app one'
}

test_failed_go_live_puts_back_what_was_seen() {
	site
	ship
	first=$(live)
	echo two >src/index.html
	sed -i.bak "s|steps: \[{run.*|steps: [{publish: frontend.assets}, {run: 'cat $PLACE/index.html; exit 1', undo: 'true'}]|" pipelines/simple.yml
	rm pipelines/simple.yml.bak
	ship two 1
	says 'two'
	holds index.html one
	equals "$(live)" "$first"
}

test_rollback_brings_back_what_was() {
	site
	ship
	echo two >src/index.html
	mv src/app.3f2a9b1c.js src/app.99ff2a1c.js
	ship two
	echo three >src/index.html
	ship three
	holds index.html three
	expect 0 shipit rollback --yes --no-lock
	holds index.html two
	expect 0 shipit rollback --yes --no-lock
	holds index.html one
	equals "$(index 'len([r for r in d["releases"] if not r.get("superseded")])')" 1
	# Where its content is gone, it says so before anything.
	rm "$PLACE"/.shipit/objects/"$(printf 'three\n' | sha256sum | cut -c1-64)"
	local third
	third=$(index 'd["releases"][2]["id"]')
	expect 3 shipit rollback "$third" --no-lock
	says 'not at'
	holds index.html one
}

test_only_what_changed_is_sent() {
	site
	mkdir dist
	for i in $(seq 100); do echo "$i" >"dist/file$i.txt"; done
	commit; push
	expect 0 shipit assets sync --json
	equals "$(json 'd["places"][0]["sent"]["objects"]')" 100
	local before
	before=$(inodes)
	cp "$PLACE/.shipit/index.json" "$TEST_FOLDER/index"
	expect 0 shipit assets sync --json
	equals "$(json 'd["places"][0]["unchanged"]')" true
	equals "$(inodes)" "$before"
	cmp "$PLACE/.shipit/index.json" "$TEST_FOLDER/index" || fail 'the index was written'
	# Content decides: an old time and the same size hide nothing, a new time sends nothing.
	touch dist/file1.txt
	printf 'X' | dd of=dist/file2.txt bs=1 conv=notrunc 2>/dev/null
	touch -d '2001-01-01' dist/file2.txt
	expect 0 shipit assets sync -n --json
	equals "$(json 'd["places"][0]["items"]')" '[{"what": "replace", "key": "file2.txt", "size": 2}]'
	holds file2.txt 2
	expect 0 shipit assets sync
	holds file2.txt X
}

test_interrupted_sync_sends_the_rest() {
	site
	mkdir dist
	echo a >dist/a.txt
	echo b >dist/b.txt
	commit; push
	mkdir -p "$PLACE/b.txt"	# in its way
	expect 1 shipit assets sync
	holds a.txt a
	local inode
	inode=$(stat -c %i "$PLACE/a.txt")
	rmdir "$PLACE/b.txt"
	expect 0 shipit assets sync --json
	equals "$(json 'd["places"][0]["sent"]["objects"]')" 1
	equals "$(stat -c %i "$PLACE/a.txt")" "$inode"
	holds b.txt b
}

test_first_sync_adopts_what_is_there() {
	site
	mkdir -p dist "$PLACE"
	echo same >dist/same.css
	echo new >dist/other.css
	cp dist/same.css "$PLACE/same.css"
	echo old >"$PLACE/other.css"
	echo stranger >"$PLACE/stranger"
	commit; push
	local inode
	inode=$(stat -c %i "$PLACE/same.css")
	expect 0 shipit assets sync --json
	equals "$(json 'd["places"][0]["sent"]["objects"]')" 1
	equals "$(stat -c %i "$PLACE/same.css")" "$inode"
	holds other.css new
	holds stranger stranger
}

test_verify_repairs() {
	site
	mkdir dist
	echo a >dist/a.txt
	echo b >dist/b.txt
	commit; push
	expect 0 shipit assets sync
	rm "$PLACE/a.txt"
	printf 'x\n' >"$TEST_FOLDER/x"
	mv "$TEST_FOLDER/x" "$PLACE/b.txt"
	expect 0 shipit assets sync
	says 'nothing to send'
	expect 0 shipit assets sync --verify
	holds a.txt a
	holds b.txt b
}

test_damaged_or_newer_manifest_is_not_trusted() {
	site
	mkdir dist
	echo a >dist/a.txt
	commit; push
	expect 0 shipit assets sync
	local manifest
	manifest=$PLACE/$(index 'd["releases"][0]["manifest"]')
	sed -i.bak 's/"a.txt",2/"a.txt",3/' "$manifest"
	expect 0 shipit assets sync
	says 'looked at anew'
	holds a.txt a
	manifest=$PLACE/$(index 'd["releases"][1]["manifest"]')
	sed -i.bak 's/"version":1/"version":2/' "$manifest"
	expect 0 shipit assets sync
	says 'newer version of shipit'
	echo '{"shipit": "assets index", "version": 1, "releases": []}' >"$PLACE/.shipit/index.json"
	expect 1 shipit assets prune
	says 'nothing is removed'
	expect 0 shipit assets sync
	says 'put together anew'
	expect 0 shipit assets sync
	says 'nothing to send'
}

test_rules() {
	site ', rules: [{match: "*.html", cache_control: no-cache, last: true}, {match: /odd, content_type: text/x-odd}], exclude: ["*.map", "secret/", "!keep.map"]'
	mkdir -p dist/secret
	echo h >dist/index.html
	echo o >dist/odd
	echo m >dist/app.map
	echo k >dist/keep.map
	echo s >dist/secret/s
	chmod 000 dist/app.map
	mkfifo dist/secret/fifo
	commit; push
	expect 0 shipit assets sync
	equals "$(there | tr '\n' ' ')" 'index.html keep.map odd '
	python3 - "$PLACE/$(index 'd["releases"][0]["manifest"]')" <<-'END'
		import json, sys
		d = json.load(open(sys.argv[1]))
		by = {o[0]: d["headers"][o[3]] for o in d["objects"]}
		assert by["index.html"][1] == "no-cache" and by["odd"][0] == "text/x-odd", by
		assert by["keep.map"][0] == "application/json", by
	END
	sed -i.bak 's/no-cache/no-store/' pipelines/simple.yml
	commit; push
	expect 0 shipit assets sync --json
	equals "$(json 'd["places"][0]["headers"]["objects"]')" 1
	equals "$(json 'd["places"][0]["sent"]["objects"]')" 0
}

test_compressed_copies() {
	site ', rules: [{match: "*.js", encode: [br, gzip]}]'
	mkdir dist
	for _ in $(seq 1000); do echo 'the same line again and again'; done >dist/app.3f2a9b1c.js
	echo tiny >dist/x.js
	echo given >dist/x.js.br
	commit; push
	expect 0 shipit assets sync
	gunzip -c <"$PLACE/app.3f2a9b1c.js.gz" | cmp - dist/app.3f2a9b1c.js
	[ "$(wc -c <"$PLACE/app.3f2a9b1c.js.br")" -lt 200 ] || fail 'not compressed'
	holds x.js.br given
	python3 - "$PLACE/$(index 'd["releases"][0]["manifest"]')" <<-'END'
		import json, sys
		d = json.load(open(sys.argv[1]))
		by = {o[0]: d["headers"][o[3]] for o in d["objects"]}
		immutable = "public, max-age=31536000, immutable"
		assert by["app.3f2a9b1c.js.br"] == ["text/javascript; charset=utf-8", immutable, "br"], by
		assert by["app.3f2a9b1c.js.gz"] == ["text/javascript; charset=utf-8", immutable, "gzip"], by
		assert by["x.js.br"][2] == "br", by
	END
	expect 0 shipit assets sync
	says 'nothing to send'
	echo 'x = 1' >dist/x.js
	expect 0 shipit assets sync --json
	equals "$(json 'd["places"][0]["sent"]["objects"]')" 2
	gunzip -c <"$PLACE/x.js.gz" | cmp - dist/x.js
	equals "$(find "$XDG_CACHE_HOME/shipit/assets/variants" -type f | wc -l | tr -d ' ')" 0
}

test_prune_by_manifest_and_grace() {
	site ', keep: 1, grace: 4h'
	mkdir dist
	for i in 1 2 3 4; do
		rm -f dist/*
		echo "$i" >"dist/only$i.txt"
		echo "$i" >dist/index.html
		echo same >dist/same.txt
		commit "$i"; push
		expect 0 faketime "2026-01-0$i 12:00:00" "$SHIPIT" assets sync
	done
	echo stranger >"$PLACE/stranger"
	expect 0 faketime '2026-01-04 13:00:00' "$SHIPIT" assets status --json
	equals "$(json 'd["places"][0]["dead"]["objects"]')" 4
	equals "$(json 'd["places"][0]["unknown"]["objects"]')" 1
	expect 0 faketime '2026-01-04 13:00:00' "$SHIPIT" assets prune -n --json
	equals "$(json 'd["places"][0]["removed"]["objects"]')" 4
	[ -e "$PLACE/only1.txt" ] || fail 'a dry run removed something'
	expect 0 faketime '2026-01-04 13:00:00' "$SHIPIT" assets prune
	equals "$(there | tr '\n' ' ')" 'index.html only3.txt only4.txt same.txt stranger '
	holds index.html 4
	expect 0 faketime '2026-01-04 17:00:00' "$SHIPIT" assets prune
	equals "$(there | tr '\n' ' ')" 'index.html only4.txt same.txt stranger '
	equals "$(index 'len(d["releases"])')" 1
	equals "$(find "$PLACE/.shipit/releases" -type f | wc -l | tr -d ' ')" 1
	expect 0 shipit assets prune
	says '0 objects removed'
}

# Of two environments in one place each one's live release counts.
test_other_environments_keep_theirs() {
	site ', keep: 1, grace: 0s'
	mkdir dist
	echo old >dist/old.txt
	commit; push
	expect 0 shipit -e staging assets sync
	expect 0 shipit assets sync
	rm dist/old.txt
	echo new >dist/new.txt
	expect 0 shipit assets sync
	expect 0 shipit assets prune --max-delete 100%
	equals "$(there | tr '\n' ' ')" 'new.txt old.txt '
	expect 0 shipit -e staging assets sync
	expect 0 shipit assets prune --max-delete 100%
	equals "$(there)" 'new.txt'
}

test_prune_refuses_beyond_its_limit() {
	site ', keep: 1, grace: 0s'
	mkdir dist
	for i in $(seq 20); do echo "$i" >"dist/file$i.txt"; done
	commit; push
	expect 0 shipit assets sync
	rm dist/*
	echo a >dist/a.txt
	expect 0 shipit assets sync
	expect 3 shipit assets prune
	says 'more than 50 %'
	expect 3 shipit assets prune --max-delete 39
	equals "$(there | wc -l | tr -d ' ')" 21
	equals "$(index '"pruning" in d')" False
	expect 2 shipit assets prune --max-delete some
	expect 0 shipit assets prune --max-delete 40
	equals "$(there)" a.txt
}

test_unlisted_go_when_asked_and_old() {
	site
	mkdir dist
	echo a >dist/a.txt
	commit; push
	expect 0 shipit assets sync
	echo new >"$PLACE/new-stranger"
	mkdir "$PLACE/old"
	echo old >"$PLACE/old/stranger"
	touch -d '2020-01-01' "$PLACE/old/stranger" "$PLACE/a.txt"
	expect 0 shipit assets prune
	expect 2 shipit assets prune --older-than 7d
	expect 0 shipit assets prune --unlisted --older-than 7d --max-delete 1
	equals "$(there | tr '\n' ' ')" 'a.txt new-stranger '
	[ ! -e "$PLACE/old" ] || fail 'an empty folder is left'
}

# While somebody sends, what he relies on may be dead: nothing is removed.
test_prune_waits_for_a_sync() {
	site ', keep: 1, grace: 0s'
	mkdir dist
	echo a >dist/a.txt
	commit; push
	expect 0 shipit assets sync
	echo b >dist/a.txt
	echo b >dist/b.txt
	expect 0 shipit assets sync
	mkdir -p "$PLACE/c.txt"
	echo c >dist/c.txt
	expect 1 shipit assets sync
	expect 0 shipit assets prune
	says 'a sync of dist is under way'
	rmdir "$PLACE/c.txt"
	expect 0 shipit assets sync
	expect 0 shipit assets prune
	says '1 object removed'
}

test_deploy_prunes_behind_its_verdict() {
	site ', keep: 1, grace: 0s'
	for i in $(seq 6); do echo same >"src/same$i.txt"; done
	ship
	rm src/deep/er/page.css
	sed -i.bak 's/mkdir -p dist;/rm -rf dist; mkdir -p dist;/' pipelines/simple.yml
	ship two
	[ ! -e "$PLACE/deep" ] || fail 'what is dead is there'
	says '(prune)'
}

test_strange_names() {
	site
	mkdir -p dist
	python3 - <<-'END'
		import os
		names = ["with space", "a+b", "100%", "50%25", "\u00a0nbsp", "l\u200er", "\U0001f6a2", "new\nline", "quo\"te\\", "-dash", "..dots", "a;b?c#d&e", "\x01control"]
		for n in names:
		    open("dist/" + n, "w").write(n)
		long = "/".join(["x" * 200] * 5)
		os.makedirs("dist/" + long[:long.rindex("/")])
		path = long + "y" * (1024 - len(long))
		open("dist/" + path, "w").write("long")
		open("dist/empty", "w").close()
	END
	commit; push
	expect 0 shipit assets sync
	diff -r -x .shipit dist "$PLACE" || fail 'not the same'
	expect 0 shipit assets sync
	says 'nothing to send'
	expect 0 shipit assets status --json
	equals "$(json 'd["places"][0]["unknown"]["objects"] + d["places"][0]["gone"]["objects"]')" 0
	touch "dist/$(printf 'bad\377name')"
	expect 1 shipit assets sync
	says 'no UTF-8'
}

# What cannot be sent is named; nothing is published without it.
refused() {
	expect 1 shipit assets sync
	says "$1"
	says 'exclude'
	equals "$(live)" "$LIVE"
	rm -rf dist/bad
}

test_what_cannot_be_sent_is_named() {
	site
	mkdir dist
	echo a >dist/a.txt
	commit; push
	expect 0 shipit assets sync
	LIVE=$(live)
	mkfifo dist/bad
	refused "dist/bad': it is a FIFO"
	python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("dist/bad")'
	refused "dist/bad': it is a socket"
	ln -s nowhere dist/bad
	refused "dist/bad': it is a link to nothing"
	ln -s bad dist/bad
	refused "dist/bad': it is a link that leads to itself"
	mkdir dist/bad
	ln -s .. dist/bad/up
	refused "dist/bad/up': the link leads back"
	mkdir dist/.shipit
	touch dist/.shipit/index.json
	expect 1 shipit assets sync
	says 'its own files under this name'
	rm -rf dist/.shipit
	rm dist/a.txt
	expect 1 shipit assets sync
	says 'is empty: an empty release is never published'
	rmdir dist
	expect 1 shipit assets sync
	says "cannot read the folder"
	equals "$(live)" "$LIVE"
	holds a.txt a
}

test_links_are_followed() {
	site
	mkdir dist
	echo a >a.txt
	ln -s ../a.txt dist/link.txt
	mkdir more
	echo b >more/b.txt
	ln -s ../more dist/folder
	commit; push
	expect 0 shipit assets sync
	equals "$(there | tr '\n' ' ')" 'folder/b.txt link.txt '
	[ ! -L "$PLACE/link.txt" ] || fail 'a link was sent'
}

# What is published never changes because a build writes into its own files.
test_published_files_are_copies() {
	site
	mkdir dist
	echo a >dist/a.txt
	commit; push
	expect 0 shipit assets sync
	echo changed >dist/a.txt
	holds a.txt a
}

test_flags_and_configuration() {
	site
	commit; push
	expect 2 shipit assets
	expect 2 shipit assets mirror
	says "not 'mirror'"
	expect 2 shipit assets sync --max-delete 5
	says 'belongs to shipit assets prune'
	sed -i.bak 's|file:[^"]*|ftp://x|' pipelines/simple.yml
	expect 2 shipit check
	says "'to' must be s3://BUCKET/PREFIX or file:DIR"
	sed -i.bak 's|- {name: assets.*||' pipelines/simple.yml
	expect 2 shipit assets sync
	says 'has no step assets_sync'
}

# A relative folder is below the team's own working tree, whatever is checked out.
test_relative_folder() {
	site
	sed -i.bak 's|file:[^"]*|file:public/assets|' pipelines/simple.yml
	rm pipelines/simple.yml.bak
	ship
	equals "$(cat public/assets/index.html)" one
}

test_explicit_prune_step() {
	site ', grace: 0s, keep: 1'
	cat >>pipelines/simple.yml <<-END
		tasks:
		  prune: {assets_prune: {to: "file:$PLACE", grace: 0s, keep: 1, max_delete: 5}, deferred: true, always: true}
	END
	sed -i.bak 's/, always: true//' pipelines/simple.yml
	rm pipelines/simple.yml.bak
	ship
	says 'tasks.prune'
	sed -i.bak 's/- {name: build/- assets_prune: {to: "file:x"}\n      - {name: build/' pipelines/simple.yml
	rm pipelines/simple.yml.bak
	expect 2 shipit check
	says 'before go-live'
}

run_tests
