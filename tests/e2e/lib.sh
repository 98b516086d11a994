# shellcheck shell=bash
# For end-to-end tests: source it, define functions test_NAME, end with `run_tests`.
# Each test runs in a subshell under `set -eu` in a throw-away folder of its own, with the real
# binary, a HOME of its own and no terminal on stdin.
#
#   shipit ARGS...              the binary under test
#   expect CODE COMMAND...      runs it; stdout in $OUT, stderr in $ERR (files); fails on another code
#   says TEXT / silent_on TEXT  TEXT is / is not in the last stdout + stderr
#   stdout_has / stderr_has TEXT
#   json FILTER                 a Python expression on `d`, the last stdout as JSON; prints it
#   equals GOT WANTED
#   new_repo [FOLDER]           FOLDER (default: repo) on master with a bare remote beside it; cd there
#   write PATH                  stdin to PATH, its folders made
#   commit [MESSAGE]            everything, prints nothing;  push: to origin
#   simple_config               a small deploy.yml (file: store) and pipeline, committed and pushed
#   wait_until SECONDS COMMAND  polls until COMMAND succeeds; fails when it never does
#   skip REASON                 ends the test as skipped
#   fail TEXT
# cleanup COMMAND...            run when the test ends, however it ends (last first)

# shellcheck disable=SC2034
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
SHIPIT=${SHIPIT:-build/shipit}
case $SHIPIT in /*) ;; *) SHIPIT=$ROOT/$SHIPIT ;; esac
export SHIPIT SHIPIT_DATADIR="$ROOT"
SKIPPED=77

shipit() { "$SHIPIT" "$@"; }

fail() {
	printf 'FAILED: %s\n' "$*" >&2
	if [ -n "${OUT:-}" ] && [ -f "$OUT" ]; then
		printf -- '--- stdout\n' >&2; tail -n 40 "$OUT" >&2
		printf -- '--- stderr\n' >&2; tail -n 40 "$ERR" >&2
	fi
	exit 1
}

skip() {
	printf '%s\n' "$*" >"$TEST_FOLDER/skipped"
	exit "$SKIPPED"
}

expect() {
	local wanted=$1 got=0
	shift
	"$@" >"$OUT" 2>"$ERR" </dev/null || got=$?
	[ "$got" = "$wanted" ] || fail "exit code $got, wanted $wanted: $*"
}

stdout_has() { grep -qF -- "$1" "$OUT" || fail "stdout lacks: $1"; }
stderr_has() { grep -qF -- "$1" "$ERR" || fail "stderr lacks: $1"; }
says() { cat "$OUT" "$ERR" | grep -F -- "$1" >/dev/null || fail "output lacks: $1"; }
silent_on() { if cat "$OUT" "$ERR" | grep -F -- "$1" >/dev/null; then fail "output has: $1"; fi; }
equals() { [ "$1" = "$2" ] || fail "got '$1', wanted '$2'"; }

json() {
	python3 -c '
import json, sys
d = json.load(open(sys.argv[1]))
value = eval(sys.argv[2])
print(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))' "$OUT" "$1" ||
		fail "not the JSON that $1 needs"
}

wait_until() {
	local deadline=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$deadline" ] || fail "never came true: $*"
		sleep 0.05
	done
}

write() {
	case $1 in */*) mkdir -p -- "${1%/*}" ;; esac
	cat >"$1"
}

commit() {
	git add -A
	git commit -q --allow-empty -m "${1:-a change}"
}

push() { git push -q origin HEAD "$@"; }

new_repo() {
	local folder=${1:-repo}
	git init -q --bare -b master "$TEST_FOLDER/$folder.git"
	git init -q -b master "$TEST_FOLDER/$folder"
	cd "$TEST_FOLDER/$folder" || exit 1
	git remote add origin "$TEST_FOLDER/$folder.git"
}

# More deploys of the same than a plan reads the records of (SESSION_RECORDS); "$@": shipit.
deploy_often() {
	for _ in $(seq 25); do
		expect 0 "$@" deploy --yes --redeploy --silent --quiet
	done
}

# One stage that builds, one that goes live (it writes the commit to $TEST_FOLDER/live), one task.
simple_config() {
	write deploy.yml <<-END
		app: shop
		pipeline: simple
		state: file:$TEST_FOLDER/state
		environments:
		  production: {branch: master, protected: false}
	END
	write pipelines/simple.yml <<-END
		stages:
		  build:
		    steps:
		      - {name: compile, run: echo built}
		  release:
		    go_live: true
		    steps:
		      - {name: switch, run: 'echo "\$SHIPIT_COMMIT" >$TEST_FOLDER/live'}
		tasks:
		  categories: {if_changed: ["category/**"], run: echo regenerated}
	END
	write README <<<'a shop'
	commit 'a shop'
	git push -q origin HEAD
}

cleanup() { printf '%s\n' "$*" >>"$TEST_FOLDER/cleanup"; }

end_test() {
	[ -f "$TEST_FOLDER/cleanup" ] || return 0
	sed '1!G;h;$!d' "$TEST_FOLDER/cleanup" | while IFS= read -r line; do
		eval "$line" </dev/null >/dev/null 2>&1 || :
	done
}

# The world of one test: nothing of the user's own.
enter_test() {
	OUT=$TEST_FOLDER/out
	ERR=$TEST_FOLDER/err
	export HOME="$TEST_FOLDER/home" XDG_CACHE_HOME="$TEST_FOLDER/cache" TZ=UTC LC_ALL=C.UTF-8
	export GIT_CONFIG_GLOBAL="$HOME/.gitconfig" GIT_CONFIG_NOSYSTEM=1
	export SHIPIT_AUDIO_DRIVER=null TEST_FOLDER
	unset CI GITHUB_ACTIONS GITLAB_CI BUILDKITE SHIPIT_CONFIG SHIPIT_WORKTREES NO_COLOR \
		CLICOLOR_FORCE FORCE_COLOR XDG_CONFIG_HOME GIT_DIR GIT_WORK_TREE MAKEFLAGS MAKELEVEL \
		GITHUB_REF GITHUB_REF_NAME GITHUB_HEAD_REF
	mkdir -p "$HOME"
	cat >"$GIT_CONFIG_GLOBAL" <<-END
		[user]
			name = Ann
			email = ann@example.com
		[init]
			defaultBranch = master
		[commit]
			gpgsign = false
	END
	cd "$TEST_FOLDER" || exit 1
}

run_one() {
	local name=$1 code=0
	TEST_FOLDER=$(mktemp -d "${TMPDIR:-/tmp}/shipit-e2e.XXXXXX")
	TEST_FOLDER=$(cd "$TEST_FOLDER" && pwd -P)
	( set -eEu; trap 'echo "line $LINENO: $BASH_COMMAND"' ERR; enter_test; "$name" ) >"$TEST_FOLDER/log" 2>&1 </dev/null
	code=$?
	end_test
	case $code in
	0) printf 'ok - %s\n' "$name" ;;
	"$SKIPPED") printf 'ok - %s # SKIP %s\n' "$name" "$(cat "$TEST_FOLDER/skipped")" ;;
	*)
		printf 'not ok - %s\n' "$name"
		tail -n 100 "$TEST_FOLDER/log" | sed 's/^/#   /'
		;;
	esac
	if [ -n "${KEEP:-}" ]; then
		printf '# kept %s\n' "$TEST_FOLDER"
	else
		chmod -R u+rwX "$TEST_FOLDER" 2>/dev/null
		rm -rf "$TEST_FOLDER"
	fi
}

# All tests of the script in order of their names; or those that match its first argument.
run_tests() {
	local name
	set +e
	for name in $(compgen -A function test_); do
		# shellcheck disable=SC2254  # TEST is a pattern
		case $name in ${TEST:-*}) run_one "$name" ;; esac
	done
}
