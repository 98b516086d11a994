#!/bin/bash
# Markers that fail: in words, within bounds, and without any harm to the deploy.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/lib.sh"
# shellcheck source=lib_vendors.sh
source "$(dirname "$0")/lib_vendors.sh"
# shellcheck source=lib_markers.sh
source "$(dirname "$0")/lib_markers.sh"

# Each failure ends in a sentence that says what happened, why, and what to do; the deploy is live.
test_every_failure_in_words() {
	local fault name words
	vendors
	shop < <(all_markers)
	while IFS='|' read -r fault name words; do
		faults "* $fault"
		deploy 0
		reason "$name" | grep -qF -- "$words" || fail "$fault: $(reason "$name") lacks: $words"
		equals "$(outcomes | tr ' ' '\n' | grep -c =failed)" 9
		equals "$(grep -c '"event":"marker"' "$OUT")" 9
		! grep -F -e "$VENDORS_KEY" "$OUT" "$ERR" || fail 'the key was shown'
	done <<-'END'
		401|newrelic|must be a user key
		403|datadog|must be an API key (not an application key)
		404|honeycomb|it knows no such dataset
		409|grafana|it is in conflict with what is there already (409: it exists already)
		422|rollbar|it does not accept a value (422: a value is not acceptable)
		400|sentry|it takes the request for malformed (400: the request is malformed)
		redirect|datadog|it answers with a redirect (307) to http://127.0.0.1:
	END
	told_nothing_elsewhere
	# Errors inside a 200.
	faults 'newrelic error' 'rollbar error' 'otlp error'
	deploy 0
	reason newrelic | grep -qF 'it knows no entity of that GUID (200: Entity not found for guid)' || fail "$(reason newrelic)"
	reason rollbar | grep -qF 'it does not know the token (200: invalid access token)' || fail "$(reason rollbar)"
	reason otlp | grep -qF 'it dropped spans (200: spans too old)' || fail "$(reason otlp)"
	faults '* html'
	deploy 0
	reason datadog | grep -qF 'is no answer of its API' || fail "$(reason datadog)"
	reason sentry | grep -qF 'is no answer of its API' || fail "$(reason sentry)"
}

# What passes is tried again, as the answer says.
test_what_passes_is_tried_again() {
	vendors
	shop < <(all_markers)
	faults '* 503 times=2' '* 429:1 times=1' '* cut times=1'
	deploy 0
	equals "$(outcomes)" "$(well)"
	equals "$(told '[x["status"] for x in of("grafana")]')" '[503, 503, 429, 0, 200]'
	told '(lambda g: g[3]["at"] - g[2]["ended"] > 0.9)(of("grafana"))' | grep -q true || fail 'Retry-After was not waited for'
	faults '* half times=1'
	deploy 0
	equals "$(told '[x["status"] for x in of("grafana")[5:]]')" '[0, 200]'
}

# All of them are out: at most 30 s, one warning each, and the verdict is neither later nor another.
test_an_outage_of_all() {
	vendors
	shop < <(all_markers)
	faults 'newrelic hang' 'datadog-event 503' 'sentry-release 429:3600' 'honeycomb cut' 'grafana half' \
		'appsignal garbage' 'rollbar 500' 'otlp hang' 'hook hang'
	local begun=$SECONDS
	deploy 0
	[ $((SECONDS - begun)) -le 33 ] || fail "it took $((SECONDS - begun)) s"
	equals "$(outcomes | tr ' ' '\n' | grep -c =failed)" 9
	equals "$(grep -c '"event":"marker"' "$OUT")" 9
	grep -F '"event":"deploy.finished"' "$OUT" | python3 -c '
import json, sys
verdict = json.loads(sys.stdin.read())
assert verdict["status"] == "ok" and verdict["duration_ms"] < 5000, verdict'
	stdout_has '"event":"waiting","text":"newrelic, '
	reason newrelic | grep -qF 'gave no whole answer within' || fail "$(reason newrelic)"
	reason sentry | grep -qF 'too many requests' || fail "$(reason sentry)"
	reason datadog | grep -qF 'something is wrong on its side (503: unavailable)' || fail "$(reason datadog)"
	expect 0 shipit history --json
	equals "$(json 'd[0]["status"]')" ok
}

# Ctrl-C while outside services are waited for ends the waiting, and changes nothing.
test_ctrl_c_ends_the_waiting() {
	vendors
	shop < <(all_markers | grep -e newrelic)
	faults '* hang'
	"$SHIPIT" deploy --yes --format json >"$OUT" 2>"$ERR" &
	local pid=$! begun
	wait_until 20 grep -q deploy.finished "$OUT"
	begun=$SECONDS
	kill -INT "$pid"
	wait "$pid" || fail "exit code $?"
	[ $((SECONDS - begun)) -le 3 ] || fail 'it went on waiting'
}

test_wrong_certificate() {
	vendors
	[ -n "$VENDORS_TLS_URL" ] || skip 'no openssl'
	shop < <(all_markers | sed "s,$VENDORS_URL,$VENDORS_TLS_URL,")
	deploy 0
	equals "$(outcomes | tr ' ' '\n' | grep -c =failed)" 9
	reason sentry | grep -qi 'certificate' || fail "$(reason sentry)"
	[ ! -s "$VENDORS_FOLDER/requests.ndjson" ] || fail 'something was sent'
}

# Markers add nothing to the verdict, and what answers slowly at most 5 s behind it.
test_slow_answers_are_off_the_verdict() {
	vendors
	shop < <(all_markers)
	faults '* slow:2'
	deploy 0
	equals "$(outcomes)" "$(well)"
	grep -F '"event":"deploy.finished"' "$OUT" | python3 -c '
import json, sys
assert json.loads(sys.stdin.read())["duration_ms"] < 1500'
}

# Ctrl-C before go-live, and the collector is out of order: nobody waits for it.
test_an_interrupted_deploy_does_not_wait() {
	vendors
	shop < <(all_markers | grep otlp)
	faults '* hang'
	sed -i.bak "s|test ! -e $TEST_FOLDER/broken|touch $TEST_FOLDER/begun; sleep 60|" pipelines/simple.yml
	rm pipelines/simple.yml.bak
	commit
	push
	"$SHIPIT" deploy --yes --format json >"$OUT" 2>"$ERR" &
	local pid=$! begun code=0
	wait_until 20 test -e "$TEST_FOLDER/begun"
	begun=$SECONDS
	kill -INT "$pid"
	wait "$pid" || code=$?
	equals "$code" 130
	[ $((SECONDS - begun)) -le 4 ] || fail "it waited for $((SECONDS - begun)) s"
}

# A secret that is not there costs its marker, never the deploy.
test_a_missing_secret() {
	vendors
	# shellcheck disable=SC2016
	shop < <(all_markers | grep -e grafana -e rollbar | sed 's/token: "${KEY}", endpoint/token: "${GONE}", endpoint/')
	sed -i.bak 's/^  KEY:.*/&\n  GONE: {env: NOT_SET_ANYWHERE}/' deploy.yml
	rm deploy.yml.bak
	deploy 0
	equals "$(outcomes)" 'grafana=ok rollbar=failed'
	says GONE
}

run_tests
