#!/usr/bin/env bash
# The built-in pipelines, the shop, and the demo itself.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"

test_static_site() {
	new_repo
	write deploy.yml <<-END
		app: site
		pipeline: static
		state: file:$TEST_FOLDER/state
		environments:
		  production:
		    branch: master
		    vars: {SITE_TO: $TEST_FOLDER/srv, SITE_KEEP: 2}
	END
	local version
	for version in one two three four; do
		write public/index.html <<<"$version"
		commit "$version"
		push
		expect 0 shipit deploy --yes
		equals "$(cat "$TEST_FOLDER/srv/current/index.html")" "$version"
	done
	equals "$(find "$TEST_FOLDER/srv/releases" -mindepth 1 -maxdepth 1 | wc -l | tr -d ' ')" 2
	equals "$(cat "$TEST_FOLDER/srv/current/REVISION")" "$(git rev-parse HEAD)"
}

test_web_wants_a_release_program() {
	new_repo
	printf 'app: a\npipeline: web\nstate: "file:%s/state"\nenvironments: {production: {}}\n' \
		"$TEST_FOLDER" >deploy.yml
	commit x
	push
	expect 0 shipit check
	expect 4 shipit deploy --yes
	says deploy/release
}

test_web_wants_a_migrate_program_only_for_migrations() {
	new_repo
	write deploy/release <<<'#!/bin/sh'
	chmod +x deploy/release
	printf 'app: a\npipeline: web\nstate: "file:%s/state"\nenvironments: {production: {}}\n' \
		"$TEST_FOLDER" >deploy.yml
	commit x
	push
	expect 0 shipit deploy --yes
	says 'no migrations: nothing to do'
	write api/migrations/0001_first.py <<<'x = 1'
	commit y
	push
	expect 4 shipit deploy --yes
	says deploy/migrate
}

# The whole demo, at full speed and without a sound card.
test_demo() {
	[ -x "$ROOT/build/nginx/run" ] || skip 'no nginx: tools/deps --tests'
	SHOP_PACE=0 DEMO=$TEST_FOLDER/demo expect 0 "$ROOT/tools/demo"
	equals "$(head -n 1 "$TEST_FOLDER/demo/srv/shared/shop.conf")" currency=EUR
	[ ! -e "$TEST_FOLDER/demo/nginx/nginx.pid" ] || fail 'nginx still runs'
}

run_tests
