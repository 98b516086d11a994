#!/bin/bash
# Secrets sealed in the repository: who has a key of the roster opens them, nobody else, and their
# values are nowhere but where they belong.
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2016  # commands of steps
source "$(dirname "$0")/lib.sh"

as() { local name=$1; shift; SHIPIT_KEY=$TEST_FOLDER/keys/$name "$SHIPIT" "$@"; }
line() { SHIPIT_KEY=$TEST_FOLDER/keys/$1 "$SHIPIT" keygen -q --name "$1" --role "$2"; }

# A shop with ann (trained), bob (trainee), ci (machine); its go-live step runs $1 with the secrets
# KEY and TOKEN, and bob may not open TOKEN. Sealed and pushed: KEY s3cr3t-value, TOKEN tok-value.
shop() {
	new_repo
	{
		cat <<-END
			app: shop
			pipeline: simple
			state: file:$TEST_FOLDER/state
			environments:
			  production: {branch: "*", protected: false}
			secrets:
			  KEY: sealed
			  TOKEN: {sealed: {for: [trained, machine]}}
			roster:
		END
		{ line ann trained; line bob trainee; line ci machine; } | sed 's/^/  /'
	} >deploy.yml
	write pipelines/simple.yml <<-END
		stages:
		  build: {steps: [{name: compile, run: 'env >$TEST_FOLDER/plain.env'}]}
		  release:
		    go_live: true
		    steps:
		      - {name: switch, secrets: [KEY, TOKEN], run: '${1:-true}'}
	END
	seal KEY s3cr3t-value
	seal TOKEN tok-value
	commit 'a shop'
	push
}

seal() { printf '%s\n' "$2" | as ann secrets set -q "$1"; }
opened() { # NAME VALUE [WHO]
	equals "$(as "${3:-ann}" secrets get "$1")" "$2"
}

# Nothing that shipit or git wrote holds the value in $1.
nowhere() {
	silent_on "$1"
	if grep -rF -- "$1" . "$TEST_FOLDER/state" >&2; then
		fail "a file holds: $1"
	fi
}

test_set_get_list() {
	shop
	nowhere s3cr3t-value
	opened KEY s3cr3t-value
	opened KEY s3cr3t-value bob
	opened TOKEN tok-value ci
	expect 1 as bob secrets get TOKEN
	stderr_has 'TOKEN is not sealed to your key'
	expect 2 as ann secrets get TOKNE
	stderr_has 'did you mean TOKEN?'
	expect 3 as nobody secrets get KEY
	expect 0 as nobody secrets list
	stdout_has 'KEY    ann, bob, ci'
	stdout_has 'TOKEN  ann, ci'
	expect 0 as nobody secrets list --json
	equals "$(json '[(s["name"], s["state"], s["to"], s["for"]) for s in d]')" \
		'[["KEY", "sealed", ["ann", "bob", "ci"], []], ["TOKEN", "sealed", ["ann", "ci"], ["trained", "machine"]]]'
	# Several lines, and no line end but those that are the value's own.
	printf 'one\ntwo\n\n' | as ann secrets set -q KEY
	equals "$(as ann secrets get KEY | od -c | head -n 1)" "$(printf 'one\ntwo\n\n' | od -c | head -n 1)"
	expect 2 as ann secrets set KEY
	stderr_has 'the value of KEY is empty'
}

test_a_value_is_never_an_argument() {
	shop
	expect 2 as ann secrets set KEY hunter2-secret
	silent_on hunter2
	stderr_has 'takes the name alone'
	expect 2 as ann secrets set KEY=hunter2-secret
	silent_on hunter2
	opened KEY s3cr3t-value
}

test_typed_values_are_not_shown() {
	shop
	command -v python3 >/dev/null || skip 'there is no python3'
	SHIPIT_KEY=$TEST_FOLDER/keys/ann python3 - "$SHIPIT" >"$OUT" <<-'END'
		import os, pty, sys
		child, terminal = pty.fork()
		if child == 0:
		    os.execv(sys.argv[1], ["shipit", "secrets", "set", "KEY"])
		shown = b""
		while b"Value of KEY: " not in shown:
		    shown += os.read(terminal, 4096)
		os.write(terminal, b"typed-value\n")
		try:
		    while True:
		        got = os.read(terminal, 4096)
		        if not got:
		            break
		        shown += got
		except OSError:
		    pass
		print(shown.decode())
		sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
	END
	stdout_has 'KEY is sealed to ann, bob, ci'
	: >"$ERR"
	silent_on typed-value
	opened KEY typed-value
}

test_a_step_gets_it_and_nothing_else_does() {
	shop 'echo "key=$KEY"; printf s3cr; sleep 0.2; printf "3t-v%s\n" alue; printf %s "$KEY" | base64; test "$TOKEN" = tok-value; echo "cores $(ulimit -c)"'
	expect 0 as ci deploy --yes --verbose --redeploy
	says 'key=***'
	says 'cores 0'
	nowhere s3cr3t-value
	nowhere czNjcjN0LXZhbHV
	if grep -E 's3cr3t|tok-value|SHIPIT_KEY' "$TEST_FOLDER/plain.env"; then
		fail 'the build step had it'
	fi
}

test_the_newest_of_the_default_branch_counts() {
	shop "printf %s \"\$KEY\" >$TEST_FOLDER/got"
	seal KEY n3w-value
	commit 'changed'
	push
	seal KEY 0nly-here
	expect 0 as ann deploy --yes --ref HEAD~1
	equals "$(cat "$TEST_FOLDER/got")" n3w-value
	expect 0 as ann secrets list
	stderr_has 'origin/master, which deploys read, has another secrets.sealed.yml'
	# Another clone changes it: this one has not even pulled.
	git checkout -q secrets.sealed.yml
	git clone -q "$TEST_FOLDER/repo.git" "$TEST_FOLDER/other"
	(cd "$TEST_FOLDER/other" && seal KEY n3west-value && commit changed && push)
	expect 0 as ann deploy --yes --redeploy
	equals "$(cat "$TEST_FOLDER/got")" n3west-value
	# CI does not fetch every branch, but for this.
	(cd "$TEST_FOLDER/other" && seal KEY v3ry-newest && commit changed && push)
	CI=1 expect 0 as ann deploy --yes --redeploy
	equals "$(cat "$TEST_FOLDER/got")" v3ry-newest
}

test_a_branch_brings_the_file_while_master_has_none() {
	shop "printf %s \"\$KEY\" >$TEST_FOLDER/got"
	git rm -q --cached secrets.sealed.yml
	git commit -q -m 'none'
	git push -q -f origin master
	git checkout -q -b feature
	commit 'with secrets'
	push
	expect 0 as ann deploy --yes
	stderr_has 'secrets.sealed.yml is not on origin/master yet'
	equals "$(cat "$TEST_FOLDER/got")" s3cr3t-value
}

refused_before_go_live() { # CODE WHO MESSAGE
	expect "$1" as "$2" deploy --yes
	stderr_has "$3"
	if [ -e "$TEST_FOLDER/live" ] || [ -e "$TEST_FOLDER/plain.env" ]; then
		fail 'something was run'
	fi
	silent_on s3cr3t-value
}

test_what_cannot_be_opened_stops_before_anything_runs() {
	shop "touch $TEST_FOLDER/live"
	refused_before_go_live 1 bob 'TOKEN is not sealed to your key'
	# Lines that changed places: each is whole, and neither is its name's.
	cp secrets.sealed.yml right
	sed -i.old 's/^KEY:/KEEP:/; s/^TOKEN:/KEY:/; s/^KEEP:/TOKEN:/' secrets.sealed.yml
	commit; push
	refused_before_go_live 1 ann 'the sealed value of KEY was changed, or is that of another name'
	expect 2 as ann check
	stderr_has 'secrets.sealed.yml:3:1: error: the sealed value of TOKEN was changed'
	sed 's/sealed: "AQMA..../sealed: "AQMAAAAA/' right >secrets.sealed.yml
	commit; push
	refused_before_go_live 1 ann 'KEY'
	sed 's/^TOKEN: .*/<<<<<<< HEAD/' right >secrets.sealed.yml
	commit; push
	refused_before_go_live 2 ann 'secrets.sealed.yml:5:1: shipit: '
	stderr_has 'a merge left both sides in it'
	sed '/^TOKEN/d' right >secrets.sealed.yml
	commit; push
	refused_before_go_live 2 ann 'the secret TOKEN is not in secrets.sealed.yml of origin/master'
	stderr_has 'shipit secrets set TOKEN'
	expect 0 as ann check
	stderr_has 'TOKEN is not in secrets.sealed.yml'
}

test_a_locked_key_needs_its_passphrase() {
	shop "touch $TEST_FOLDER/live"
	sed -i.old '/^  ci:/d' deploy.yml
	SHIPIT_KEY_PASSPHRASE=geheim line zoe trained | sed 's/^/  /' >>deploy.yml
	expect 0 as ann secrets rotate
	stderr_has 'Can open it now: zoe: KEY.'
	commit; push
	refused_before_go_live 3 zoe SHIPIT_KEY_PASSPHRASE
	expect 3 as zoe secrets get KEY
	export SHIPIT_KEY_PASSPHRASE=geheim
	opened KEY s3cr3t-value zoe
	expect 0 as zoe deploy --yes
	[ -e "$TEST_FOLDER/live" ] || fail 'it did not go live'
}

test_edit() {
	shop
	write "$TEST_FOLDER/editor" <<-END
		#!/bin/sh
		{ ls -l "\$2"; ls -ld "\$(dirname "\$2")"; } | cut -c 1-10 >$TEST_FOLDER/modes
		printf '%s\n' "\$2" >$TEST_FOLDER/path
		cat "\$2" >$TEST_FOLDER/before
		cp "\$2" "\$2~"
		case \$1 in fail) exit 1 ;; same) ;; *) printf 'edited-%s\n' "\$1" >"\$2" ;; esac
	END
	chmod +x "$TEST_FOLDER/editor"
	export XDG_RUNTIME_DIR=$TEST_FOLDER/runtime EDITOR=false VISUAL="$TEST_FOLDER/editor one"
	mkdir "$XDG_RUNTIME_DIR"
	expect 0 as ann secrets edit KEY
	equals "$(cat "$TEST_FOLDER/modes")" "$(printf -- '-rw-------\ndrwx------')"
	equals "$(cat "$TEST_FOLDER/before")" s3cr3t-value
	case $(cat "$TEST_FOLDER/path") in "$XDG_RUNTIME_DIR"/*) ;; *) fail 'a draft elsewhere' ;; esac
	equals "$(ls -A "$XDG_RUNTIME_DIR")" ''
	opened KEY edited-one
	cp secrets.sealed.yml before
	VISUAL="$TEST_FOLDER/editor same" expect 0 as ann secrets edit KEY
	stderr_has 'KEY is as it was'
	VISUAL="$TEST_FOLDER/editor fail" expect 1 as ann secrets edit KEY
	cmp before secrets.sealed.yml
	equals "$(ls -A "$XDG_RUNTIME_DIR")" ''
	expect 1 as bob secrets edit TOKEN
	expect 0 as ann secrets edit NEW_ONE
	opened NEW_ONE edited-one
	unset VISUAL EDITOR
	expect 3 as ann secrets edit KEY
}

test_rotate_says_what_a_leaver_knew() {
	shop
	sed -i.old '/^  bob:/d' deploy.yml
	line eve trained | sed 's/^/  /' >>deploy.yml
	expect 0 as ann secrets list
	stdout_has 'no longer for bob: shipit secrets rotate'
	stdout_has 'not yet to eve: shipit secrets rotate'
	expect 0 as ann check
	stderr_has 'KEY is not sealed to just those who may open it now'
	expect 1 as eve secrets rotate
	stderr_has 'KEY is not sealed anew: KEY is not sealed to your key'
	expect 0 as ann secrets rotate
	stderr_has 'Sealed anew: KEY, TOKEN.'
	stderr_has 'bob knew: KEY.'
	stderr_has 'Can open it now: eve: TOKEN.'
	silent_on s3cr3t-value
	expect 1 as bob secrets get KEY
	opened TOKEN tok-value eve
	# It is remembered until the value is another one.
	cp secrets.sealed.yml before
	expect 0 as ann secrets rotate --json
	equals "$(json '[d["sealed"], d["kept"], d["knew"]]')" '[[], ["KEY", "TOKEN"], {"bob": ["KEY"]}]'
	cmp before secrets.sealed.yml
	expect 0 as eve secrets list
	stdout_has 'known to bob: change it where it was issued, then shipit secrets set KEY'
	seal KEY changed-value
	expect 0 as ann secrets rotate
	silent_on bob
}

test_rotate_narrows_and_never_widens() {
	shop
	# ci lost its right to TOKEN; deploy.yml forgot OLD, which was ann's alone.
	seal OLD old-value
	echo '  OLD: {sealed: {for: trained}}' >old
	sed -i.old '/^  KEY: sealed/r old
		s/for: \[trained, machine\]/for: [trained]/' deploy.yml
	expect 0 as ann secrets rotate
	stderr_has 'ci knew: OLD, TOKEN.'
	sed -i.old '/^  OLD:/d' deploy.yml
	expect 0 as ann secrets rotate
	expect 1 as bob secrets get OLD
	opened OLD old-value
	expect 0 as ann secrets list
	stdout_has 'deploy.yml does not name it'
	sed -i.old 's/for: \[trained\]/for: [captain]/' deploy.yml
	expect 2 as ann secrets list
	stderr_has captain
}

# A person's new key is another key: what the old one could open, its thief can.
test_a_new_key_of_the_same_person() {
	shop
	rm "$TEST_FOLDER/keys/bob" "$TEST_FOLDER/keys/bob.pub"
	sed -i.old "s|^  bob: .*|  $(line bob trainee)|" deploy.yml
	expect 1 as bob secrets get KEY
	expect 0 as ann secrets rotate
	stderr_has 'bob knew: KEY.'
	opened KEY s3cr3t-value bob
}

test_changes_merge_line_by_line() {
	shop
	seal MIDDLE m
	commit
	git checkout -q -b other
	seal TOKEN theirs-value
	commit
	git checkout -q master
	seal KEY ours-value
	commit
	git merge -q other
	opened KEY ours-value
	opened TOKEN theirs-value
	equals "$(git diff HEAD~1 --stat -- secrets.sealed.yml | tail -n 1)" \
		' 1 file changed, 1 insertion(+), 1 deletion(-)'
}

test_smoke_and_live_commit_open_them_too() {
	shop 'true'
	sed -i.bak 's|protected: false}|protected: false, live_commit: {url: "http://127.0.0.1:9/${KEY}"}}|' deploy.yml
	commit; push
	expect 0 as ann plan
	says 'http://127.0.0.1:9/***'
	silent_on s3cr3t-value
	expect 0 as nobody plan
	says 'the secret KEY cannot be opened: there is no key'
}

test_no_roster_no_sealing() {
	new_repo
	simple_config
	echo s3cr3t-value >value
	expect 2 as ann secrets set KEY <value
	stderr_has 'has no keys to seal to'
	echo 'secrets: {KEY: {env: SHOP_KEY}}' >>deploy.yml
	expect 2 as ann secrets set KEY
	stderr_has 'reads it from a variable'
	expect 0 shipit secrets
	stdout_has 'KEY  from a variable'
	expect 2 shipit secrets got KEY
}

run_tests
