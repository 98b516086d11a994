#!/usr/bin/env bash
# `make install` into a folder of its own, and what is installed works from there.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"

test_install_and_uninstall() {
	local out program
	out=$(cd "$ROOT" && cd "$(dirname "$SHIPIT")" && pwd)
	[ "$out" = "$ROOT/build" ] || skip 'another build than build/'
	expect 0 make -s -C "$ROOT" install PREFIX=/usr DESTDIR="$TEST_FOLDER/x"
	program=$TEST_FOLDER/x/usr/bin/shipit
	unset SHIPIT_DATADIR
	expect 0 "$program" version
	new_repo
	printf 'app: a\npipeline: web\nenvironments: {production: {}}\n' >deploy.yml
	commit x
	push
	expect 0 "$program" check
	[ -f "$TEST_FOLDER/x/usr/share/man/man1/shipit.1" ] || fail 'no man page'
	[ -s "$TEST_FOLDER/x/usr/share/bash-completion/completions/shipit" ] || fail 'no completion'
	expect 0 make -s -C "$ROOT" uninstall PREFIX=/usr DESTDIR="$TEST_FOLDER/x"
	equals "$(find "$TEST_FOLDER/x" -type f | wc -l | tr -d ' ')" 0
}

test_works_through_a_symbolic_link() {
	case $SHIPIT in "$ROOT"/*) ;; *) skip 'another build than build/' ;; esac
	ln -s "$SHIPIT" "$TEST_FOLDER/linked"
	unset SHIPIT_DATADIR
	new_repo
	printf 'app: a\npipeline: static\nenvironments: {production: {}}\n' >deploy.yml
	commit x
	push
	expect 0 "$TEST_FOLDER/linked" check
}

run_tests
