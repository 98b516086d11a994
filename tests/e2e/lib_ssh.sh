# shellcheck shell=bash
# Hosts for end-to-end tests, behind lib.sh: a real sshd, one for all tests of a script.
#
#   hosts_begin            starts it once, before run_tests; tests skip when there is none
#   need_hosts             in each test: `ssh` finds 127.0.0.1 and its neighbours by a configuration
#                          of its own; LOG_FOLDER is where hosts write what they did
#   ssh_masters            how many shared connections of this test are open

hosts_begin() {
	SSHD=$(mktemp -d "${TMPDIR:-/tmp}/shipit-sshd.XXXXXX")
	export SSHD
	trap '"$ROOT/tests/servers/sshd.sh" stop "$SSHD"; rm -rf "$SSHD"' EXIT
	if ! "$ROOT/tests/servers/sshd.sh" ready 2>"$SSHD/why" ||
		! "$ROOT/tests/servers/sshd.sh" start "$SSHD" $$ 2>"$SSHD/why"; then
		touch "$SSHD/missing"
	fi
}

need_hosts() {
	[ ! -e "$SSHD/missing" ] || skip "$(cat "$SSHD/why")"
	LOG_FOLDER=$TEST_FOLDER/logs
	mkdir -p "$TEST_FOLDER/bin" "$LOG_FOLDER" "$TEST_FOLDER/sockets"
	# Short names are needed for sockets.
	export TMPDIR=$TEST_FOLDER/sockets REAL_SSH
	REAL_SSH=${REAL_SSH:-$(command -v ssh)}
	write "$TEST_FOLDER/bin/ssh" <<-END
		#!/bin/sh
		exec "$REAL_SSH" -F "$SSHD/config" "\$@"
	END
	chmod +x "$TEST_FOLDER/bin/ssh"
	PATH=$TEST_FOLDER/bin:$PATH
}

ssh_masters() { pgrep -f "ssh: $TEST_FOLDER/sockets/.*\[mux\]" | wc -l | tr -d ' '; }
