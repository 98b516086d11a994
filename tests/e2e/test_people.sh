#!/bin/bash
# Keys, roles, beacons, approvals, signed records: who may deploy, and what proves it.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

key() { printf '%s' "$TEST_FOLDER/keys/$1"; }
as() { local name=$1; shift; SHIPIT_KEY=$(key "$name") SHIPIT_DEPLOYER=$name "$SHIPIT" "$@"; }

# line NAME ROLE: makes a key; its line for the roster.
line() { SHIPIT_KEY=$(key "$1") "$SHIPIT" keygen -q --name "$1" --role "$2"; }

# A shop whose production has a roster of ann and eve (trained), bob (trainee) and ci (machine); the
# guards' other keys are the argument. Not deployed yet.
roster_config() {
	new_repo
	simple_config
	sed -i.old 's/protected: false/protected: true/; s/production: /&/' deploy.yml
	rm -f deploy.yml.old
	cat >>deploy.yml <<-END
		guards: {approvals: {production: ${1:-0}}}
		roster:
	END
	{
		line ann trained
		line eve trained
		line bob trainee
		line ci machine
	} | sed 's/^/  /' >>deploy.yml
	commit 'a roster'
	push
}

change() {
	echo "${1:-x}" >>README
	commit 'a change'
	push
}

guard() { json "[g for g in d['guards'] if g['name'] == '$1'][0]['$2']"; }
request_id() { sed -n 's/.*shipit -e production approve \([0-9a-f-]*\).*/\1/p' "$ERR"; }

# The state as another machine would: a JSON file of the file store.
entry() { find "$TEST_FOLDER/state/production" -name "$1.json"; }
edit() { # FILE PYTHON: changes the JSON d
	python3 -c '
import json, sys
d = json.load(open(sys.argv[1]))
exec(sys.argv[2])
json.dump(d, open(sys.argv[1], "w"))' "$1" "$2"
}

test_keygen() {
	expect 0 shipit keygen
	stdout_has 'ann: {role: trained, key: "RW'
	equals "$(stat -c %a "$HOME/.config/shipit/key" 2>/dev/null || stat -f %Lp "$HOME/.config/shipit/key")" 600
	local before
	before=$(cat "$HOME/.config/shipit/key")
	expect 2 shipit keygen
	stderr_has 'never overwritten'
	equals "$(cat "$HOME/.config/shipit/key")" "$before"
	grep -qF -- "$(sed -n 2p "$HOME/.config/shipit/key.pub")" "$OUT" || {
		SHIPIT_KEY=$TEST_FOLDER/new expect 0 shipit keygen --role machine --name CI
		stdout_has 'ci: {role: machine, key: "RW'
		stdout_has "$(sed -n 2p "$TEST_FOLDER/new.pub")"
	}
}

test_interchangeable_with_minisign() {
	command -v minisign >/dev/null || skip 'there is no minisign'
	roster_config
	echo hello >message
	SHIPIT_KEY_PASSPHRASE=geheim SHIPIT_KEY=locked expect 0 shipit keygen -q
	local secret
	for secret in "$(key ann)" locked; do
		minisign -S -s "$secret" -m message -x message.sig <<<geheim
		minisign -V -p "$secret.pub" -m message -x message.sig
	done
	# The other way round: a key of minisign's, as a deployer's.
	minisign -G -W -p theirs.pub -s "$(key theirs)"
	sed -i.old "s|^  eve: .*|  eve: {role: trained, key: \"$(sed -n 2p theirs.pub)\"}|" deploy.yml
	rm -f ./*.old theirs.pub message message.sig locked locked.pub
	commit
	push
	chmod 600 "$(key theirs)"
	expect 0 as theirs deploy --yes
	expect 0 shipit history --verify
	# What shipit signed, minisign verifies.
	expect 0 shipit history --json
	python3 - "$OUT" <<-'END'
		import json, sys
		d = json.load(open(sys.argv[1]))[0]
		open("record.minisig", "w").write(d.pop("signature"))
		text = json.dumps(d, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
		open("record", "w").write("shipit record\n" + text + "\n")
	END
	minisign -V -P "$(grep -o 'eve: .*' deploy.yml | grep -o 'RW[^"]*')" -m record -x record.minisig
}

test_key_that_others_can_read() {
	roster_config
	chmod 640 "$(key ann)"
	expect 2 as ann deploy --yes
	stderr_has 'can be read by others'
	chmod 600 "$(key ann)"
	expect 0 as ann deploy --yes
}

test_only_a_key_proves_who_one_is() {
	roster_config
	export SHIPIT_DEPLOYER=ann
	SHIPIT_KEY=/nowhere expect 3 shipit deploy --yes
	stderr_has 'no key of the roster proves who you are'
	line mallory trained >/dev/null
	expect 3 as mallory deploy --yes --override size --reason 'I want it'
	[ ! -e "$TEST_FOLDER/live" ] || fail 'it was deployed'
	SHIPIT_KEY_DATA=$(cat "$(key ann)") expect 0 shipit deploy --yes
	[ -e "$TEST_FOLDER/live" ] || fail 'it was not deployed'
}

test_without_keys_everybody_is_trained() {
	new_repo
	simple_config
	# Nor does it matter then that a key is none.
	export SHIPIT_KEY_DATA=rubbish
	sed -i.old 's/protected: false/protected: true/' deploy.yml
	echo 'roster: {ann: {role: trained}}' >>deploy.yml
	commit
	push
	expect 0 shipit deploy --yes
}

test_unprotected_environments_only_warn() {
	roster_config
	sed -i.old 's/protected: true/protected: false/' deploy.yml
	rm -f deploy.yml.old
	commit
	push
	expect 0 shipit plan --json
	equals "$(guard roster verdict)" warn
	expect 0 shipit deploy --yes
	expect 0 shipit history --verify
}

test_nobody_promotes_himself() {
	roster_config
	expect 0 as ann deploy --yes
	sed -i.old '/bob:/s/trainee/trained/' deploy.yml
	rm -f deploy.yml.old
	commit 'bob is trained, says bob'
	push
	expect 3 as bob deploy --yes
	stderr_has 'bob is a trainee'
	expect 3 as bob deploy --yes --from HEAD --redeploy
	expect 0 as ann deploy --yes
	change
	expect 0 as bob deploy --yes
}

test_who_leaves_may_not_deploy() {
	roster_config
	expect 0 as ann deploy --yes
	sed -i.old '/eve:/d' deploy.yml
	rm -f deploy.yml.old
	commit 'eve left'
	push
	expect 3 as eve deploy --yes
	stderr_has 'in one of the two rosters'
}

test_trainee_while_somebody_is_online() {
	roster_config
	expect 0 as ann deploy --yes
	change
	expect 3 as bob deploy --yes
	stderr_has 'no trained deployer is online'
	expect 3 as bob online
	stderr_has 'only a trained deployer'
	expect 0 as ann online --for 10m
	expect 0 shipit status --json
	equals "$(json "d['environments'][0]['online']")" '["ann"]'
	expect 0 as bob deploy --yes
	change
	expect 0 as ann online --for 0
	expect 3 as bob deploy --yes
}

test_beacons_end_by_themselves() {
	roster_config
	expect 0 as ann deploy --yes
	change
	expect 0 as ann online --for 1h
	expect 0 faketime -f '+59m' env SHIPIT_KEY="$(key bob)" "$SHIPIT" plan --json
	equals "$(guard roster verdict)" pass
	expect 0 faketime -f '+61m' env SHIPIT_KEY="$(key bob)" "$SHIPIT" plan --json
	equals "$(guard roster verdict)" refuse
	# From far in the future it is no beacon either; a clock a little ahead is ordinary.
	expect 0 faketime -f '-1h' env SHIPIT_KEY="$(key bob)" "$SHIPIT" plan --json
	equals "$(guard roster verdict)" refuse
	expect 0 faketime -f '-2m' env SHIPIT_KEY="$(key bob)" "$SHIPIT" plan --json
	equals "$(guard roster verdict)" pass
	expect 2 as ann online --for 13h
}

test_forged_beacons_count_for_nothing() {
	roster_config
	expect 0 as ann deploy --yes
	change
	expect 0 as ann online --for 1m
	local beacon
	beacon=$(entry 'beacon-*')
	edit "$beacon" 'd["until"] = "2099-01-01T00:00:00.000Z"'
	expect 3 as bob deploy --yes
	edit "$beacon" 'd.pop("signature")'
	expect 3 as bob deploy --yes
	echo '{' >"$beacon"
	expect 3 as bob deploy --yes
	# A stranger's key, in ann's name.
	line mallory trained >/dev/null
	expect 3 as mallory online
	rm "$beacon"
	# A beacon of staging is none of production's.
	expect 0 as ann online --for 10m
	edit "$(entry 'beacon-*')" 'd["env"] = "staging"'
	expect 3 as bob deploy --yes
}

test_approval_lets_one_deploy_through() {
	roster_config
	expect 0 as ann deploy --yes
	change
	expect 3 as bob deploy --yes
	local id
	id=$(request_id)
	[ -n "$id" ] || fail 'no ID'
	expect 3 as bob deploy --yes
	equals "$(request_id)" "$id"
	expect 3 as bob approve "$id" --yes
	expect 3 as ann approve "$id"
	stderr_has '--yes'
	expect 0 as ann approve "$id" --yes
	expect 2 as ann approve 20200101-000000-abcdefa --yes
	# It is of that plan alone.
	change other
	expect 3 as bob deploy --yes
	git reset -q --hard HEAD~1
	expect 0 as bob deploy --yes --ref HEAD
	expect 0 shipit history --verify
	expect 0 shipit history --json
	equals "$(json "d[0]['approvals'][0]['name']")" ann
	# Used up: the same plan again asks again.
	expect 2 as ann approve "$id" --yes
	expect 3 as bob deploy --yes --redeploy
}

test_approval_cannot_be_put_back() {
	roster_config
	expect 0 as ann deploy --yes
	change
	expect 3 as bob deploy --yes --redeploy
	local id
	id=$(request_id)
	expect 0 as ann approve "$id" --yes
	cp "$(entry "approval-$id-*")" kept
	local name
	name=$(entry "approval-$id-*")
	expect 0 as bob deploy --yes --redeploy
	# Whoever may write to the store brings it back: the record says that it was used.
	cp kept "$name"
	expect 3 as bob deploy --yes --redeploy
	stderr_has 'has approved this plan'
	rm "$name"
	deploy_often as ann
	mv kept "$name"
	expect 3 as bob deploy --yes --redeploy
	stderr_has 'has approved this plan'
}

test_approvals_hold_a_day() {
	roster_config 1
	expect 3 as ann deploy --yes
	stderr_has '0 of 1 approvals'
	local id
	id=$(request_id)
	# One's own counts for nothing.
	expect 0 as ann approve "$id" --yes
	expect 3 as ann deploy --yes
	expect 0 as eve approve "$id" --yes
	expect 0 faketime -f '+23h' env SHIPIT_KEY="$(key ann)" "$SHIPIT" plan --json
	equals "$(guard approvals verdict)" pass
	expect 0 faketime -f '+25h' env SHIPIT_KEY="$(key ann)" "$SHIPIT" plan --json
	equals "$(guard approvals verdict)" refuse
	# The machine needs it too, and each other deployer.
	expect 0 as ci deploy --yes
	change
	expect 3 as ci deploy --yes
}

test_machine_deploys_when_no_approval_is_asked_for() {
	roster_config
	SHIPIT_KEY_DATA=$(cat "$(key ci)") expect 0 shipit deploy --yes
	expect 0 shipit history --verify
	stdout_has 'ci'
}

test_forged_approvals_count_for_nothing() {
	roster_config 1
	expect 3 as ann deploy --yes
	local id
	id=$(request_id)
	expect 0 as eve approve "$id" --yes
	edit "$(entry 'approval-*')" 'd["env"] = "staging"'
	expect 3 as ann deploy --yes
	expect 0 as eve approve "$id" --yes
	edit "$(entry 'approval-*')" 'd["key"] = "'"$(sed -n 2p "$(key ann).pub")"'"'
	expect 3 as ci deploy --yes
}

# Two clones and refs on the remote: what one leaves, the other finds.
test_through_the_remote() {
	roster_config
	sed -i.old 's/^state: .*/state: git/' deploy.yml
	rm -f deploy.yml.old
	commit
	push
	expect 0 as ann deploy --yes
	git clone -q "$TEST_FOLDER/repo.git" "$TEST_FOLDER/other"
	change
	expect 3 as bob deploy --yes
	local id
	id=$(request_id)
	cd "$TEST_FOLDER/other" || exit 1
	expect 0 as eve approve "$id" --yes
	cd "$TEST_FOLDER/repo" || exit 1
	expect 0 as bob deploy --yes
	expect 0 shipit history --verify --json
	equals "$(json "[r['signed_by'] for r in d['records']]")" '["bob", "ann"]'
	cd "$TEST_FOLDER/other" || exit 1
	expect 0 as ann online
	cd "$TEST_FOLDER/repo" || exit 1
	change
	expect 0 as bob deploy --yes
	# Somebody who may push writes history anew: a record changed, its signature kept.
	local tree
	git fetch -q origin '+refs/shipit/*:refs/their/*'
	git show refs/their/production/deploys:record.json >record.json
	edit record.json 'd["deployer"] = "eve"'
	tree=$(printf '100644 blob %s\trecord.json\n' "$(git hash-object -w record.json)" | git mktree)
	git push -q --force origin "$(git commit-tree -p refs/their/production/deploys^ -m x "$tree"):refs/shipit/production/deploys"
	expect 1 shipit history --verify
	stderr_has 'what it is over was changed'
	stderr_has 'WARNING'
}

# A request that shows one plan and carries another's digest is not signed.
test_only_what_was_seen_is_signed() {
	roster_config 1
	expect 3 as ann deploy --yes
	local id
	id=$(request_id)
	edit "$(entry 'request-*')" 'd["digest"] = "0" * 64'
	expect 3 as eve approve "$id" --yes
	stderr_has 'is not signed'
}

test_history_verifies() {
	roster_config
	expect 0 as ann deploy --yes
	change
	expect 0 as eve deploy --yes
	change
	expect 0 as ann deploy --yes
	expect 0 shipit history --verify
	stdout_has 'signed by ann'
	stdout_has 'signed by eve'
	expect 0 shipit history --verify --json
	equals "$(json "d['ok']")" true
	local chain=$TEST_FOLDER/state/production/deploys id
	id=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["id"])' "$chain/00000002.json")
	cp "$chain/00000002.json" kept
	edit "$chain/00000002.json" 'd["deployer"] = "ann"'
	expect 1 shipit history --verify
	stderr_has "$id"
	expect 1 shipit history --verify --json
	equals "$(json "d['first']['id']")" "$id"
	cp kept "$chain/00000002.json"
	edit "$chain/00000002.json" 'd.pop("signature")'
	expect 1 shipit history --verify
	stderr_has 'is not signed'
	# One is missing.
	cp kept "$chain/00000002.json"
	expect 0 shipit history --verify
	rm kept
	mv "$chain/00000003.json" "$chain/00000002.json"
	expect 1 shipit history --verify
}

# A stranger with the right to push adds a record: of a release of his, with a roster of his.
test_a_renamed_app_keeps_its_history() {
	roster_config
	expect 0 as ann deploy --yes --silent
	change
	expect 0 as ann deploy --yes --silent
	sed -i.old 's/^app: shop$/app: bazaar/' deploy.yml
	rm deploy.yml.old
	commit renamed
	push
	expect 0 as ann plan --json
	equals "$(json '[n for n in d["notes"] if "does not fit" in n]')" '[]'
	expect 0 as ann deploy --yes --silent
	expect 0 shipit history --verify
	equals "$(grep -c 'signed by ann; the app was called shop' "$OUT")" 2
	equals "$(wc -l <"$OUT")" 3
	# What no deploy.yml of then says is another app's.
	edit "$(entry 00000001)" 'd["app"] = "bazar"'
	expect 1 shipit history --verify
}

test_stranger_in_the_chain_is_named() {
	roster_config
	expect 0 as ann deploy --yes
	local chain=$TEST_FOLDER/state/production/deploys
	cp "$chain/00000001.json" "$chain/00000002.json"
	edit "$chain/00000002.json" 'd["id"] = "20990101-000000-abcdefa"; d.pop("signature")'
	expect 1 shipit history --verify
	stderr_has '20990101-000000-abcdefa'
	# Others hear of it when they plan.
	expect 0 shipit plan --json
	json 'd["notes"]' | grep -q 'history --verify' || fail 'nobody is told'
}

test_passphrase() {
	roster_config
	SHIPIT_KEY=$TEST_FOLDER/locked SHIPIT_KEY_PASSPHRASE=geheim "$SHIPIT" keygen -q --name eve >line
	sed -i.old "s|^  eve: .*|  $(cat line)|" deploy.yml
	rm -f deploy.yml.old line
	commit
	push
	export SHIPIT_KEY=$TEST_FOLDER/locked
	expect 0 shipit plan --json
	equals "$(guard roster verdict)" pass
	expect 3 shipit deploy --yes
	stderr_has SHIPIT_KEY_PASSPHRASE
	SHIPIT_KEY_PASSPHRASE=falsch expect 3 shipit deploy --yes
	stderr_has 'passphrase is wrong'
	SHIPIT_KEY_PASSPHRASE=geheim expect 0 shipit deploy --yes
	expect 0 shipit history --verify
	# Without the public half beside it, a plan cannot know; a deploy can.
	rm "$SHIPIT_KEY.pub"
	expect 0 shipit plan --json
	equals "$(guard roster verdict)" refuse
	change
	SHIPIT_KEY_PASSPHRASE=geheim expect 0 shipit deploy --yes
}

# Nothing beside it says whose key it is: a rollback, by hand or within a deploy, and resume ask too.
test_passphrase_of_a_rollback_and_a_resume() {
	roster_config
	SHIPIT_KEY=$TEST_FOLDER/locked SHIPIT_KEY_PASSPHRASE=geheim "$SHIPIT" keygen -q --name eve >line
	sed -i.old "s|^  eve: .*|  $(cat line)|" deploy.yml
	sed -i.old "s|echo built|test ! -e $TEST_FOLDER/bad|" pipelines/simple.yml
	rm -f deploy.yml.old pipelines/simple.yml.old line "$TEST_FOLDER/locked.pub"
	commit
	push
	export SHIPIT_KEY=$TEST_FOLDER/locked SHIPIT_KEY_PASSPHRASE=geheim
	expect 0 shipit deploy --yes
	change
	: >"$TEST_FOLDER/bad"
	expect 1 shipit deploy --yes
	rm "$TEST_FOLDER/bad"
	expect 0 shipit resume
	expect 0 shipit rollback --yes
	expect 0 shipit unlock
	cat >>deploy.yml <<-END
		smoke: {within: 0s, on_fail: rollback, checks: [{run: "test ! -e $TEST_FOLDER/broken"}]}
	END
	commit smoke
	push
	: >"$TEST_FOLDER/broken"
	expect 5 shipit deploy --yes
	expect 0 shipit history --verify
}

test_resume_wants_an_approval_too() {
	roster_config
	sed -i.old "s|echo built|test ! -e $TEST_FOLDER/bad|" pipelines/simple.yml
	rm -f pipelines/simple.yml.old
	commit
	push
	expect 0 as ann deploy --yes
	change
	expect 3 as bob deploy --yes
	local id
	id=$(request_id)
	expect 0 as ann approve "$id" --yes
	: >"$TEST_FOLDER/bad"
	expect 1 as bob deploy --yes
	rm "$TEST_FOLDER/bad"
	# A minute later: the new request has an ID of its own.
	expect 3 faketime -f '+1m' env SHIPIT_KEY="$(key bob)" SHIPIT_DEPLOYER=bob "$SHIPIT" resume
	id=$(request_id)
	[ -n "$id" ] || fail 'it cannot be approved'
	expect 0 as ann approve "$id" --yes
	expect 0 as bob resume
	expect 0 shipit history --verify
	expect 0 shipit history --json
	equals "$(json "d[0]['approvals'][0]['name']")" ann
	expect 2 as ann approve "$id" --yes
}

# Somebody else's public half beside one's own key is a claim that does not hold.
test_claims_are_proven_before_anything_runs() {
	roster_config
	SHIPIT_KEY=$TEST_FOLDER/mine SHIPIT_KEY_PASSPHRASE=geheim "$SHIPIT" keygen -q >/dev/null
	cp "$(key ann).pub" "$TEST_FOLDER/mine.pub"
	SHIPIT_KEY=$TEST_FOLDER/mine SHIPIT_KEY_PASSPHRASE=geheim expect 2 shipit deploy --yes
	[ ! -e "$TEST_FOLDER/live" ] || fail 'it was deployed'
}

test_steps_never_see_the_key() {
	roster_config
	write pipelines/simple.yml <<-END
		stages:
		  release:
		    go_live: true
		    steps: [{run: 'env >$TEST_FOLDER/env'}]
	END
	commit
	push
	SHIPIT_KEY_PASSPHRASE=x expect 0 as ann deploy --yes
	! grep -q '^SHIPIT_KEY' "$TEST_FOLDER/env" || fail 'a step saw SHIPIT_KEY'
}

test_bad_keys_in_the_roster_are_warned_of() {
	new_repo
	simple_config
	echo 'roster: {ann: {role: trained, key: "RWQ…"}}' >>deploy.yml
	expect 0 shipit check
	says 'the key of ann cannot be used'
}

run_tests
