#!/bin/bash
# What a deploy looks like, format by format, with children that try to take over the reader.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

# A deploy whose steps print commands, escapes and broken bytes; "$1" is the build's last command.
noisy_config() {
	simple_config
	write noise.sh <<-'END'
		printf '::error::fake\n##[group]fake\n--- fake\n\033]0;title\007\033[31mred\033[0m\n'
		printf '10%%\r20%%\r\nbroken \377\376 bytes\n' >&2
	END
	write pipelines/simple.yml <<-END
		stages:
		  build:
		    steps:
		      - {name: noise, run: 'sh noise.sh; $1'}
		  release:
		    go_live: true
		    steps:
		      - {name: switch, run: 'true'}
	END
	commit
	push
}

no_escapes() {
	! grep -q "$(printf '\033')" "$ERR" || fail 'an escape sequence came through'
}

test_plain_is_harmless() {
	new_repo
	noisy_config true
	expect 0 shipit deploy --yes --silent --format plain
	stderr_has 'deploying shop to production'
	stderr_has 'build.noise | red'
	stderr_has 'build.noise | 20%'
	stderr_has 'Done: the deploy is live.'
	no_escapes
	! grep -qE '^[[:space:]]*::|##\[' "$ERR" || fail 'a workflow command came through'
}

test_plain_is_what_a_pipe_gets() {
	new_repo
	noisy_config true
	expect 0 env -u GITHUB_ACTIONS -u GITLAB_CI -u BUILDKITE "$SHIPIT" deploy --yes --silent
	stderr_has 'build.noise | red'
}

test_failure_names_the_cause_and_the_log() {
	new_repo
	noisy_config 'exit 7'
	expect 1 shipit deploy --yes --silent --quiet --format plain
	stderr_has 'build.noise failed (exit code 7'
	stderr_has '    red'
	stderr_has 'Production is as it was.'
	local log
	log=$(sed -n 's/^ *log: //p' "$ERR" | tail -n 1)
	[ -s "$log" ] || fail "no log at '$log'"
}

# Its last words go by way of memory to the log, soon: the step itself waits for them there.
test_a_chatty_step_is_in_its_log_while_it_runs() {
	new_repo
	simple_config
	write chatty.sh <<-'END'
		yes 'the quick brown fox jumps over the lazy dog' | head -c 96000000
		echo 'these are the last words'
		log=$(git rev-parse --git-common-dir)/shipit/deploys/$SHIPIT_ID/logs/build.chatty.log
		tries=200
		until tail -c 100 "$log" | grep -q 'the last words'; do
			tries=$((tries - 1))
			[ "$tries" -gt 0 ] || exit 9
			sleep 0.05
		done
	END
	write pipelines/simple.yml <<-END
		stages:
		  build: {steps: [{name: chatty, run: 'sh chatty.sh'}]}
		  release: {go_live: true, steps: [{name: switch, run: 'true'}]}
	END
	commit
	push
	expect 0 shipit deploy --yes --silent --quiet --format plain
}

test_json_is_one_event_a_line() {
	new_repo
	noisy_config true
	expect 0 shipit deploy --yes --silent --json
	python3 - "$OUT" <<-'END' || fail 'not the stream of spec 6'
		import json, sys
		events = [json.loads(line) for line in open(sys.argv[1])]
		names = [e['event'] for e in events]
		seqs = [e['seq'] for e in events]
		assert seqs == sorted(set(seqs)), seqs
		assert all(e['ts'].endswith('Z') for e in events)
		assert names.index('deploy.started') < names.index('stage.started')
		for name in ('step.started', 'step.output', 'step.finished', 'stage.finished', 'go_live'):
		    assert name in names, (name, names)
		started = events[names.index('deploy.started')]
		for field in ('id', 'app', 'env', 'commit', 'previous', 'deployer', 'plan'):
		    assert field in started, field
		assert started['previous'] is None
		lines = [e for e in events if e['event'] == 'step.output']
		assert {'stage', 'step', 'stream', 'line'} <= set(lines[0])
		assert any(e['line'] == '::error::fake' for e in lines)
		assert {e['stream'] for e in lines} >= {'stdout', 'stderr'}, lines
		end = events[names.index('deploy.finished')]
		assert end['status'] == 'ok' and end['exit_code'] == 0 and 'duration_ms' in end
	END
}

test_github_groups_and_annotates() {
	new_repo
	noisy_config 'exit 7'
	expect 1 env GITHUB_ACTIONS=true "$SHIPIT" deploy --yes --silent
	stderr_has '::group::build.noise'
	stderr_has '::endgroup::'
	stderr_has '::error title=shipit::build.noise failed'
	! grep -qE '^[[:space:]]*::error::|##\[' "$ERR" || fail 'a workflow command came through'
	no_escapes
}

test_gitlab_has_sections() {
	new_repo
	noisy_config true
	expect 0 env -u GITHUB_ACTIONS GITLAB_CI=true "$SHIPIT" deploy --yes --silent
	grep -qE 'section_start:[0-9]+:shipit_1' "$ERR" || fail 'no section begins'
	grep -qE 'section_end:[0-9]+:shipit_1' "$ERR" || fail 'no section ends'
}

test_buildkite_has_groups() {
	new_repo
	noisy_config 'exit 7'
	expect 1 env -u GITHUB_ACTIONS -u GITLAB_CI BUILDKITE=true "$SHIPIT" deploy --yes --silent
	stderr_has '--- build.noise'
	stderr_has '^^^ +++'
	! grep -q '^--- fake' "$ERR" || fail 'a fake group came through'
}

test_colour_follows_the_variables() {
	new_repo
	noisy_config true
	expect 0 env -u NO_COLOR CLICOLOR_FORCE=1 "$SHIPIT" deploy --yes --silent --format plain
	grep -q "$(printf '\033\\[32m')" "$ERR" || fail 'CLICOLOR_FORCE gave no colour'
	commit
	push
	expect 0 env NO_COLOR=1 CLICOLOR_FORCE=1 "$SHIPIT" deploy --yes --silent --format plain
	no_escapes
}

test_unknown_format_runs_nothing() {
	new_repo
	noisy_config true
	expect 2 shipit deploy --yes --silent --format xml
	says 'gitlab'
	expect 0 shipit deploy --yes --silent
	expect 2 shipit deploy --yes --silent --format xml # whether there is anything to do or not
}

test_without_a_terminal_nothing_prompts() {
	new_repo
	noisy_config true
	expect 3 shipit deploy --silent
	says '--yes'
}

# expect, with nobody at the other end of stdout.
expect_unread() {
	local code=$1
	shift
	expect "$code" python3 -c '
import os, subprocess, sys
read, write = os.pipe()
os.close(read)
sys.exit(subprocess.call(sys.argv[1:], stdout=write, stdin=subprocess.DEVNULL))' "$@"
}

test_nobody_reads_on() {
	new_repo
	simple_config
	expect 0 shipit deploy --yes
	for words in help 'help deploy' schema 'schema pipeline' 'completion bash' version \
		'version --json' plan 'plan --json' 'deploy -n' check 'check --json' status \
		'status --json' history 'history --json' show 'show --json' logs 'logs compile' \
		'logs --json' 'deploy --json' 'deploy --json --redeploy --yes'; do
		# shellcheck disable=SC2086  # a command and its flags
		expect_unread 0 "$SHIPIT" $words
		silent_on 'standard output'
	done
	echo 'nope: 1' >>deploy.yml
	expect_unread 2 "$SHIPIT" check --json
}

test_a_full_disk_is_no_end_of_reading() {
	[ -w /dev/full ] || skip 'there is no /dev/full'
	new_repo
	simple_config
	for words in help schema version status 'plan --json'; do
		expect 1 sh -c "exec \"\$SHIPIT\" $words >/dev/full"
		[ "$words" = version ] || says 'cannot write to standard output'
	done
}

run_tests
