# shellcheck shell=bash
# The shop of the crash matrix: parallel stages, halts, undo, a stage behind go-live, tasks; what its
# production is stands in files of $TEST_FOLDER.

SHIM_LIBRARY=${OUT:-$ROOT/build/release}/shim.so
case $SHIM_LIBRARY in /*) ;; *) SHIM_LIBRARY=$ROOT/$SHIM_LIBRARY ;; esac
export SHIM_LIBRARY

# worker start|stop|runs NAME: a daemon that loops until it is stopped.
crash_worker() {
	write "$TEST_FOLDER/worker" <<-'END'
		#!/bin/sh
		folder=$(dirname "$0") name=$2 pid=
		[ -f "$folder/$name.pid" ] && pid=$(cat "$folder/$name.pid")
		case $1 in
		start)
			"$0" runs "$name" && echo "$name" >>"$folder/twice"
			(exec sleep 600) >/dev/null 2>&1 </dev/null &
			echo $! >"$folder/$name.pid"
			;;
		stop) [ -z "$pid" ] || kill "$pid" ;;
		runs) [ -n "$pid" ] && ps -o stat= -p "$pid" | grep -qv Z ;;
		esac
	END
	# step NAME: what a step does in production, so that doing it twice is seen.
	write "$TEST_FOLDER/step" <<-'END'
		#!/bin/sh -eu
		folder=$(dirname "$0")
		echo "$SHIPIT_ID $1" >>"$folder/ran"
		case $1 in
		enable) echo on >"$folder/enabled" ;;
		switch)
			[ "$(cat "$folder/live" 2>/dev/null)" = "$SHIPIT_ID" ] ||
				cp "$folder/live" "$folder/live.before" 2>/dev/null || : >"$folder/live.before"
			echo "$SHIPIT_ID" >"$folder/live.new"
			mv "$folder/live.new" "$folder/live"
			;;
		back)
			[ "$(cat "$folder/live" 2>/dev/null)" != "$SHIPIT_ID" ] ||
				cp "$folder/live.before" "$folder/live"
			;;
		disable) [ -s "$folder/live" ] || rm -f "$folder/enabled" ;;
		esac
	END
	chmod +x "$TEST_FOLDER/worker" "$TEST_FOLDER/step"
	for name in cron workers; do
		"$TEST_FOLDER/worker" start $name
		cleanup "$TEST_FOLDER/worker stop $name"
	done
}

crash_shop() {
	crash_worker
	new_repo
	write deploy.yml <<-END
		app: shop
		pipeline: web
		state: ${1:-file:$TEST_FOLDER/state}
		environments: {production: {branch: master, protected: false}}
		maintenance:
		  when: always
		  halts:
		    cron: {stop: $TEST_FOLDER/worker stop cron, start: $TEST_FOLDER/worker start cron, running_if: $TEST_FOLDER/worker runs cron}
		    workers: {stop: $TEST_FOLDER/worker stop workers, start: $TEST_FOLDER/worker start workers, running_if: $TEST_FOLDER/worker runs workers}
	END
	write pipelines/web.yml <<-END
		stages:
		  frontend:
		    steps:
		      - {name: compile, run: $TEST_FOLDER/step compile, idempotent: true}
		      - {name: bundle, run: '$TEST_FOLDER/step bundle; echo WHAT=bundled >>"\$SHIPIT_OUTPUT"; echo x >bundle'}
		  backend:
		    parallel: true
		    steps:
		      - {name: one, run: $TEST_FOLDER/step one}
		      - {name: two, run: $TEST_FOLDER/step two}
		  release:
		    go_live: true
		    steps:
		      - {name: enable, run: 'test "\$WHAT" = bundled; test -f bundle; $TEST_FOLDER/step enable', undo: $TEST_FOLDER/step disable}
		      - {name: switch, run: $TEST_FOLDER/step switch, undo: $TEST_FOLDER/step back}
		  behind:
		    needs: release
		    steps:
		      - {name: tell, run: $TEST_FOLDER/step tell}
		tasks:
		  warm: {run: $TEST_FOLDER/step warm}
		  index: {run: $TEST_FOLDER/step index, deferred: true}
	END
	commit shop
	push
}

# The same with fewer steps, a smoke test that the commit in bad.commit does not pass while the file
# strict is there, and two releases: that of good.commit is live. A rollback waits in its step switch
# while the file hang is there, and moves cut.next to cut.
crash_rollback_shop() {
	crash_shop "$@"
	write "$TEST_FOLDER/switch" <<-'END'
		#!/bin/sh -eu
		folder=$(dirname "$0")
		[ -z "${SHIPIT_ROLLBACK:-}" ] || [ ! -e "$folder/hang" ] ||
			{ echo $$ >"$folder/hung"; exec sleep 100; }
		[ -z "${SHIPIT_ROLLBACK:-}" ] || [ ! -e "$folder/cut.next" ] ||
			mv "$folder/cut.next" "$folder/cut"
		[ -e "$folder/kept.$SHIPIT_ID" ] || [ ! -e "$folder/live.commit" ] ||
			cp "$folder/live.commit" "$folder/kept.$SHIPIT_ID"
		"$folder/step" switch
		echo "$SHIPIT_COMMIT" >"$folder/live.commit"
	END
	write "$TEST_FOLDER/back" <<-'END'
		#!/bin/sh -eu
		folder=$(dirname "$0")
		"$folder/step" back
		[ ! -e "$folder/kept.$SHIPIT_ID" ] || cp "$folder/kept.$SHIPIT_ID" "$folder/live.commit"
	END
	chmod +x "$TEST_FOLDER/switch" "$TEST_FOLDER/back"
	write pipelines/web.yml <<-END
		stages:
		  build: {steps: [{name: compile, run: $TEST_FOLDER/step compile}]}
		  release:
		    go_live: true
		    steps:
		      - {name: enable, run: $TEST_FOLDER/step enable, undo: $TEST_FOLDER/step disable}
		      - {name: switch, run: $TEST_FOLDER/switch, undo: $TEST_FOLDER/back}
	END
	cat >>deploy.yml <<-END
		lease: 2s
		smoke:
		  within: 0s
		  checks: [{run: 'test ! -e $TEST_FOLDER/strict || ! cmp -s $TEST_FOLDER/live.commit $TEST_FOLDER/bad.commit', name: good}]
		  on_fail: rollback
	END
	commit bad
	push
	git rev-parse HEAD >"$TEST_FOLDER/bad.commit"
	expect 0 shipit deploy --yes --silent
	commit good
	push
	git rev-parse HEAD >"$TEST_FOLDER/good.commit"
	expect 0 shipit deploy --yes --silent
}

# A git whose PUSH_FAILS-th push does not get through.
failing_git() {
	write "$TEST_FOLDER/bin/git" <<-END
		#!/bin/sh
		for word; do
			[ "\$word" = push ] || continue
			echo x >>"\$PUSHES"
			[ "\$(wc -l <"\$PUSHES")" -eq "\$PUSH_FAILS" ] || break
			: >"\$SHIM_MARK"
			echo 'fatal: unable to access the remote: Could not resolve host' >&2
			exit 128
		done
		exec $(command -v git) "\$@"
	END
	chmod +x "$TEST_FOLDER/bin/git"
}

matrix() {
	python3 "$ROOT/tests/e2e/crash_matrix.py" "$TEST_FOLDER" "$@"
}

matrix_of_rollbacks() {
	python3 "$ROOT/tests/e2e/crash_rollback.py" "$TEST_FOLDER" "$@"
}
