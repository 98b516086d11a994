#!/bin/bash
# Assets in a bucket of a real server: what is sent and seen, in how few requests, and what faults do.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/lib.sh"
source "$(dirname "$0")/lib_s3.sh"

# site [KEYS]: a repository whose pipeline syncs dist/ to the test's bucket below app/; KEYS: more keys
# of the step.
site() {
	[ -n "${BUCKET:-}" ] || s3_bucket
	new_repo
	write deploy.yml <<-END
		app: shop
		pipeline: simple
		state: file:$TEST_FOLDER/state
		environments:
		  production: {branch: master, protected: false}
		  staging: {branch: master, protected: false}
	END
	write pipelines/simple.yml <<-END
		stages:
		  frontend:
		    steps:
		      - {name: build, run: 'mkdir -p dist; cp -R src/. dist'}
		      - {name: assets, assets_sync: {from: dist, to: "s3://$BUCKET/app"${1:-}}}
		  release:
		    go_live: true
		    steps: [{name: live, run: 'true'}]
	END
	write src/index.html <<<'one'
	write src/app.3f2a9b1c.js <<<'app one'
	write src/deep/er/page.css <<<'css'
	echo dist >.gitignore
	mkdir -p dist
	s3_mark
}

saved() { commit "${1:-a change}"; push; }
ship() {
	saved "${1:-}"
	expect "${2:-0}" shipit deploy --yes --silent
}
sync() { expect 0 shipit assets sync "$@"; }
first() { json "d['places'][0]$1"; }	# of --json

there() { s3_keys app/ | sed 's|^app/||' | tr '\n' ' '; }
holds() { equals "$(s3_direct get "$BUCKET" "app/$1")" "$2"; }
index() { s3_direct get "$BUCKET" app/.shipit/index.json | python3 -c 'import json,sys; d=json.load(sys.stdin); print(eval(sys.argv[1]))' "$1"; }

test_release_is_there_and_live() {
	site
	ship
	equals "$(there)" 'app.3f2a9b1c.js deep/er/page.css index.html '
	holds index.html one
	equals "$(s3_header app/app.3f2a9b1c.js content-type)" 'text/javascript; charset=utf-8'
	equals "$(s3_header app/app.3f2a9b1c.js cache-control)" 'public, max-age=31536000, immutable'
	equals "$(s3_header app/index.html content-type)" 'text/html; charset=utf-8'
	equals "$(index '[r["id"] for r in d["releases"] if r.get("published")] != []')" True
	s3_agrees app/
}

run_tests
