#!/bin/bash
# Kind ssh: commands on hosts over a real sshd, each of 127.0.0.1 ... a host.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/lib_ssh.sh"
hosts_begin

# fleet HOSTS: deploy.yml with the group `web` and a pipeline whose go-live steps are on stdin.
fleet() {
	need_hosts
	new_repo
	write deploy.yml <<-END
		app: shop
		pipeline: simple
		state: file:$TEST_FOLDER/state
		hosts: {web: [$1]}
		environments:
		  production: {branch: master, vars: {LOGS: $LOG_FOLDER, COLOUR: "it's \$red"}}
		secrets: {TOKEN: {env: TEST_TOKEN}}
	END
	write pipelines/simple.yml <<-END
		stages:
		  release:
		    go_live: true
		    steps:
		$(sed 's/^/      /')
	END
	commit one
	push
}

# change: one more commit to deploy, with what stands in the working tree
change() { commit "${1:-change}"; push; }
deploy() { expect "$1" shipit deploy --yes --silent; }
was_on() { [ -e "$LOG_FOLDER/$1" ] || fail "$1 did nothing"; }
was_not_on() { [ ! -e "$LOG_FOLDER/$1" ] || fail "$1 did something"; }

test_every_host_does_it() {
	# shellcheck disable=SC2016
	fleet '127.0.0.1, 127.0.0.2, 127.0.0.3' <<-'END'
		- {ssh: {hosts: web, run: 'echo "$SSH_CONNECTION" >$LOGS/$SHIPIT_HOST; echo did it; echo oh >&2'}}
	END
	deploy 0
	for host in 127.0.0.1 127.0.0.2 127.0.0.3; do
		grep -q " $host " "$LOG_FOLDER/$host" || fail "$host was not asked"
	done
	expect 0 shipit logs "$(basename .git/shipit/deploys/2*)" release.ssh
	stdout_has '127.0.0.2: did it'
	says '127.0.0.3: oh'
	expect 0 shipit plan
	equals "$(ls "$TEST_FOLDER/sockets")" ''
}

# Values are data, in whatever shell; what is the deployer's own stays with him.
test_environment() {
	# shellcheck disable=SC2016
	fleet 127.0.0.1 <<-'END'
		- run: echo "built=x 'y'" >>$SHIPIT_OUTPUT
		- {ssh: {hosts: web, run: 'env >$LOGS/env; tr "\0" "\n" </proc/$$/cmdline >>$LOGS/args || :; ps ax >>$LOGS/args 2>/dev/null || :'}, env: {HOME_MADE: a b}, secrets: TOKEN}
		- {name: list, ssh: {hosts: web, run: [touch, "/tmp/x y;$(id)", --reference=/nowhere]}, allow_failure: true}
	END
	# shellcheck disable=SC2016  # that is what it is
	TEST_TOKEN='s3cret $value' MINE=here deploy 0
	local env=$LOG_FOLDER/env
	grep -qx "COLOUR=it's \$red" "$env" || fail 'a var is lost'
	grep -qx 'HOME_MADE=a b' "$env" || fail 'env is lost'
	grep -qx "built=x 'y'" "$env" || fail 'an output is lost'
	# shellcheck disable=SC2016
	grep -qx 'TOKEN=s3cret $value' "$env" || fail 'the secret is lost'
	grep -qx 'SHIPIT_HOST=127.0.0.1' "$env" || fail 'SHIPIT_HOST is lost'
	grep -qx "SHIPIT_COMMIT=$(git rev-parse HEAD)" "$env" || fail 'SHIPIT_COMMIT is lost'
	! grep -q '^MINE=\|^SHIPIT_OUTPUT=\|^SHIPIT_LEASE=\|^GIT_CONFIG_GLOBAL=' "$env" ||
		fail 'what is ours alone is there'
	! grep -q s3cret "$LOG_FOLDER/args" || fail 'a list of processes shows the secret'
	says '/nowhere'
}

test_dead_host_does_not_kill_the_deploy() {
	# shellcheck disable=SC2016
	fleet '127.0.0.1, 127.0.0.2, 127.0.0.3' <<-'END'
		- {name: first, ssh: {hosts: web, max_fail: 1, options: [-o, 'ProxyCommand=python3 $RELAY %h %p'], run: 'touch $LOGS/first-$SHIPIT_HOST'}}
		- {name: second, ssh: {hosts: web, max_fail: 1, options: [-o, 'ProxyCommand=python3 $RELAY %h %p'], run: 'touch $LOGS/second-$SHIPIT_HOST'}}
	END
	relay
	export DEAD=127.0.0.2
	deploy 0
	was_on first-127.0.0.1
	was_on first-127.0.0.3
	was_not_on first-127.0.0.2
	was_on second-127.0.0.1
	was_not_on second-127.0.0.2	# it is known to be dead
	tail -n 4 "$ERR" >"$TEST_FOLDER/last"
	grep -q 'not well: release.first: 1 of 3 hosts failed: 127.0.0.2 (' "$TEST_FOLDER/last" || fail 'not in the last lines'
	grep -q 'release.second: 1 of 3 hosts failed: 127.0.0.2 (left out, as before' "$TEST_FOLDER/last" || fail 'not in the last lines'
	expect 0 shipit history --json
	equals "$(json 'len(d[0]["remarks"])')" 2
	expect 0 shipit show "$(json 'd[0]["id"]')"
	says '127.0.0.2 ('
	grep -h '"step.finished"' .git/shipit/deploys/*/events.ndjson | grep -q '"status":"ok".*1 of 3 hosts failed' ||
		fail 'not in the reason'
	sed -i.bak 's/max_fail: 1, //' pipelines/simple.yml
	rm pipelines/simple.yml.bak
	change
	deploy 4
	says '1 of 3 hosts failed: 127.0.0.2 ('
}

# The way to a host; $DEAD is refused, from $HANGS nothing ever comes.
relay() {
	export RELAY=$TEST_FOLDER/relay.py
	write "$RELAY" <<-'END'
		import os, socket, sys, threading, time
		if sys.argv[1] == os.environ.get("DEAD"):
		    sys.exit("no route to it")
		if sys.argv[1] == os.environ.get("HANGS"):
		    while os.getppid() > 1:
		        time.sleep(0.1)
		    sys.exit(1)
		s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
		def up():
		    while True:
		        b = os.read(0, 65536)
		        if not b:
		            s.shutdown(socket.SHUT_WR)
		            return
		        s.sendall(b)
		threading.Thread(target=up, daemon=True).start()
		while True:
		    b = s.recv(65536)
		    if not b:
		        break
		    os.write(1, b)
	END
}

test_refused_connection_says_why() {
	fleet '127.0.0.1, 127.0.0.2' <<-'END'
		- {ssh: {hosts: [web, "127.0.0.9:1"], run: 'touch $LOGS/$SHIPIT_HOST'}}
	END
	deploy 4
	says '127.0.0.9:1 (ssh: connect to host 127.0.0.9 port 1: Connection refused)'
	was_on 127.0.0.1
}

test_batches_and_their_check() {
	# shellcheck disable=SC2016
	fleet '127.0.0.1, 127.0.0.2, 127.0.0.3, 127.0.0.4, 127.0.0.5' <<-'END'
		- {ssh: {hosts: web, batch: 40%, run: 'echo $SHIPIT_HOST >>$LOGS/order', check: 'ls $LOGS >>$LOGS/checks; test $(wc -l <$LOGS/order) != "$BAD"'}}
	END
	BAD=0 deploy 0
	equals "$(wc -l <"$LOG_FOLDER/order" | tr -d ' ')" 5
	equals "$(grep -c order "$LOG_FOLDER/checks")" 3
	rm "$LOG_FOLDER"/*
	change
	BAD=4 deploy 4
	equals "$(wc -l <"$LOG_FOLDER/order" | tr -d ' ')" 4
	says 'check: exit code 1'
}

test_failure_stops_the_roll_out() {
	# shellcheck disable=SC2016
	fleet '127.0.0.1, 127.0.0.2, 127.0.0.3' <<-'END'
		- {ssh: {hosts: web, batch: 1, run: 'touch $LOGS/$SHIPIT_HOST; test $SHIPIT_HOST != 127.0.0.2 || { echo broken >&2; exit 3; }'}}
	END
	deploy 4
	was_on 127.0.0.2
	was_not_on 127.0.0.3
	says '1 of 3 hosts failed: 127.0.0.2 (exit code 3: broken)'
}

test_once_and_jitter() {
	# shellcheck disable=SC2016
	fleet '127.0.0.1, 127.0.0.2' <<-'END'
		- {name: migrate, ssh: {hosts: web, once: true, run: 'touch $LOGS/once-$SHIPIT_HOST'}}
		- {name: restart, ssh: {hosts: web, jitter: 300ms, run: 'touch $LOGS/$SHIPIT_HOST'}}
	END
	deploy 0
	was_on once-127.0.0.1
	was_not_on once-127.0.0.2
	was_on 127.0.0.1
	was_on 127.0.0.2
}

test_group_that_a_command_lists() {
	# shellcheck disable=SC2016
	fleet 127.0.0.1 <<-'END'
		- {name: one, ssh: {hosts: [workers, web], run: 'echo one >>$LOGS/$SHIPIT_HOST'}}
		- {name: two, ssh: {hosts: workers, run: 'echo two >>$LOGS/$SHIPIT_HOST'}}
	END
	sed -i.bak 's|hosts: {web|hosts: {workers: {from: ./list}, web|' deploy.yml
	rm deploy.yml.bak
	write list <<-END
		#!/bin/sh
		echo asked >>$LOG_FOLDER/asked
		printf '# ours\n127.0.0.7\n 127.0.0.8 \n'
	END
	chmod +x list
	change
	expect 0 shipit plan
	says 'known at deploy'
	was_not_on asked
	deploy 0
	equals "$(cat "$LOG_FOLDER/127.0.0.7" "$LOG_FOLDER/127.0.0.1" | tr '\n' ' ')" 'one two one '
	equals "$(cat "$LOG_FOLDER/asked")" asked
	echo 'echo -oProxyCommand=touch' >>list
	change
	deploy 4
	says "the hosts of the group 'workers' are not known: '-oProxyCommand=touch' is no name of a host"
}

# What hangs is ended, over there too; with max_fail it is one failed host.
test_host_that_hangs() {
	# shellcheck disable=SC2016
	fleet '127.0.0.1, 127.0.0.2' <<-'END'
		- {ssh: {hosts: web, max_fail: 1, host_timeout: 4s, run: 'touch $LOGS/$SHIPIT_HOST; test $SHIPIT_HOST != 127.0.0.2 || { echo $$ >$LOGS/pid; sleep 1000 & wait; }'}}
	END
	deploy 0
	says '127.0.0.2 (took longer than 4.0s)'
	wait_until 5 gone "$(cat "$LOG_FOLDER/pid")"
}

gone() { ! kill -0 "$1"; }

# The way to it swallows everything: ssh itself gives up.
test_host_that_never_answers() {
	fleet 127.0.0.1 <<-'END'
		- {ssh: {hosts: [web, 127.0.0.2], max_fail: 1, options: [-o, ConnectTimeout=4, -o, 'ProxyCommand=python3 $RELAY %h %p'], run: 'touch $LOGS/$SHIPIT_HOST'}}
	END
	relay
	HANGS=127.0.0.2 deploy 0
	was_on 127.0.0.1
	says '127.0.0.2 ('
}

test_stop_ends_it_over_there() {
	# shellcheck disable=SC2016
	fleet '127.0.0.1, 127.0.0.2' <<-'END'
		- run: 'true'
	END
	# shellcheck disable=SC2016
	sed -i.bak "s|stages:|&\n  build: {steps: [{ssh: {hosts: web, run: 'echo \$\$ >\$LOGS/\$SHIPIT_HOST; sleep 1000'}}]}|" pipelines/simple.yml
	rm pipelines/simple.yml.bak
	change
	"$SHIPIT" deploy --yes --silent >"$OUT" 2>"$ERR" </dev/null &
	local pid=$! code=0
	wait_until 20 test -s "$LOG_FOLDER/127.0.0.1" -a -s "$LOG_FOLDER/127.0.0.2"
	kill -TERM $pid
	wait $pid || code=$?
	equals $code 143
	wait_until 5 gone "$(cat "$LOG_FOLDER/127.0.0.1")"
	wait_until 5 gone "$(cat "$LOG_FOLDER/127.0.0.2")"
	equals "$(ls "$TEST_FOLDER/sockets")" ''
}

# kill -9: nothing goes on over there, and the next command closes the connections.
test_killed_shipit() {
	# shellcheck disable=SC2016
	fleet '127.0.0.1, 127.0.0.2' <<-'END'
		- {idempotent: true, ssh: {hosts: web, run: 'echo $$ >$LOGS/$SHIPIT_HOST; test -e $LOGS/again || sleep 1000; touch $LOGS/done-$SHIPIT_HOST'}}
	END
	"$SHIPIT" deploy --yes --silent >"$OUT" 2>"$ERR" </dev/null &
	local pid=$!
	wait_until 20 test -s "$LOG_FOLDER/127.0.0.1" -a -s "$LOG_FOLDER/127.0.0.2"
	kill -9 $pid
	wait $pid || :
	wait_until 5 gone "$(cat "$LOG_FOLDER/127.0.0.1")"
	wait_until 5 gone "$(cat "$LOG_FOLDER/127.0.0.2")"
	[ -n "$(ls "$TEST_FOLDER/sockets")" ] || fail 'there was no connection to leave behind'
	touch "$LOG_FOLDER/again"
	expect 0 shipit resume --yes
	was_on done-127.0.0.1
	was_on done-127.0.0.2
	equals "$(ls "$TEST_FOLDER/sockets")" ''
	wait_until 5 no_masters
}

no_masters() { [ "$(ssh_masters)" = 0 ]; }

test_unknown_host_key() {
	fleet 127.0.0.1 <<-'END'
		- {ssh: {hosts: web, options: [-o, UserKnownHostsFile=/dev/null], run: 'true'}}
	END
	deploy 4
	says 'Host key verification failed'
}

test_user_that_is_no_user() {
	fleet 127.0.0.1 <<-'END'
		- {ssh: {hosts: web, user: "${NAME}", run: 'true'}}
	END
	sed -i.bak 's/vars: {/&NAME: "-oProxyCommand=x", /' deploy.yml
	rm deploy.yml.bak
	change
	deploy 4
	says "user: '-oProxyCommand=x' is no user's name"
}

test_command_that_floods() {
	fleet '127.0.0.1, 127.0.0.2' <<-'END'
		- {ssh: {hosts: web, run: 'seq 100000; printf end'}}
	END
	deploy 0
	equals "$(grep -c '^127.0.0.[12]: ' .git/shipit/deploys/*/logs/release.ssh.log)" 200002
}

run_tests
