#!/usr/bin/env bash
# Maintenance: what is stopped around go-live and always runs again. Workers here are real processes.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# A worker that loops until it is stopped, a stand-in for what a service manager starts: its pid is
# in $TEST_FOLDER/NAME.pid, and it appends a line to $TEST_FOLDER/NAME.log at its start.
worker_tool() {
	write "$TEST_FOLDER/worker" <<-'END'
		#!/bin/sh
		# worker start|stop|runs NAME
		folder=$(dirname "$0") name=$2 pid=
		[ -f "$folder/$name.pid" ] && pid=$(cat "$folder/$name.pid")
		case $1 in
		start)
			echo "started $name" >>"$folder/order"
			(while :; do sleep 0.05; done) &
			echo $! >"$folder/$name.pid"
			;;
		stop)
			echo "stopped $name" >>"$folder/order"
			[ -z "$pid" ] || kill "$pid"
			;;
		# Whose parent does not reap him is dead all the same.
		runs) [ -n "$pid" ] && ps -o stat= -p "$pid" | grep -qv Z ;;
		esac
	END
	chmod +x "$TEST_FOLDER/worker"
	W=$TEST_FOLDER/worker
}

begin_worker() {
	"$W" start "$1" >/dev/null 2>&1 </dev/null
	rm -f "$TEST_FOLDER/order"
	cleanup "$W stop $1"
}

# A halt of that name as a line of YAML.
halt() { echo "$1: {stop: $W stop $1, start: $W start $1, running_if: $W runs $1, timeout: ${2:-10s}}"; }
release='{go_live: true, steps: [{name: switch, run: "echo live >>$TEST_FOLDER/order", undo: "echo undone >>$TEST_FOLDER/order"}]}'

# shop RELEASE: further keys of maintenance (four spaces deep) are on stdin.
shop() {
	new_repo
	write pipelines/web.yml <<-END
		stages:
		  build: {steps: [{name: compile, run: echo built}]}
		  release: $1
	END
	{
		cat <<-END
			app: shop
			pipeline: web
			state: file:$TEST_FOLDER/state
			environments: {production: {branch: master, protected: false}}
			maintenance:
			  when: always
		END
		sed 's/^/  /'
	} >deploy.yml
	commit shop
	push
}

deploy() { shipit deploy --yes --silent --format plain "$@"; }
journal() { cat .git/shipit/deploys/*/events.ndjson; }
order() { tr '\n' ',' <"$TEST_FOLDER/order" | sed 's/,$//'; }
runs() { "$W" runs "$1" || fail "$1 does not run"; }
stands() { ! "$W" runs "$1" || fail "$1 runs"; }

test_halts_stop_in_order_and_start_in_reverse() {
	worker_tool
	begin_worker cron
	begin_worker jobs
	shop "$release" <<-END
		halts:
		  $(halt cron)
		  $(halt jobs)
	END
	expect 0 deploy
	equals "$(order)" 'stopped cron,stopped jobs,live,started jobs,started cron'
	runs cron
	runs jobs
	journal | grep -q '"event":"maintenance.intent","halt":"cron","how":{"halt":"cron","kind":"run"' ||
		fail 'the intent does not say how to start it'
	journal | grep -q '"event":"maintenance.off","status":"ok",.*"halt":"cron"' || fail 'no maintenance.off'
}

test_what_did_not_run_is_left_alone() {
	worker_tool
	begin_worker cron
	shop "$release" <<-END
		halts:
		  $(halt cron)
		  $(halt jobs)
	END
	expect 0 deploy
	equals "$(order)" 'stopped cron,live,started cron'
	says 'jobs is not running'
	stands jobs
}

test_together_and_the_page() {
	worker_tool
	begin_worker cron
	begin_worker jobs
	shop "$release" <<-END
		together: true
		page: {on: 'echo page-on >>$TEST_FOLDER/order', off: 'echo page-off >>$TEST_FOLDER/order'}
		halts:
		  $(halt cron)
		  $(halt jobs)
	END
	expect 0 deploy
	local got
	got=$(order)
	case $got in page-on,stopped*,stopped*,live,started*,started*,page-off) ;; *) fail "$got" ;; esac
	runs cron
	runs jobs
}

test_maintenance_off_flag_stops_nothing() {
	worker_tool
	begin_worker cron
	shop "$release" <<-END
		halts:
		  $(halt cron)
	END
	expect 0 deploy --maintenance off
	equals "$(order)" 'live'
	runs cron
}

test_started_again_when_go_live_fails() {
	worker_tool
	begin_worker cron
	shop '{go_live: true, steps: [{name: bad, run: exit 3, undo: "echo undone >>$TEST_FOLDER/order"}]}' <<-END
		halts:
		  $(halt cron)
	END
	expect 1 deploy
	equals "$(order)" 'stopped cron,undone,started cron'
	says 'Production is as it was.'
	runs cron
}

test_what_does_not_stop_keeps_production_as_it_was() {
	worker_tool
	begin_worker cron
	begin_worker jobs
	shop "$release" <<-END
		halts:
		  $(halt cron)
		  jobs: {stop: "true", start: $W start jobs, running_if: $W runs jobs, timeout: 300ms}
	END
	expect 1 deploy
	equals "$(order)" 'stopped cron,started cron'
	says 'maintenance.jobs: it did not stop within its timeout of 300ms'
	runs cron
	runs jobs
	stderr_has 'Production is as it was.'
}

test_nobody_can_tell_whether_it_runs() {
	worker_tool
	begin_worker cron
	shop "$release" <<-END
		halts:
		  $(halt cron)
		  jobs: {stop: "true", start: "true", running_if: no-such-command}
	END
	expect 1 deploy
	[ ! -e "$TEST_FOLDER/order" ] || fail 'something was stopped'
	says 'maintenance.jobs: its running_if cannot tell: exit code 127'
	says 'Nothing was stopped.'
	runs cron
}

test_a_halt_that_will_not_start_is_shouted_about() {
	worker_tool
	begin_worker cron
	begin_worker jobs
	shop "$release" <<-END
		halts:
		  $(halt cron)
		  jobs: {stop: $W stop jobs, start: "echo no disk; exit 7", running_if: $W runs jobs, timeout: 500ms}
	END
	expect 4 deploy
	equals "$(order)" 'stopped cron,stopped jobs,live,started cron'
	says 'jobs DOES NOT RUN AGAIN: '
	says 'exit code 7: no disk'
	says 'jobs does not run. Start it: echo no disk; exit 7'
	says 'shipit -e production maintenance off'
	runs cron
	shipit logs >"$OUT" 2>"$ERR" || :
	says 'no disk'
}

# A start that leaves a process running must leave it running, and able to write.
test_what_a_start_leaves_behind_outlives_the_deploy() {
	worker_tool
	begin_worker cron
	write "$TEST_FOLDER/start-loud" <<-END
		(while :; do echo tick; date >$TEST_FOLDER/ticked; sleep 0.05; done) &
		echo \$! >$TEST_FOLDER/cron.pid
		exit 0
	END
	shop "$release" <<-END
		halts:
		  cron: {stop: $W stop cron, start: sh $TEST_FOLDER/start-loud, running_if: $W runs cron}
	END
	expect 0 deploy
	rm -f "$TEST_FOLDER/ticked"
	wait_until 10 test -s "$TEST_FOLDER/ticked"
	runs cron
}

test_undo_that_fails_holds_when_told_so() {
	worker_tool
	begin_worker cron
	shop '{go_live: true, steps: [{name: bad, run: exit 3, undo: exit 4}]}' <<-END
		if_undo_fails: hold
		halts:
		  $(halt cron)
	END
	expect 4 deploy
	equals "$(order)" 'stopped cron'
	says 'what was halted stays so (if_undo_fails: hold)'
	says 'cron does not run. Start it: '
	stands cron
}

test_undo_that_fails_starts_by_default() {
	worker_tool
	begin_worker cron
	shop '{go_live: true, steps: [{name: bad, run: exit 3, undo: exit 4}]}' <<-END
		halts:
		  $(halt cron)
	END
	expect 4 deploy
	equals "$(order)" 'stopped cron,started cron'
	runs cron
}

run_tests
