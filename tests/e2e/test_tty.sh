#!/bin/bash
# The live view, in a real terminal: tmux holds it and says what is on the screen.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

command -v tmux >/dev/null || {
	test_tmux() { skip 'there is no tmux'; }
	run_tests
}

terminal() { tmux -L "shipit-$$-${TEST_FOLDER##*/}" -f /dev/null -u "$@"; }
screen() { terminal capture-pane -p -S - | sed -e 's/[[:space:]]*$//'; }
shows() { screen | grep -qF -- "$1"; }
sees() { wait_until 15 shows "$1"; }
unseen() { ! shows "$1" || fail "the screen has: $1"; }
count() { screen | grep -cF -- "$1" || true; }

# A deploy that waits for the file $TEST_FOLDER/go before it ends.
waiting_config() {
	simple_config
	write compile.sh <<-END
		echo 'one line'
		echo '漢字漢字漢字漢字漢字 end'
		while [ -d "$TEST_FOLDER" ] && [ ! -e "$TEST_FOLDER/go" ]; do sleep 0.05; done
		${1:-true}
	END
	write pipelines/simple.yml <<-END
		stages:
		  build:
		    steps:
		      - {name: compile, run: sh compile.sh}
		  assets:
		    steps:
		      - {name: compress, run: 'while [ -d "$TEST_FOLDER" ] && [ ! -e "$TEST_FOLDER/go" ]; do sleep 0.05; done'}
		  release:
		    go_live: true
		    steps:
		      - {name: switch, run: 'true'}
	END
	commit
	push
}

# start WIDTH HEIGHT ARGS...: shipit in a shell in a terminal of that size.
start() {
	local width=$1 height=$2
	shift 2
	cleanup terminal kill-server
	export LC_ALL=C.UTF-8
	terminal new-session -d -x "$width" -y "$height" "env PS1='ready> ' bash --norc"
	sees 'ready>'
	terminal send-keys "\"\$SHIPIT\" $*; echo code \$?" Enter
}

cursor_is_visible() {
	equals "$(terminal display-message -p '#{cursor_flag}')" 1
}

test_shows_what_runs_and_then_what_was() {
	new_repo
	waiting_config
	start 100 30 deploy --yes --silent
	sees 'waiting for '
	sees ' end'
	shows '  build.compile ' || fail 'no line for build.compile'
	shows '  assets.compress ' || fail 'no line for assets.compress'
	cursor_is_visible
	touch "$TEST_FOLDER/go"
	sees 'code 0'
	shows 'build.compile ok (' || fail 'no word of how build.compile ended'
	shows 'Done: the deploy is live.' || fail 'no verdict'
	unseen 'waiting for '
	cursor_is_visible
}

test_resize_leaves_one_block() {
	new_repo
	waiting_config
	start 120 30 deploy --yes --silent
	sees ' end'
	local before width
	sees '(1.0s'	# from now on it changes once a second
	for width in 60 40 90 30 120; do
		# tmux tells of a second resize only a while after it has done it: one by one.
		before=$(screen | grep '^  build.comp')
		wait_until 15 ticked "$before"
		terminal resize-window -x "$width" -y 25
		wait_until 15 settled "$width"
		equals "$(count 'waiting for')" 1
	done
	touch "$TEST_FOLDER/go"
	sees 'code 0'
	unseen 'waiting for '
	equals "$(count 'build.compile ok')" 1
}

# The second comes before tmux tells of it: what is drawn meanwhile must not count on the old width.
test_resizes_in_a_row_leave_one_block() {
	new_repo
	waiting_config
	start 120 30 deploy --yes --silent
	sees ' end'
	sees '(1.0s'
	for width in 60 40 90 30 120; do
		terminal resize-window -x $((width + 35)) -y 25
		terminal resize-window -x $((width + 10)) -y 25
		terminal resize-window -x "$width" -y 25
		wait_until 15 settled "$width"
		equals "$(count 'waiting for')" 1
		equals "$(count '  assets.c')" 1
	done
	touch "$TEST_FOLDER/go"
	sees 'code 0'
	unseen 'waiting for '
	equals "$(count 'build.compile ok')" 1
}

test_first_line_fits() {
	new_repo
	waiting_config
	touch "$TEST_FOLDER/go"
	start 80 30 deploy --yes --silent
	sees 'code 0'
	screen | grep '^deploying shop to production: ' | grep -q ' (2[0-9]*-[0-9]*-[0-9a-f]*)$' ||
		fail 'no line with the ID'
	terminal resize-window -x 50 -y 30
	git commit -q --allow-empty -m again
	push
	# shellcheck disable=SC2016  # for the shell in the terminal
	terminal send-keys 'clear; "$SHIPIT" deploy --yes --silent; echo again $?' Enter
	sees 'again 0'
	screen | grep -qE '^deploying shop to production: [0-9a-f]{7}$' || fail 'not on one line'
}

ticked() { [ "$(screen | grep '^  build.comp')" != "$1" ]; }

# Drawn for that width: the last output line is there from 60 columns on.
settled() {
	if [ "$1" -ge 60 ]; then
		screen | grep -q '^  build.compile .*漢字'
	else
		screen | grep -q '^  build.comp' && ! screen | grep -q '漢字'
	fi
}

test_failure_shows_the_end_of_the_log() {
	new_repo
	waiting_config 'echo no such thing; exit 9'
	touch "$TEST_FOLDER/go"
	start 100 40 deploy --yes --silent
	sees 'code 1'
	shows 'build.compile failed (exit code 9' || fail 'the failure is not named'
	shows '    no such thing' || fail 'the last lines are not there'
	shows 'Production is as it was.' || fail 'no verdict'
}

# A command stays in one piece, or somebody would copy half of it.
test_long_lines_are_folded_and_commands_are_not() {
	new_repo
	waiting_config
	touch "$TEST_FOLDER/go"
	expect 0 shipit lock -m 'the database is being moved'
	start 60 40 deploy --yes --silent
	sees 'code 3'
	shows '  when it may go on: shipit -e production unlock (--force' || fail 'not folded'
	shows "    ends somebody else's)" || fail 'nothing goes on below'
	terminal resize-window -x 40 -y 40
	# shellcheck disable=SC2016  # for the shell in the terminal
	terminal send-keys 'clear; "$SHIPIT" deploy --yes --silent; echo again $?' Enter
	sees 'again 3'
	screen | grep -q '^    shipit -e production unlock' || fail 'the command is cut'
}

test_interrupt_leaves_the_terminal_well() {
	new_repo
	waiting_config
	start 100 30 deploy --yes --silent
	sees 'waiting for '
	terminal send-keys C-c
	sees 'code 130'
	unseen 'waiting for '
	cursor_is_visible
}

test_kill_leaves_the_cursor_visible() {
	new_repo
	waiting_config
	start 100 30 deploy --yes --silent
	sees 'waiting for '
	local pane child
	pane=$(terminal display-message -p '#{pane_pid}')
	child=$(pgrep -P "$pane" -f shipit | head -n 1)
	kill -KILL "$child"
	touch "$TEST_FOLDER/go"
	sees 'code 137'
	cursor_is_visible
}

test_question_is_asked_and_answered() {
	new_repo
	waiting_config
	touch "$TEST_FOLDER/go"
	start 100 40 deploy --silent
	sees '[y/N]'
	terminal send-keys n Enter
	sees 'code 3'
	[ ! -e "$TEST_FOLDER/live" ] || fail 'it deployed all the same'
	# shellcheck disable=SC2016
	terminal send-keys 'clear; "$SHIPIT" deploy --silent; echo then $?' Enter
	wait_until 15 prompted
	terminal send-keys C-c
	sees 'then 130'
	shows 'interrupted: nothing was run' || fail 'not a word'
	[ ! -e "$TEST_FOLDER/live" ] || fail 'it deployed all the same'
}

prompted() { [ "$(count '[y/N]')" = 1 ] && ! shows 'code 3'; }

test_passphrases_are_not_shown() {
	start 80 24 keygen
	sees 'Passphrase (empty: none):'
	terminal send-keys 'gehein' BSpace 'm' Enter
	sees 'The same once more:'
	terminal send-keys 'geheim' Enter
	sees 'code 0'
	unseen gehei
	grep -q encrypted "$HOME/.config/shipit/key" || fail 'the key is not locked'
}

run_tests
