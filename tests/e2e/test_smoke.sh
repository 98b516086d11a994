#!/bin/bash
# The smoke test against a real nginx: alone, and as the judge of a deploy.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/lib.sh"
# shellcheck source=../servers/nginx.sh
source "$(dirname "$0")/../servers/nginx.sh"

serve() {
	nginx_program >/dev/null || skip 'no nginx'
	mkdir -p "$TEST_FOLDER/www"
	cleanup "kill \$(cat '$TEST_FOLDER/nginx/nginx.pid')"
	nginx_start "$TEST_FOLDER/nginx" "$TEST_FOLDER/www" "${1:-}"
}

page() { printf '<meta name="commit" content="%s">%s\n' "$1" "${2:-Add to cart}"; }

# deploy.yml with the smoke section on stdin; go-live publishes the commit on the page.
shop() {
	new_repo
	write deploy.yml <<-END
		app: shop
		pipeline: simple
		state: file:$TEST_FOLDER/state
		environments:
		  production: {branch: master, protected: false, url: $NGINX_URL}
		smoke:
		$(sed 's/^/  /')
	END
	write pipelines/simple.yml <<-END
		stages:
		  release:
		    go_live: true
		    steps:
		      - name: switch
		        run: |
		          printf '<meta name="commit" content="%s">Add to cart\n' "\${PAGE_COMMIT:-\$SHIPIT_COMMIT}" >$TEST_FOLDER/www/index.html
	END
	commit 'a shop'
	push
}

test_deploy_proves_the_commit() {
	serve
	shop <<-'END'
		within: 10s
		commit: {match: '<meta name="commit" content="([0-9a-f]+)"'}
		checks:
		  - {get: /, contains: "Add to cart", absent: Traceback, header: {content-type: text/html}}
	END
	expect 0 shipit deploy --yes --format json
	stdout_has '"event":"smoke.check"'
	expect 0 shipit smoke --json
	equals "$(json 'd["status"]')" ok
	equals "$(json 'd["commit"]')" "$(git rev-parse HEAD)"
	page 1234567 >"$TEST_FOLDER/www/index.html"
	sed -i.bak 's/within: 10s/within: 300ms/' deploy.yml
	rm deploy.yml.bak
	commit; push
	expect 1 shipit smoke
	says 'the page shows commit 1234567 instead of'
	page "$(git rev-parse --short=7 HEAD~1)" >"$TEST_FOLDER/www/index.html"
	expect 0 shipit smoke
}

test_stale_page_fails_the_deploy() {
	serve
	shop <<-'END'
		within: 300ms
		commit: {match: 'content="([0-9a-f]+)"'}
		on_fail: stop
		checks: [{get: /}]
	END
	PAGE_COMMIT=ffffffffff expect 4 shipit deploy --yes
	says 'shows commit ffffffffff instead of'
}

test_every_expectation() {
	serve 'location /old { return 301 /new.html; }
		location /api { default_type application/json; return 200 "{\"ok\":true,\"n\":5}"; }'
	page 0 >"$TEST_FOLDER/www/new.html"
	shop <<-'END'
		within: 0s
		checks:
		  - {get: /old, contains: Add}
		  - {get: /old, status: 301, redirects: forbid}
		  - {get: /api, json: {ok: true, n: 5}}
		  - {run: 'test "$SHIPIT_ENV" = production'}
		  - {get: /missing, status: 404}
		  - {get: /new.html, contains: Basket, name: basket}
		  - {get: /api, json: {n: 6}, name: number}
		  - {run: 'echo no browser; false', name: browser}
	END
	expect 1 shipit smoke --json
	equals "$(json '[c["status"] for c in d["checks"]]')" \
		'["ok", "ok", "ok", "ok", "ok", "failed", "failed", "failed"]'
	says 'the page does not contain \"Basket\"'
	says 'n is 5 instead of 6'
	says 'exit code 1: no browser'
}

# The second check makes the page appear, once the first one has missed it.
test_production_comes_up_late() {
	serve
	shop <<-END
		within: 20s
		checks:
		  - {get: /late.html}
		  - run: |
		      grep -q "/late.html.* 404" $TEST_FOLDER/nginx/access.log
		      echo up >$TEST_FOLDER/www/late.html
	END
	expect 0 shipit smoke --json
	equals "$(json 'd["checks"][0]["attempts"] > 1')" true
}

# A page shows the commit of the stage that made it, also when that stage had nothing to do.
test_commit_of_a_stage_that_was_skipped() {
	serve
	shop <<-'END'
		within: 300ms
		commit: {match: 'content="([0-9a-f]+)"', of: build}
		checks: [{get: /}]
	END
	write pipelines/simple.yml <<-END
		stages:
		  build:
		    if_changed: ["src/**"]
		    steps:
		      - name: compile
		        run: printf '<p content="%s">' "\$SHIPIT_COMMIT" >$TEST_FOLDER/www/index.html
		  release: {go_live: true, steps: [{run: 'true'}]}
	END
	commit; push
	expect 0 shipit deploy --yes
	commit 'nothing in src'; push
	expect 0 shipit deploy --yes
	page fffffff >"$TEST_FOLDER/www/index.html"
	commit 'nothing again'; push
	expect 4 shipit deploy --yes
	says "instead of $(git rev-parse --short=10 HEAD~2)"
}

test_secrets_and_vars() {
	serve
	echo fine >"$TEST_FOLDER/www/s3cr3t.html"
	shop <<-'END'
		within: 0s
		checks:
		  - {get: "/${KEY}.html", contains: fine, name: page}
		  - {run: 'test "$KEY" = s3cr3t', secrets: [KEY], name: command}
	END
	printf 'secrets: {KEY: {env: SHOP_KEY}}\n' >>deploy.yml
	commit; push
	SHOP_KEY=s3cr3t expect 0 shipit deploy --yes
	SHOP_KEY=s3cr3t expect 0 shipit smoke
	silent_on s3cr3t
	nginx_stop "$TEST_FOLDER/nginx"
	SHOP_KEY=s3cr3t expect 1 shipit smoke
	# shellcheck disable=SC2016  # it is told as it was written
	says 'cannot get /${KEY}.html'
	silent_on s3cr3t
	expect 2 shipit smoke
	says SHOP_KEY
}

test_without_checks() {
	new_repo
	simple_config
	expect 2 shipit smoke
	says 'has no smoke checks'
}

run_tests
