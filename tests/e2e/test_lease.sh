#!/usr/bin/env bash
# Two never deploy at once: the lease, the hold, the queue; what a refused person is told.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# A shop whose build waits for $T/go once $T/gate is there; each go-live adds a line to $T/live.
# STATE (default: a folder) and LEASE (default: 2m) of deploy.yml.
shop() {
	export T=$TEST_FOLDER
	new_repo
	write deploy.yml <<-END
		app: shop
		pipeline: shop
		state: ${STATE:-file:$T/state}
		lease: ${LEASE:-2m}
		guards: {risky: {high: ["danger/**"]}}
		environments:
		  production: {branch: master}
	END
	write pipelines/shop.yml <<-'END'
		stages:
		  build:
		    steps:
		      - name: compile
		        run: |
		          if [ -e "$T/gate" ]; then
		            rm "$T/gate"
		            touch "$T/building"
		            while [ -d "$T" ] && [ ! -e "$T/go" ]; do sleep 0.02; done
		          fi
		  release:
		    go_live: true
		    steps: [{name: switch, run: 'echo "$SHIPIT_COMMIT $SHIPIT_DEPLOYER" >>"$T/live"'}]
		tasks:
		  count: {if_changed: [count/], run: 'echo counted >>"$T/tasks"'}
	END
	commit shop
	push
}

# A clone in which ann's colleague works: in $T/NAME.
colleague() {
	git clone -q "$T/repo.git" "$T/$1"
	git -C "$T/$1" config user.email "$1@example.com"
}

in_clone() {
	local name=$1
	shift
	(cd "$T/$name" && SHIPIT_WORKTREES="$T/trees-$name" exec "$@")
}

# Starts `deploy --wait` there; its pid in $WAITER, what it says in $T/out-NAME.
wait_in_clone() {
	local name=$1
	shift
	(
		cd "$T/$name" || exit
		export SHIPIT_WORKTREES="$T/trees-$name"
		exec "$SHIPIT" deploy --yes --silent --wait "$@"
	) >"$T/out-$name" 2>&1 </dev/null &
	WAITER=$!
	cleanup "kill -KILL $WAITER"
	wait_until 20 grep -q "^waiting: " "$T/out-$name"
}

# Starts a deploy that stands in its build; its pid in $HOLDER.
start_deploy() {
	rm -f "$T/go" "$T/building"
	touch "$T/gate"
	"$SHIPIT" deploy --yes --silent "$@" >"$T/holder" 2>&1 </dev/null &
	HOLDER=$!
	cleanup "kill -KILL $HOLDER"
	wait_until 20 test -e "$T/building"
}

# Lets it go on; CODE is how it must end.
end_deploy() {
	local code=0
	touch "$T/go"
	wait "$HOLDER" || code=$?
	[ "$code" = "$1" ] || fail "exit code $code, wanted $1: $(cat "$T/holder")"
}

lease() { cat "$T/state/production/lease.json"; }
has_lease() { [ -e "$T/state/production/lease.json" ]; }
phase_is() { lease | grep -q "\"phase\": \"$1\""; }

# What another machine would have left: the lease of a holder that cannot be looked up here.
lease_from_elsewhere() {
	sed -i.old "s|\"machine\": \"[^\"]*\"|\"machine\": \"elsewhere\"|; ${1:-}" \
		"$T/state/production/lease.json"
	rm -f "$T/state/production/lease.json.old"
}

test_refused_deploy_says_all() {
	shop
	colleague bob
	start_deploy
	expect 3 in_clone bob "$SHIPIT" deploy --yes --silent
	stderr_has 'production is taken by ann@example.com on '
	stderr_has ' since '
	stderr_has "of $(git rev-parse --short=7 HEAD), before go-live, production is as it was"
	stderr_has 'shipit -e production deploy --wait'
	stderr_has "shipit -e production stop $(ls .git/shipit/deploys)"
	equals "$(find "$T/bob/.git/shipit/deploys" -mindepth 1 2>/dev/null | wc -l)" 0
	expect 0 in_clone bob "$SHIPIT" status --json
	equals "$(json 'd["environments"][0]["lock"]["kind"]')" lease
	equals "$(json 'd["environments"][0]["lock"]["holder"]')" ann@example.com
	equals "$(json 'd["environments"][0]["lock"]["phase"]')" before
	equals "$(json 'd["environments"][0]["lock"]["id"]')" "$(ls .git/shipit/deploys)"
	expect 0 in_clone bob "$SHIPIT" status
	stdout_has 'production is taken by ann@example.com'
	end_deploy 0
	if has_lease; then fail 'the lease was not freed'; fi
	expect 0 in_clone bob "$SHIPIT" status --json
	equals "$(json 'd["environments"][0]["lock"]')" null
	expect 0 in_clone bob "$SHIPIT" deploy --yes --silent
	says 'Nothing to do'
}

test_lock_refuses_until_unlocked() {
	shop
	colleague bob
	expect 0 shipit lock -m 'the database is being moved'
	expect 3 in_clone bob "$SHIPIT" deploy --yes --silent
	stderr_has 'production is locked by ann@example.com on '
	stderr_has 'the database is being moved'
	stderr_has 'shipit -e production unlock'
	stderr_has 'refuses: lock: production is locked by ann@example.com on '
	expect 3 in_clone bob "$SHIPIT" deploy --yes --silent --wait=1s
	expect 3 shipit deploy --yes --silent
	expect 3 in_clone bob "$SHIPIT" lock -m mine
	expect 0 shipit status --json
	equals "$(json 'd["environments"][0]["lock"]["kind"]')" hold
	equals "$(json 'd["environments"][0]["lock"]["reason"]')" 'the database is being moved'
	expect 3 in_clone bob "$SHIPIT" unlock
	stderr_has 'unlock --force'
	expect 0 in_clone bob "$SHIPIT" unlock --force -m 'it is moved'
	stderr_has 'locked by ann@example.com'
	expect 0 shipit history --json
	equals "$(json 'd[0]["kind"]')" unlock
	equals "$(json 'd[0]["deployer"]')" bob@example.com
	equals "$(json 'd[0]["reason"]')" \
		'ended the hold of ann@example.com (the database is being moved): it is moved'
	expect 0 shipit history
	stdout_has 'it is moved'
	expect 0 shipit unlock
	stderr_has 'is not locked'
	expect 0 shipit lock
	expect 0 shipit unlock
	expect 0 shipit deploy --yes --silent
}

test_lock_for_a_while_ends_by_itself() {
	shop
	expect 2 shipit lock --for soon
	expect 0 shipit lock --for 8h
	expect 3 shipit deploy --yes --silent
	stderr_has 'for 7h59m more'
	expect 0 faketime -f +9h "$SHIPIT" deploy --yes --silent
}

test_hold_that_comes_while_it_runs() {
	shop
	colleague bob
	start_deploy
	expect 0 in_clone bob "$SHIPIT" lock -m wait
	stderr_has 'What runs goes on'
	expect 3 in_clone bob "$SHIPIT" unlock
	expect 0 in_clone bob "$SHIPIT" unlock --force
	end_deploy 0
}

test_stop_from_another_clone() {
	LEASE=2s shop
	colleague bob
	expect 0 in_clone bob "$SHIPIT" stop
	stderr_has 'Nothing runs'
	start_deploy
	expect 2 in_clone bob "$SHIPIT" stop 20000101
	expect 0 in_clone bob "$SHIPIT" stop "$(ls .git/shipit/deploys)" -m 'wrong branch'
	local code=0
	wait "$HOLDER" || code=$?
	equals "$code" 143
	grep -q 'bob@example.com asked this deploy to stop: wrong branch' "$T/holder" ||
		fail "$(cat "$T/holder")"
	[ ! -e "$T/live" ] || fail 'it went live'
	if has_lease; then fail 'the lease was not freed'; fi
	expect 0 shipit history --json
	equals "$(json 'd[0]["status"]')" interrupted
}

test_queue_is_fair_and_survives_the_dead() {
	LEASE=4s shop
	local name pids=()
	start_deploy
	for name in one two three; do
		colleague "$name"
		in_clone "$name" git commit -q --allow-empty -m "$name"
		in_clone "$name" git push -q origin "HEAD:refs/heads/$name"
		wait_in_clone "$name" --ref HEAD --override branch,behind --reason test
		pids+=("$WAITER")
	done
	expect 0 shipit status
	stdout_has '  waiting: 1. one@example.com on '
	stdout_has '  waiting: 3. three@example.com on '
	expect 0 shipit status --json
	equals "$(json '[w["holder"] for w in d["environments"][0]["waiting"]][1]')" two@example.com
	grep -q 'warn.*lock.*; this deploy waits for it' "$T/out-one" || fail "$(cat "$T/out-one")"
	if grep 'pass:.*lock' "$T/out-one"; then fail 'the plan says that lock passes'; fi
	kill -KILL "${pids[1]}"
	touch "$T/go"
	wait "$HOLDER" || fail "$(cat "$T/holder")"
	wait "${pids[0]}" || fail "$(cat "$T/out-one")"
	wait "${pids[2]}" || fail "$(cat "$T/out-three")"
	equals "$(cut -d' ' -f2 "$T/live" | tr '\n' ' ')" \
		'ann@example.com one@example.com three@example.com '
	grep -q 'waiting: production is taken by ann@example.com' "$T/out-one" || fail "$(cat "$T/out-one")"
	grep -q '(2 before you)' "$T/out-three" || fail "$(cat "$T/out-three")"
	[ ! -e "$T/state/production/queue.json" ] || fail 'the queue was not emptied'
}

test_nobody_jumps_the_queue() {
	LEASE=2s shop
	mkdir -p "$T/state/production"
	cat >"$T/state/production/queue.json" <<-END
		{"tickets": [{"token": "t", "holder": "zoe", "host": "h", "machine": "elsewhere",
		 "beat": "b", "pid": 1, "pid_started": 1, "since": 1, "length": 1500}]}
	END
	expect 3 shipit deploy --yes --silent
	stderr_has 'zoe on h waits for production'
	# Zoe is gone: her ticket stands still for its length.
	expect 0 shipit deploy --yes --silent --wait
	[ ! -e "$T/state/production/queue.json" ] || fail 'the queue was not emptied'
}

test_waiting_ends() {
	LEASE=2s shop
	colleague bob
	start_deploy
	expect 2 in_clone bob "$SHIPIT" deploy --yes --wait=soon
	expect 3 in_clone bob "$SHIPIT" deploy --yes --silent --wait=300ms
	stderr_has 'waited for 300ms in vain'
	[ ! -e "$T/state/production/queue.json" ] || fail 'the ticket is still there'
	local code=0
	wait_in_clone bob
	[ -e "$T/state/production/queue.json" ] || fail 'there is no ticket'
	kill -TERM "$WAITER"
	wait "$WAITER" || code=$?
	equals "$code" 143
	[ ! -e "$T/state/production/queue.json" ] || fail 'the ticket is still there'
	end_deploy 0
}

test_dead_here_needs_recover() {
	shop
	start_deploy
	kill -KILL "$HOLDER"
	wait "$HOLDER" 2>/dev/null || :
	expect 3 shipit deploy --yes --silent
	stderr_has 'was interrupted before go-live'
	stderr_has 'its process is gone'
	stderr_has 'shipit -e production resume 2'
	stderr_has 'shipit -e production recover 2'
	expect 3 shipit deploy --yes --silent --wait=10s
	expect 3 shipit stop
	expect 0 shipit status --json
	equals "$(json 'd["environments"][0]["lock"]["state"]')" dead
	touch "$T/go"
}

test_expired_elsewhere_is_taken_over() {
	LEASE=1s shop
	start_deploy
	kill -KILL "$HOLDER"
	lease_from_elsewhere
	expect 3 shipit deploy --yes --silent
	stderr_has 'is taken by ann@example.com'
	expect 0 shipit deploy --yes --silent --wait
	stderr_has 'Taking over the lease of production that ann@example.com on '
	equals "$(wc -l <"$T/live" | tr -d ' ')" 1
	if has_lease; then fail 'the lease was not freed'; fi
	touch "$T/go"
}

test_expired_behind_go_live_needs_recover() {
	LEASE=1s shop
	start_deploy
	kill -KILL "$HOLDER"
	lease_from_elsewhere 's|"phase": "before"|"phase": "go_live"|'
	expect 3 shipit deploy --yes --silent --wait
	stderr_has 'was interrupted in its go-live stage'
	stderr_has 'nothing was heard of it for too long'
	stderr_has 'shipit -e production recover 2'
	[ ! -e "$T/live" ] || fail 'it deployed'
	touch "$T/go"
}

test_clocks_are_not_compared() {
	LEASE=1s shop
	colleague bob
	rm -f "$T/go"
	touch "$T/gate"
	faketime -f -30d "$SHIPIT" deploy --yes --silent >"$T/holder" 2>&1 </dev/null &
	HOLDER=$!
	cleanup "kill -KILL $HOLDER"
	wait_until 20 test -e "$T/building"
	# Even where its process cannot be looked up, it is renewed under bob's eyes.
	expect 3 in_clone bob faketime -f +30d "$SHIPIT" deploy --yes --silent
	lease_from_elsewhere
	expect 3 in_clone bob faketime -f +30d "$SHIPIT" deploy --yes --silent --wait=3s
	stderr_has 'is taken by ann@example.com'
	end_deploy 0
}

test_commands_of_the_pipeline_are_under_its_lease() {
	shop
	expect 0 shipit deploy --yes --silent
	rm "$T/tasks"
	release_of <<-END
		stages:
		  release:
		    go_live: true
		    steps: [{name: nested, run: '"$SHIPIT" -C "\$T/repo" task count --silent'}]
		tasks:
		  count: {if_changed: [count/], run: 'echo counted >>"\$T/tasks"'}
	END
	expect 0 shipit deploy --yes --silent
	equals "$(cat "$T/tasks")" counted
	if has_lease; then fail 'the lease was not freed'; fi
}

# The checkout of a deploy that runs is its own, also against a step of it that calls `exec`.
test_exec_leaves_a_running_deploy_its_checkout() {
	shop
	expect 0 shipit deploy --yes --silent
	touch new
	release_with_exec
	start_deploy
	expect 0 shipit exec -- sh -c 'test ! -e new'
	end_deploy 0
	grep -q 'new is there' "$T/holder" || fail "$(cat "$T/holder")"
	expect 0 shipit exec -- test -e new
}

# A stage behind the build calls `exec`, then looks whether its own checkout is still there.
release_with_exec() {
	write second <<-END
		  second:
		    needs: [build]
		    steps:
		      - {name: nested, run: '"$SHIPIT" -C "\$T/repo" exec -- test ! -e new'}
		      - {name: see, run: 'test -e new; echo new is there'}
	END
	python3 - <<-'END'
		pipeline = open("pipelines/shop.yml").read()
		open("pipelines/shop.yml", "w").write(
			pipeline.replace("  release:\n", open("second").read() + "  release:\n"))
	END
	rm second
	commit new
	push
}

test_lost_lease_before_go_live() {
	LEASE=2s shop
	start_deploy
	lease_from_elsewhere 's|"token": "[^"]*"|"token": "another"|; s|"holder": "[^"]*"|"holder": "bob"|'
	local code=0
	wait "$HOLDER" || code=$?
	equals "$code" 1
	grep -q "the lease of 'production' was lost: bob on " "$T/holder" || fail "$(cat "$T/holder")"
	[ ! -e "$T/live" ] || fail 'it went live'
	has_lease || fail "bob's lease was taken away"
	rm "$T/state/production/lease.json"
	expect 0 shipit history --json
	equals "$(json 'd[0]["status"]')" failed
}

release_of() {
	write pipelines/shop.yml
	commit "another release"
	push
}

test_network_lost_in_the_build() {
	STATE=git LEASE=2s shop
	release_of <<-'END'
		stages:
		  build: {steps: [{name: cut, run: 'mv "$T/repo.git" "$T/away"'}]}
		  release: {go_live: true, steps: [{name: switch, run: 'echo x >>"$T/live"'}]}
	END
	expect 1 shipit deploy --yes --silent
	says 'the lease cannot be verified'
	[ ! -e "$T/live" ] || fail 'it went live'
	mv "$T/away" "$T/repo.git"
}

test_network_lost_in_go_live_stops_the_next_step() {
	STATE=git LEASE=1s shop
	release_of <<-'END'
		stages:
		  release:
		    go_live: true
		    steps:
		      - {name: first, run: 'mv "$T/repo.git" "$T/away"; sleep 1.5; echo 1 >>"$T/live"', undo: 'echo undone >>"$T/live"'}
		      - {name: second, run: 'echo 2 >>"$T/live"'}
	END
	expect 4 shipit deploy --yes --silent
	equals "$(cat "$T/live")" 1
	says 'was not renewed for too long'
	says 'release.first was not undone, for the lease was lost'
	mv "$T/away" "$T/repo.git"
	# Its process is gone: the lease in the store says how far it was.
	expect 3 shipit deploy --yes --silent
	stderr_has 'was interrupted in its go-live stage'
}

test_live_without_a_record_needs_recover() {
	STATE=git shop
	release_of <<-'END'
		stages:
		  release:
		    go_live: true
		    steps: [{name: switch, run: 'echo 1 >>"$T/live"; mv "$T/repo.git" "$T/away"'}]
		tasks: {late: {run: 'true', deferred: true}}
	END
	expect 4 shipit deploy --yes --silent
	says 'the record of this deploy could not be stored'
	says "shipit -e production recover $(ls .git/shipit/deploys)"
	says 'Not done, and in no record: late'
	silent_on 'selected by the next plan'
	mv "$T/away" "$T/repo.git"
	expect 3 shipit deploy --yes --silent
	stderr_has 'was interrupted'
	equals "$(cat "$T/live")" 1
	expect 0 shipit recover
	says 'it came to its end, and its record could not be stored then'
	silent_on 'was killed'
	expect 0 shipit history --json
	equals "$(json 'd[0]["status"]')" failed_live
}

test_network_lost_for_a_moment_is_no_matter() {
	STATE=git LEASE=4s shop
	release_of <<-'END'
		stages:
		  release:
		    go_live: true
		    steps:
		      - {name: first, run: 'mv "$T/repo.git" "$T/away"; sleep 1.5; mv "$T/away" "$T/repo.git"'}
		      - {name: second, run: 'echo 2 >>"$T/live"'}
	END
	expect 0 shipit deploy --yes --silent
	equals "$(cat "$T/live")" 2
}

# Who was asleep for longer than his lease finds out before he touches anything.
test_sleeper_has_lost_it() {
	LEASE=1s shop
	start_deploy
	kill -STOP "$HOLDER"
	lease_from_elsewhere
	colleague bob
	expect 0 in_clone bob "$SHIPIT" deploy --yes --silent --wait
	stderr_has 'Taking over the lease'
	equals "$(wc -l <"$T/live" | tr -d ' ')" 1
	kill -CONT "$HOLDER"
	end_deploy 1
	grep -q "the lease of 'production' was lost" "$T/holder" || fail "$(cat "$T/holder")"
	equals "$(wc -l <"$T/live" | tr -d ' ')" 1
}

# A git that notes each time that it speaks with the remote.
test_few_round_trips() {
	STATE=git shop
	local git
	git=$(command -v git)
	mkdir "$T/bin"
	cat >"$T/bin/git" <<-END
		#!/bin/sh
		for word; do
			case \$word in fetch | push | ls-remote) echo "\$word" >>"$T/trips" ;; esac
		done
		exec "$git" "\$@"
	END
	chmod +x "$T/bin/git"
	PATH=$T/bin:$PATH expect 0 shipit deploy --yes --silent
	# The plan, the lease, the look under it, the intent to go live; that it is live, unless the
	# verdict comes first; record and freed lease in one.
	case $(tr '\n' ' ' <"$T/trips") in
	'fetch push fetch push push ' | 'fetch push fetch push push push ') ;;
	'fetch push fetch push push push push ') ;;	# a slow machine says that its tasks run, too
	*) fail "$(cat "$T/trips")" ;;
	esac
}

# Somebody else deploys while one waits: the plan is made anew, and agreed to anew.
test_plan_changes_while_one_waits() {
	LEASE=2s shop
	local code=0
	expect 0 shipit deploy --yes --silent
	rm "$T/tasks"
	mkdir count danger
	touch count/a
	commit count
	push
	colleague bob
	start_deploy
	in_clone bob git commit -q --allow-empty -m bob
	in_clone bob git push -q origin HEAD
	wait_in_clone bob --ref HEAD
	end_deploy 0
	wait "$WAITER" || fail "$(cat "$T/out-bob")"
	grep -q 'The plan changed while you waited' "$T/out-bob" || fail "$(cat "$T/out-bob")"
	grep -q 'task count is not needed any more' "$T/out-bob" || fail "$(cat "$T/out-bob")"
	equals "$(cat "$T/tasks")" counted
	# Going back over something dangerous is riskier than what --yes was said to.
	git pull -q origin master
	touch danger/a
	commit danger
	push
	start_deploy
	in_clone bob git commit -q --allow-empty -m 'without danger'
	wait_in_clone bob --ref HEAD --override unpushed,branch,behind --reason test
	end_deploy 0
	wait "$WAITER" || code=$?
	equals "$code" 3
	grep -q 'got riskier than the one that --yes was said to' "$T/out-bob" ||
		fail "$(cat "$T/out-bob")"
}

test_lease_on_branches() {
	STATE=git+branch LEASE=2s shop
	colleague bob
	start_deploy
	expect 3 in_clone bob "$SHIPIT" deploy --yes --silent
	stderr_has 'is taken by ann@example.com'
	expect 0 in_clone bob "$SHIPIT" stop
	local code=0
	wait "$HOLDER" || code=$?
	equals "$code" 143
	expect 0 shipit lock -m here
	expect 3 in_clone bob "$SHIPIT" deploy --yes --silent
	expect 0 shipit unlock
	git ls-remote origin 'refs/heads/shipit/*' >"$OUT"
	if grep -q 'lease\|hold' "$OUT"; then fail 'something is left'; fi
	expect 0 in_clone bob "$SHIPIT" deploy --yes --silent
}

# What each command says of a lease.json that is none: one sentence and what to type, never more.
damage_lease() { printf '%s' "$1" >"$T/state/production/lease.json"; }

# A note of the second of a deploy has an ID of its own, and is never taken for it.
test_unlock_in_the_second_of_a_deploy() {
	command -v faketime >/dev/null || skip 'faketime is not there'
	shop
	colleague bob
	at() { faketime '2026-11-24 10:00:00' "$@"; }
	expect 0 at "$SHIPIT" deploy --yes --silent
	expect 0 at "$SHIPIT" lock
	expect 0 in_clone bob faketime '2026-11-24 10:00:00' "$SHIPIT" unlock --force
	expect 0 shipit history --json
	equals "$(json 'len(set(r["id"] for r in d))')" 2
}

test_damaged_lease_is_put_right() {
	shop
	expect 0 shipit deploy --yes --silent
	touch another
	commit more
	push
	for body in '' '{"token": "abc", "len' '{}' '[]' '{"token": "x", "length": -5}'; do
		damage_lease "$body"
		expect 3 shipit deploy --yes --silent
		stderr_has 'nobody can say who holds production: its lease in the state store is damaged'
		stderr_has 'shipit -e production recover'
		stderr_has 'shipit -e production unlock --force'
		for command in plan status history show 'maintenance status'; do
			# shellcheck disable=SC2086
			expect 0 shipit $command
			stderr_has 'WARNING: nobody can say who holds production'
		done
		expect 0 shipit status --json
		equals "$(json 'd["environments"][0]["lock"]["state"]')" damaged
		expect 3 shipit unlock
		expect 3 shipit stop
		expect 3 shipit task count
		stderr_has 'nobody can say who holds production'
		expect 0 shipit unlock --force -m 'nobody deploys'
		says 'production is unlocked, by force'
		if has_lease; then fail 'the lease is still there'; fi
		expect 0 shipit history --json
		equals "$(json 'd[0]["kind"]')" unlock
		json 'd[0]["reason"]' | grep -q 'freed a damaged lease .*: nobody deploys' ||
			fail 'the history does not say it'
		damage_lease "$body"
		expect 0 shipit recover
		if has_lease; then fail 'recover did not free the lease'; fi
	done
	expect 0 shipit deploy --yes --silent
	expect 0 shipit history --verify
}

test_damaged_lease_on_the_git_remote() {
	STATE=git shop
	expect 0 shipit deploy --yes --silent
	local blob tree commit
	blob=$(printf '{"tok' | git -C "$T/repo.git" hash-object -w --stdin)
	tree=$(printf '100644 blob %s\tentry.json\n' "$blob" | git -C "$T/repo.git" mktree)
	commit=$(git -C "$T/repo.git" -c user.name=x -c user.email=x@y commit-tree -m x "$tree")
	git -C "$T/repo.git" update-ref refs/shipit/production/lease "$commit"
	expect 3 shipit deploy --yes --silent --redeploy
	stderr_has 'nobody can say who holds production'
	expect 0 shipit unlock --force
	expect 0 shipit deploy --yes --silent --redeploy
}

test_damaged_lease_of_a_deploy_that_died_here() {
	shop
	start_deploy
	kill -KILL "$HOLDER"
	wait "$HOLDER" 2>/dev/null || :
	touch "$T/go"
	damage_lease '{'
	expect 0 shipit status
	stderr_has "on this machine the deploy $(ls .git/shipit/deploys) did not come to its end"
	expect 0 shipit recover
	if has_lease; then fail 'the lease is still there'; fi
	expect 0 shipit history --json
	equals "$(json 'd[0]["kind"]')" recover
	equals "$(json 'd[0]["id"]')" "$(ls .git/shipit/deploys)"
}

test_damaged_hold_and_queue() {
	shop
	expect 0 shipit deploy --yes --silent
	echo '{"by":' >"$T/state/production/hold.json"
	echo '{"tick' >"$T/state/production/queue.json"
	expect 3 shipit deploy --yes --silent --redeploy
	stderr_has 'production is locked by somebody'
	stderr_has 'its entry is damaged'
	expect 3 shipit unlock
	stderr_has 'end it all the same: shipit -e production unlock --force'
	expect 0 shipit unlock --force
	expect 0 shipit deploy --yes --silent --redeploy
}

run_tests
