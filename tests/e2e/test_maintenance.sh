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
release() { echo "{go_live: true, steps: [{name: switch, run: 'echo live >>$TEST_FOLDER/order', undo: 'echo undone >>$TEST_FOLDER/order'}]}"; }

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
stands() { ! "$W" runs "$1" || { echo "$1 runs"; return 1; }; }

test_halts_stop_in_order_and_start_in_reverse() {
	worker_tool
	begin_worker cron
	begin_worker jobs
	shop "$(release)" <<-END
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

test_the_plan_says_that_running_if_is_open() {
	worker_tool
	shop "$(release)" <<-END
		halts:
		  $(halt cron)
	END
	expect 0 shipit plan --json
	equals "$(json '[o for o in d["open"] if "halt" in o]')" \
		'["halt cron: whether it runs, and so is stopped: known at deploy (running_if)"]'
	expect 0 shipit plan
	stdout_has 'halt cron: whether it runs'
	expect 0 shipit plan --json --maintenance off
	equals "$(json 'd["open"]')" '[]'
}

test_what_did_not_run_is_left_alone() {
	worker_tool
	begin_worker cron
	shop "$(release)" <<-END
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
	shop "$(release)" <<-END
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
	shop "$(release)" <<-END
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
	shop "{go_live: true, steps: [{name: bad, run: exit 3, undo: 'echo undone >>$TEST_FOLDER/order'}]}" <<-END
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
	shop "$(release)" <<-END
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
	shop "$(release)" <<-END
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
	shop "$(release)" <<-END
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
	shop "$(release)" <<-END
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

# interrupt SIGNAL: starts a deploy, waits until it says TEXT (stdin), sends the signal; the code in $CODE.
begin_deploy() {
	"$SHIPIT" deploy --yes --silent --format plain >"$OUT" 2>"$ERR" </dev/null &
	PID=$!
	cleanup "kill -9 $PID"
}

end_deploy() {
	CODE=0
	wait "$PID" || CODE=$?
	equals "$CODE" "$1"
}

# A stop command that waits until it may go on.
slow_stop() {
	cat <<-END
		$1: {stop: 'touch $TEST_FOLDER/stopping; while ! test -e $TEST_FOLDER/go; do sleep 0.05; done; $W stop $1', start: $W start $1, running_if: $W runs $1}
	END
}

test_signal_while_a_halt_stops_starts_it_again() {
	worker_tool
	begin_worker cron
	begin_worker jobs
	shop "$(release)" <<-END
		halts:
		  $(slow_stop cron)
		  $(halt jobs)
	END
	begin_deploy
	wait_until 20 test -e "$TEST_FOLDER/stopping"
	kill -TERM "$PID"
	wait_until 20 grep -q 'interrupted: what was halted is started again' "$ERR"
	: >"$TEST_FOLDER/go"
	end_deploy 143
	equals "$(order)" 'stopped cron,started cron'
	runs cron
	runs jobs
	says 'Production is as it was.'
}

test_second_signal_ends_a_stop_that_hangs() {
	worker_tool
	begin_worker cron
	shop "$(release)" <<-END
		halts:
		  $(slow_stop cron)
	END
	begin_deploy
	wait_until 20 test -e "$TEST_FOLDER/stopping"
	kill -INT "$PID"
	wait_until 20 grep -q 'interrupted: what' "$ERR"
	kill -INT "$PID"
	end_deploy 130
	[ ! -e "$TEST_FOLDER/order" ] || fail 'what still ran was started twice'
	runs cron
}

test_signal_in_go_live_undoes_then_starts() {
	worker_tool
	begin_worker cron
	shop "{go_live: true, steps: [{name: slow, run: 'touch $TEST_FOLDER/live; while ! test -e $TEST_FOLDER/go; do sleep 0.05; done', undo: 'echo undone >>$TEST_FOLDER/order'}, {name: never, run: exit 1}]}" <<-END
		halts:
		  $(halt cron)
	END
	begin_deploy
	wait_until 20 test -e "$TEST_FOLDER/live"
	stands cron
	kill -INT "$PID"
	wait_until 20 grep -q interrupted "$ERR"
	: >"$TEST_FOLDER/go"
	end_deploy 130
	equals "$(order)" 'stopped cron,undone,started cron'
	runs cron
}

test_signal_while_a_halt_starts_lets_it_start() {
	worker_tool
	begin_worker cron
	shop "$(release)" <<-END
		halts:
		  cron: {stop: $W stop cron, start: 'touch $TEST_FOLDER/starting; while ! test -e $TEST_FOLDER/go; do sleep 0.05; done; $W start cron', running_if: $W runs cron}
	END
	begin_deploy
	wait_until 20 test -e "$TEST_FOLDER/starting"
	kill -TERM "$PID"
	wait_until 20 grep -q 'what was halted is started again first' "$ERR"
	: >"$TEST_FOLDER/go"
	end_deploy 4
	equals "$(order)" 'stopped cron,live,started cron'
	runs cron
}

# A start command that does not go into the background is no reason to end what it runs.
test_start_in_the_foreground_is_let_go_of() {
	worker_tool
	begin_worker cron
	shop "$(release)" <<-END
		halts:
		  cron: {stop: $W stop cron, start: 'echo \$\$ >$TEST_FOLDER/cron.pid; while :; do sleep 0.05; done', running_if: $W runs cron, timeout: 700ms}
	END
	expect 0 deploy
	says 'its start command has not ended'
	runs cron
}

test_start_that_fails_at_first_is_tried_again() {
	worker_tool
	begin_worker cron
	shop "$(release)" <<-END
		halts:
		  cron: {stop: $W stop cron, start: 'test -e $TEST_FOLDER/tried || { touch $TEST_FOLDER/tried; exit 1; }; $W start cron', running_if: $W runs cron}
	END
	expect 0 deploy
	runs cron
}

# systemd itself cannot run in a test: a systemctl that keeps units as files.
systemctl_tool() {
	mkdir -p "$TEST_FOLDER/bin" "$TEST_FOLDER/units"
	write "$TEST_FOLDER/bin/systemctl" <<-END
		#!/bin/sh
		units=$TEST_FOLDER/units
		[ "\$1" = --no-ask-password ] && shift
		verb=\$1
		while [ "\$1" != -- ]; do shift; done
		shift
		[ "\$verb" = show ] || echo "\$verb \$*" >>$TEST_FOLDER/order
		first=1
		for unit; do
			case \$verb in
			show)
				[ \$first = 1 ] || echo
				first=0
				if [ -e \$units/\$unit ]; then
					echo LoadState=loaded
					echo "ActiveState=\$(cat \$units/\$unit)"
				else
					printf 'LoadState=not-found\nActiveState=inactive\n'
				fi ;;
			stop) echo inactive >\$units/\$unit ;;
			start) echo active >\$units/\$unit ;;
			esac
		done
	END
	chmod +x "$TEST_FOLDER/bin/systemctl"
	export PATH="$TEST_FOLDER/bin:$PATH"
}

test_systemd_units_that_were_active_start_again() {
	systemctl_tool
	echo active >"$TEST_FOLDER/units/beat"
	echo inactive >"$TEST_FOLDER/units/spare"
	echo active >"$TEST_FOLDER/units/worker"
	shop "$(release)" <<-END
		halts:
		  queue: {systemd: [beat, spare, worker]}
	END
	expect 0 deploy
	equals "$(order)" 'stop beat worker,live,start beat worker'
	equals "$(cat "$TEST_FOLDER/units/spare")" inactive
	journal | grep -q '"units":\["beat","worker"\]' || fail 'the units that ran are not named'
}

test_systemd_unit_that_is_not_there() {
	systemctl_tool
	echo active >"$TEST_FOLDER/units/beat"
	shop "$(release)" <<-END
		halts:
		  queue: {systemd: [beat, wroker]}
	END
	expect 1 deploy
	says "systemd knows no unit 'wroker'"
	[ ! -e "$TEST_FOLDER/order" ] || fail 'something was stopped'
}

test_mistakes_are_found_by_check() {
	worker_tool
	shop "$(release)" <<-END
		page: {on: "true"}
		halts:
		  cron: {stop: "true"}
		  page: {stop: "true", start: "true", running_if: "true"}
	END
	expect 2 shipit check
	says "the page lacks 'off'"
	says "the halt 'cron' lacks 'start'"
	says "the halt 'cron' lacks 'running_if'"
	says "no halt can be called 'page'"
}

test_by_hand_on_status_off() {
	worker_tool
	begin_worker cron
	begin_worker jobs
	"$W" stop jobs
	rm "$TEST_FOLDER/order"
	shop "$(release)" <<-END
		page: {on: 'echo page-on >>$TEST_FOLDER/order', off: 'echo page-off >>$TEST_FOLDER/order'}
		halts:
		  $(halt cron)
		  $(halt jobs)
	END
	expect 0 shipit maintenance status
	stdout_has 'no maintenance'
	expect 0 shipit maintenance on -m 'disk swap'
	stands cron
	expect 0 shipit maintenance on
	stderr_has 'is on already: page, cron'
	expect 0 shipit maintenance status
	stdout_has 'by ann@example.com: page, cron (disk swap)'
	stdout_has "cron is started by: $W start cron"
	expect 0 shipit status --json
	equals "$(json 'd["environments"][0]["maintenance"]["halts"]')" '["page", "cron"]'
	expect 0 deploy
	stands cron
	expect 0 shipit maintenance off
	runs cron
	stands jobs
	equals "$(order)" 'page-on,stopped cron,live,started cron,page-off'
	expect 0 shipit maintenance off
	stderr_has 'is not on'
	expect 0 shipit status --json
	equals "$(json 'd["environments"][0]["maintenance"]')" null
}

test_by_hand_what_does_not_stop_is_started_again() {
	worker_tool
	begin_worker cron
	begin_worker jobs
	shop "$(release)" <<-END
		halts:
		  $(halt cron)
		  jobs: {stop: "exit 3", start: $W start jobs, running_if: $W runs jobs}
	END
	expect 1 shipit maintenance on
	stderr_has 'jobs could not be stopped: its stop command failed: exit code 3'
	equals "$(order)" 'stopped cron,started cron'
	expect 0 shipit maintenance status --json
	equals "$(json 'd["on"]')" false
}

test_off_is_tried_again_until_all_runs() {
	worker_tool
	begin_worker cron
	begin_worker jobs
	shop "$(release)" <<-END
		halts:
		  cron: {stop: $W stop cron, start: 'test -e $TEST_FOLDER/mended && $W start cron', running_if: $W runs cron, timeout: 500ms}
		  $(halt jobs)
	END
	expect 4 deploy
	runs jobs
	expect 0 shipit maintenance status
	stdout_has ', deploy '
	stdout_has ': cron (it was not started again)'
	expect 4 shipit maintenance off
	stderr_has 'cron DOES NOT RUN AGAIN'
	: >"$TEST_FOLDER/mended"
	expect 0 shipit maintenance off --json
	equals "$(json 'd["halts"]')" '[]'
	runs cron
}

# Who can push to the state store could write any command into it.
test_off_asks_about_commands_that_are_not_in_the_file() {
	worker_tool
	begin_worker cron
	shop "$(release)" <<-END
		halts:
		  $(halt cron)
	END
	expect 0 shipit maintenance on
	sed 's/start: [^,]*,/start: "true",/' deploy.yml >changed
	mv changed deploy.yml
	commit changed; push
	expect 3 shipit maintenance off
	stderr_has 'The state store says what deploy.yml does not'
	stderr_has "cron is started by: $W start cron"
	stderr_has --yes
	stands cron
	expect 0 shipit maintenance off --yes
	runs cron
}

test_held_halts_are_started_by_maintenance_off() {
	worker_tool
	begin_worker cron
	shop '{go_live: true, steps: [{name: bad, run: exit 3, undo: exit 4}]}' <<-END
		if_undo_fails: hold
		halts:
		  $(halt cron)
	END
	expect 4 deploy
	stands cron
	expect 0 shipit maintenance off
	runs cron
}

halted_elsewhere() { "$SHIPIT" -C "$TEST_FOLDER/other" status --json | grep -q "\"$1\""; }

test_by_hand_is_refused_while_a_deploy_runs() {
	worker_tool
	begin_worker cron
	shop "{go_live: true, steps: [{name: slow, run: 'touch $TEST_FOLDER/live; while ! test -e $TEST_FOLDER/go; do sleep 0.05; done'}]}" <<-END
		halts:
		  $(halt cron)
	END
	begin_deploy
	wait_until 20 test -e "$TEST_FOLDER/live"
	git clone -q "$TEST_FOLDER/repo.git" "$TEST_FOLDER/other"
	"$SHIPIT" -C "$TEST_FOLDER/other" maintenance off >"$TEST_FOLDER/said" 2>&1 && fail 'not refused'
	grep -q 'deploy' "$TEST_FOLDER/said" || fail 'it does not say by whom'
	wait_until 10 halted_elsewhere cron
	: >"$TEST_FOLDER/go"
	end_deploy 0
	runs cron
}

# `maintenance on` is killed while it stops jobs; the arguments put that right.
killed_half_way() {
	worker_tool
	begin_worker cron
	begin_worker jobs
	shop "$(release)" <<-END
		halts:
		  $(halt cron)
		  jobs: {stop: 'echo \$\$ >$TEST_FOLDER/stopping; $W stop jobs; exec sleep 60', start: $W start jobs, running_if: $W runs jobs}
	END
	"$SHIPIT" maintenance on >"$OUT" 2>"$ERR" </dev/null &
	PID=$!
	wait_until 20 stands jobs
	cleanup "kill $(cat "$TEST_FOLDER/stopping")"
	kill -9 "$PID"
	wait "$PID" || :
	stands cron
	expect 0 shipit status
	stderr_has "'maintenance on' of production by ann@example.com on "
	stderr_has 'was interrupted'
	stderr_has 'stopped, and not started again: cron, jobs'
	stderr_has 'shipit -e production maintenance off'
	expect 3 shipit deploy --yes --silent
	stderr_has 'nothing was run: the maintenance was interrupted, and comes first'
	expect 3 shipit resume
	stderr_has 'shipit -e production recover'
	# The command that stops jobs still runs: nothing starts it before that has ended.
	"$SHIPIT" "$@" >"$OUT" 2>"$ERR" </dev/null &
	PID=$!
	wait_until 20 grep -q "a command of jobs still runs (pid $(cat "$TEST_FOLDER/stopping"))" "$ERR"
	stands cron
	kill "$(cat "$TEST_FOLDER/stopping")"
	end_deploy "${CODE:-0}"
	[ "${CODE:-0}" = 0 ] || return 0
	runs cron
	runs jobs
	expect 0 shipit maintenance status
	stdout_has 'no maintenance'
	expect 0 shipit deploy --yes --silent --maintenance off
}

test_by_hand_killed_half_way_is_put_right_by_off() { killed_half_way maintenance off; }
test_by_hand_killed_half_way_is_put_right_by_recover() { killed_half_way recover; }
test_by_hand_killed_half_way_does_not_go_on() {
	CODE=3 killed_half_way maintenance on
	grep -q 'shipit -e production maintenance off' "$ERR" || fail "$(cat "$ERR")"
	expect 0 shipit maintenance off
	runs cron
	runs jobs
}

test_by_hand_interrupted_starts_again() {
	worker_tool
	begin_worker cron
	shop "$(release)" <<-END
		halts:
		  $(slow_stop cron)
	END
	"$SHIPIT" maintenance on >"$OUT" 2>"$ERR" </dev/null &
	PID=$!
	wait_until 20 test -e "$TEST_FOLDER/stopping"
	kill -TERM "$PID"
	wait_until 20 grep -q interrupted "$ERR"
	: >"$TEST_FOLDER/go"
	end_deploy 143
	runs cron
	expect 0 shipit maintenance status
	stdout_has 'no maintenance'
}

# Debian's own cron, in a namespace in which its folders are the test's: it sees no crontab of this
# machine and leaves nothing in it. Without it the worker above has to stand in.
cron_tool() {
	local cron
	cron=$(PATH=$ROOT/build/cron/usr/sbin:$PATH:/usr/sbin command -v cron) ||
		skip 'no cron: tools/deps --tests'
	mkdir -p "$TEST_FOLDER/run" "$TEST_FOLDER/none"
	: >"$TEST_FOLDER/empty"
	write "$TEST_FOLDER/cron" <<-END
		#!/bin/sh
		pid=\$(cat $TEST_FOLDER/run/crond.pid 2>/dev/null)
		case \$1 in
		start) exec unshare --map-root-user --mount $TEST_FOLDER/cron inside ;;
		inside)
			set -e
			mount -t tmpfs tmpfs /var/spool
			mkdir -p /var/spool/cron/crontabs
			[ ! -e /etc/cron.d ] || mount --bind $TEST_FOLDER/none /etc/cron.d
			[ ! -e /etc/crontab ] || mount --bind $TEST_FOLDER/empty /etc/crontab
			mount --bind $TEST_FOLDER/run /run
			exec $cron
			;;
		stop) kill \$pid ;;
		runs) [ -n "\$pid" ] && [ "\$(ps -o stat=,comm= -p \$pid | grep -v '^Z' | sed 's/.* //')" = cron ] ;;
		esac
	END
	chmod +x "$TEST_FOLDER/cron"
	cleanup "$TEST_FOLDER/cron stop"
	"$TEST_FOLDER/cron" start 2>"$ERR" || skip "cron cannot run here: $(cat "$ERR")"
	wait_until 5 "$TEST_FOLDER/cron" runs
}

test_cron_stops_and_runs_again() {
	cron_tool
	local before
	before=$(cat "$TEST_FOLDER/run/crond.pid")
	shop "{go_live: true, steps: [{name: switch, run: '! $TEST_FOLDER/cron runs'}]}" <<-END
		halts:
		  cron: {stop: $TEST_FOLDER/cron stop, start: $TEST_FOLDER/cron start, running_if: $TEST_FOLDER/cron runs, timeout: 10s}
	END
	expect 0 deploy
	"$TEST_FOLDER/cron" runs || fail 'cron does not run'
	[ "$(cat "$TEST_FOLDER/run/crond.pid")" != "$before" ] || fail 'cron was never stopped'
}

run_tests
