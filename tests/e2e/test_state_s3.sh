#!/usr/bin/env bash
# The state in S3: what is told and locked, races, crashes, faults of the network, stores without
# locking. RACE_ROUNDS (default 2), RACE_CLONES (default 8).
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/lib_s3.sh
. "$(dirname "$0")/lib_s3.sh"
# shellcheck source=tests/e2e/lib_crash.sh
. "$(dirname "$0")/lib_crash.sh"

# A shop whose state is in $BUCKET.
shop() {
	export T=$TEST_FOLDER
	new_repo
	simple_config
	sed "s|^state: .*|state: s3://$BUCKET/ops/state|" deploy.yml >deploy.new
	mv deploy.new deploy.yml
	commit 'state in S3'
	push
}

more() {
	write file <<<"$1"
	commit "$1"
	push
}

colleague() {
	git clone -q "$T/repo.git" "$T/bob"
	git -C "$T/bob" config user.email bob@example.com
}

in_clone() {
	(cd "$T/bob" && SHIPIT_WORKTREES="$T/trees" exec "$@")
}

head_is() { s3_direct get "$BUCKET" ops/state/production/head.json; }

test_deploys_are_told() {
	s3_bucket
	shop
	expect 0 shipit status
	stdout_has 'nothing was deployed here yet'
	expect 0 shipit deploy --yes --silent
	more two
	expect 0 shipit deploy --yes --silent
	colleague
	expect 0 in_clone "$SHIPIT" history --json
	equals "$(json '[r["status"] for r in d]')" '["ok", "ok"]'
	equals "$(json 'd[1]["commit"] == d[0]["previous"]')" true
	expect 0 in_clone "$SHIPIT" history --offline --json
	equals "$(json 'len(d)')" 2
	expect 0 in_clone "$SHIPIT" rollback --yes --silent
	expect 0 shipit history --json
	equals "$(json 'len(d)')" 3
	expect 0 shipit history --verify
	head_is >"$OUT"
	equals "$(json 'sorted(d["entries"])')" '["hold"]'
	equals "$(json 'len(d["chain"])')" 3
	s3_agrees
}

test_lock_and_unlock() {
	s3_bucket
	shop
	colleague
	expect 0 shipit lock -m 'wet paint'
	expect 3 in_clone "$SHIPIT" deploy --yes --silent
	stderr_has 'wet paint'
	expect 0 shipit unlock
	expect 0 in_clone "$SHIPIT" deploy --yes --silent
}

test_an_expired_lease_is_taken_over() {
	s3_bucket
	shop
	echo 'lease: 1s' >>deploy.yml
	sed "s|echo built|'[ ! -e $T/gate ] \|\| { touch $T/building; exec sleep 100; }'|" pipelines/simple.yml >new
	mv new pipelines/simple.yml
	commit gate
	push
	colleague
	touch "$T/gate"
	"$SHIPIT" deploy --yes --silent >"$T/holder" 2>&1 </dev/null &
	local holder=$!
	cleanup "kill -KILL $holder"
	wait_until 20 test -e "$T/building"
	rm "$T/gate"
	expect 3 in_clone "$SHIPIT" deploy --yes --silent
	stderr_has 'is taken by ann@example.com'
	kill -KILL "$holder"
	head_is | sed 's|"machine": "[^"]*"|"machine": "elsewhere"|' >"$T/head"
	s3_direct put "$BUCKET" ops/state/production/head.json "$T/head"
	expect 0 in_clone "$SHIPIT" deploy --yes --silent --wait
	stderr_has 'Taking over the lease'
	head_is >"$OUT"
	equals "$(json 'd["entries"]')" '{}'
}

racer() {
	local code=0
	cd "$T/clone$1" || exit
	SHIPIT_WORKTREES="$T/trees$1" "$SHIPIT" deploy --yes --silent --redeploy >"$T/said$1" 2>&1 ||
		code=$?
	echo "$code" >>"$T/ends"
}

test_race() {
	local i round rounds=${RACE_ROUNDS:-2} clones=${RACE_CLONES:-8}
	s3_bucket
	shop
	write "$T/win" <<-END
		#!/bin/sh
		echo "\$SHIPIT_ID" >>$T/winners
		while [ \$((\$(wc -l <$T/winners) + \$(wc -l <$T/ends))) -lt $clones ]; do
			sleep 0.02
		done
	END
	chmod +x "$T/win"
	sed "s|echo built|$T/win|" pipelines/simple.yml >new
	mv new pipelines/simple.yml
	commit race
	push
	for ((i = 0; i < clones; i++)); do git clone -q "$T/repo.git" "$T/clone$i"; done
	for ((round = 0; round < rounds; round++)); do
		: >"$T/winners"
		: >"$T/ends"
		for ((i = 0; i < clones; i++)); do racer "$i" & done
		wait
		equals "$(sort "$T/ends" | uniq -c | tr -s ' \n' ' ')" " 1 0 $((clones - 1)) 3 "
		equals "$(wc -l <"$T/winners" | tr -d ' ')" 1
	done
	expect 0 shipit history --json
	equals "$(json 'len(d)')" "$rounds"
}

test_killed_at_any_moment() {
	s3_bucket
	crash_shop "s3://$BUCKET/crash"
	matrix kill:event:7 kill:time:4
}

# The plan, the lease, the look under it, the intent to go live; that it is live, unless the verdict
# comes first; the record, and the head that names it and frees the lease.
test_few_round_trips() {
	s3_strict
	shop
	expect 0 shipit deploy --yes --silent
	more two
	s3_mark
	expect 0 shipit deploy --yes --silent
	s3_seen >"$OUT"
	[ "$(wc -l <"$OUT")" -le 8 ] || fail 'too many'
	equals "$(grep -c 'GET .*deploys/' "$OUT" || :)" 0
}

# Nothing was lost, and nothing happened twice.
all_is_well() {
	expect 0 shipit history --json
	equals "$(json 'len(d)')" "$1"
	head_is >"$OUT"
	equals "$(json 'd["entries"]')" '{}'
}

# Answers to writes of the head are lost: whether they were done is read from what is there.
test_lost_answers() {
	s3_strict
	shop
	s3_proxy '[{"match": "PUT .*head", "cut": "answer", "times": 1},
		{"match": "PUT .*head", "skip": 4, "cut": "answer", "times": 2},
		{"match": "GET .*head", "cut": "answer", "times": 1}]'
	expect 0 shipit deploy --yes --silent
	more two
	s3_faults '[{"match": "PUT .*head", "skip": 1, "cut": "request", "times": 2},
		{"match": "GET .*head", "cut": "accept", "times": 1}]'
	expect 0 shipit deploy --yes --silent
	all_is_well 2
}

test_slow_down() {
	s3_strict
	shop
	s3_proxy '[{"match": "(PUT|GET)", "reply": {"status": 503, "code": "SlowDown"}, "times": 3}]'
	expect 0 shipit deploy --yes --silent
	all_is_well 1
}

test_a_stall_ends() {
	s3_strict
	shop
	s3_proxy '[{"match": "PUT .*head", "stall": "response", "times": 1}]'
	expect 0 shipit deploy --yes --silent
	all_is_well 1
}

test_refusals_are_sentences() {
	s3_strict
	shop
	expect 0 shipit deploy --yes --silent
	s3_as EXPIRED
	expect 2 shipit history
	stderr_has 'have expired'
	s3_as READER
	expect 0 shipit history
	expect 2 shipit deploy --yes --silent --redeploy
	stderr_has s3:PutObject
	expect 2 shipit check --online
	stderr_has s3:PutObject
	s3_as TESTER
	AWS_SECRET_ACCESS_KEY=wrong expect 2 shipit status
	stderr_has 'refuses the signature'
	AWS_ENDPOINT_URL=http://127.0.0.1:1 expect 1 shipit history
	stderr_has --offline
	sed -i.old "s|s3://$BUCKET|s3://nowhere|" deploy.yml
	expect 2 shipit check --online
	stderr_has "there is no bucket 'nowhere'"
	commit nowhere
	push
	expect 2 shipit deploy --yes --silent
	stderr_has "there is no bucket 'nowhere'"
}

test_check_online() {
	s3_bucket
	shop
	expect 0 shipit check --online
	equals "$(s3_direct keys "$BUCKET")" ''
	sed -i.old 's|^state: .*|state: s3:///x|' deploy.yml
	expect 2 shipit check
	stderr_has 'names no bucket'
}

no_locking_without() {
	s3_strict --ignore "$1"
	shop
	expect 2 shipit check --online
	stderr_has "does not heed"
	equals "$(s3_direct keys "$BUCKET")" ''
	expect 2 shipit deploy --yes --silent
	stderr_has "does not heed"
	[ ! -e "$T/live" ] || fail 'something was run'
	equals "$(s3_direct keys "$BUCKET")" ''
	expect 2 shipit deploy --yes --silent
}

test_no_locking_without_if_none_match() { no_locking_without if-none-match; }
test_no_locking_without_if_match() { no_locking_without if-match; }

run_tests
