#!/bin/bash
# Markers: each vendor is told in its own words, a rollback is marked as one, an outage fails nothing.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/lib.sh"
# shellcheck source=lib_vendors.sh
source "$(dirname "$0")/lib_vendors.sh"

all_markers() {
	cat <<-END
		  - newrelic: {entity: GUID, key: "\${KEY}", endpoint: "$VENDORS_URL/graphql"}
		  - datadog: {service: shop, key: "\${KEY}", endpoint: "$VENDORS_URL"}
		  - sentry: {org: acme, project: shop, token: "\${KEY}", endpoint: "$VENDORS_URL/api/0"}
		  - honeycomb: {dataset: shop, key: "\${KEY}", endpoint: "$VENDORS_URL/"}
		  - grafana: {endpoint: "$VENDORS_URL", token: "\${KEY}", tags: [deploy, "{env}"]}
		  - appsignal: {app: shop, key: "\${KEY}", endpoint: "$VENDORS_URL"}
		  - rollbar: {token: "\${KEY}", endpoint: "$VENDORS_URL"}
		  - otlp: {endpoint: "$VENDORS_URL", headers: {x-key: "\${KEY}"}}
		  - http: {url: "$VENDORS_URL/hook", headers: {x-token: "\${KEY}"}, json: {version: "{commit}", status: "{status}", by: "{deployer}", was: "{previous}", on: "{branch}", n: 1}}
	END
}
NAMES='appsignal datadog grafana honeycomb http newrelic otlp rollbar sentry'

# deploy.yml with the markers on stdin; the smoke test passes unless $TEST_FOLDER/sick is there.
shop() {
	new_repo
	write deploy.yml <<-END
		app: shop
		pipeline: simple
		state: file:$TEST_FOLDER/state
		environments:
		  production: {branch: "*", protected: false, url: "https://shop.example.com"}
		secrets:
		  KEY: {env: TEST_KEY}
		smoke:
		  within: 100ms
		  on_fail: \${ON_FAIL:-stop}
		  checks: [{run: "test ! -e $TEST_FOLDER/sick"}]
		markers:
		$(cat)
	END
	sed -i.bak "s/\${ON_FAIL:-stop}/${ON_FAIL:-stop}/" deploy.yml
	rm deploy.yml.bak
	write pipelines/simple.yml <<-END
		stages:
		  build:
		    steps:
		      - {name: compile, run: 'echo "\$TRACEPARENT" >$TEST_FOLDER/traceparent; test ! -e $TEST_FOLDER/broken'}
		  release:
		    go_live: true
		    steps:
		      - {name: switch, run: 'echo "\$SHIPIT_COMMIT" >$TEST_FOLDER/live', undo: "true"}
		tasks:
		  late: {run: 'sleep 0.2'}
	END
	commit 'a shop'
	push
	export TEST_KEY=$VENDORS_KEY
}

deploy() {
	local code=$1
	shift
	commit "${MESSAGE:-a change}"
	push
	expect "$code" shipit deploy --yes --format json "$@"
}

# The outcome of each marker: "name status", sorted.
outcomes() {
	grep -F '"event":"marker"' "$OUT" | python3 -c '
import json, sys
print(" ".join(sorted(json.loads(line)["name"] + "=" + json.loads(line)["status"] for line in sys.stdin)))'
}
reason() { grep -F '"event":"marker"' "$OUT" | grep -F "\"name\":\"$1\"" | grep -oE '"reason":"([^"\\]|\\.)*"' || fail "no reason for $1"; }
well() { for name in $NAMES; do printf '%s=ok ' "$name"; done | sed 's/ $//'; }

test_every_vendor_is_told_in_its_own_words() {
	vendors
	shop < <(all_markers)
	git remote set-url origin "https://ann:secret-of-the-remote@git.example.com/acme/shop.git"
	git remote set-url --push origin "$TEST_FOLDER/repo.git"
	git config "url.$TEST_FOLDER/repo.git.insteadOf" "https://ann:secret-of-the-remote@git.example.com/acme/shop.git"
	local before commit
	before=$(git rev-parse HEAD)
	deploy 0
	equals "$(outcomes)" "$(well)"
	commit=$(git rev-parse HEAD)
	# The stand-in refuses all that the documents do not allow: what is left to look at is the meaning.
	equals "$(told '[one["problem"] for one in r if one["problem"]]')" '[]'
	equals "$(told 'len(r)')" 11
	equals "$(told 'body(of("newrelic")[0])["variables"]["d"]["version"]')" "$commit"
	equals "$(told 'body(of("newrelic")[0])["variables"]["d"]["entityGuid"]')" GUID
	equals "$(told 'body(of("newrelic")[0])["variables"]["d"]["user"]')" ann@example.com
	equals "$(told 'body(of("datadog-dora")[0])["data"]["attributes"]["git"]["repository_url"]')" https://git.example.com/acme/shop.git
	equals "$(told 'body(of("datadog-dora")[0])["data"]["attributes"]["service"]')" shop
	equals "$(told 'body(of("sentry-release")[0])["commits"][0]["id"]')" "$commit"
	equals "$(told 'of("sentry-deploy")[0]["path"]')" "/api/0/organizations/acme/releases/$commit/deploys/"
	equals "$(told 'body(of("sentry-deploy")[0])["environment"]')" production
	equals "$(told 'of("honeycomb")[0]["path"]')" /1/markers/shop
	equals "$(told 'body(of("honeycomb")[0])["type"]')" deploy
	equals "$(told 'body(of("grafana")[0])["tags"]')" '["deploy", "production"]'
	equals "$(told 'body(of("appsignal")[0])["revision"]')" "$commit"
	equals "$(told 'body(of("rollbar")[0])["revision"]')" "$commit"
	equals "$(told 'body(of("hook")[0])')" "{\"version\": \"$commit\", \"status\": \"ok\", \"by\": \"ann@example.com\", \"was\": \"\", \"on\": \"master\", \"n\": 1}"
	# The right times: the deploy began before it went live, which was before it was told.
	told '(lambda g, n, d: g["time"] <= n <= g["timeEnd"] and d["started_at"] == g["time"] * 10 ** 6 and d["finished_at"] == g["timeEnd"] * 10 ** 6)(body(of("grafana")[0]), body(of("newrelic")[0])["variables"]["d"]["timestamp"], body(of("datadog-dora")[0])["data"]["attributes"])' | grep -q true || fail 'the times are not right'
	told "body(of('grafana')[0])['time'] > $(date +%s)000 - 60000" | grep -q true || fail 'the time is not now'
	# Behind the smoke test, and beside the task.
	local passed late
	passed=$(grep -n '"event":"smoke.check"' "$OUT" | cut -d: -f1)
	late=$(grep -n '"event":"deploy.finished"' "$OUT" | cut -d: -f1)
	[ "$(grep -n '"name":"grafana"' "$OUT" | cut -d: -f1)" -gt "$passed" ] || fail 'told before the smoke test'
	[ "$(grep -n '"name":"grafana"' "$OUT" | cut -d: -f1)" -lt "$late" ] || fail 'not beside the task'
	! grep -rF -e "$VENDORS_KEY" -e secret-of-the-remote "$OUT" "$ERR" .git/shipit || fail 'a secret was written'
	# The next one knows what was live before.
	deploy 0
	equals "$(told 'body(of("hook")[1])["was"]')" "$commit"
	[ "$before" != "$commit" ]
}

test_the_trace_has_a_span_a_stage_and_step() {
	vendors
	shop < <(all_markers | grep otlp)
	deploy 0
	spans() { told "(lambda s: $1)(body(of('otlp')[-1])['resourceSpans'][0]['scopeSpans'][0]['spans'])"; }
	equals "$(spans 'sorted(x["name"] for x in s if not x["name"].startswith("smoke"))')" '["build", "build.compile", "deploy shop to production", "release", "release.switch", "tasks.late"]'
	equals "$(spans 'len(set(x["traceId"] for x in s))')" 1
	equals "$(spans '[x["name"] for x in s if "parentSpanId" not in x]')" '["deploy shop to production"]'
	equals "$(spans '[y["name"] for x in s if x["name"] == "build.compile" for y in s if y["spanId"] == x["parentSpanId"]]')" '["build"]'
	equals "$(spans 'sorted(set(x["status"]["code"] for x in s))')" '[1]'
	# Children continue it.
	equals "$(spans '"00-" + s[0]["traceId"] + "-" + [x["spanId"] for x in s if x["name"] == "build.compile"][0] + "-01"')" "$(cat "$TEST_FOLDER/traceparent")"
	# What fails is marked so, and a trace comes of a deploy that does not go live too.
	touch "$TEST_FOLDER/broken"
	deploy 1
	equals "$(outcomes)" otlp=ok
	equals "$(spans 'sorted(x["name"] for x in s if x["status"]["code"] == 2)')" '["build", "build.compile", "deploy shop to production"]'
	equals "$(spans '[x["status"]["message"] for x in s if x["name"] == "build.compile"]')" '["exit code 1"]'
	# It continues that of who started us, and the OTEL variables are understood.
	rm "$TEST_FOLDER/broken"
	sed -i.bak "s|- otlp:.*|- otlp: {}|" deploy.yml && rm deploy.yml.bak
	export TRACEPARENT=00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
	OTEL_EXPORTER_OTLP_ENDPOINT=$VENDORS_URL OTEL_EXPORTER_OTLP_HEADERS="x-key=key%2Dof%2Dthe%2Dtest,a=b" deploy 0
	equals "$(outcomes)" otlp=ok
	equals "$(spans 's[0]["traceId"] + s[0]["parentSpanId"]')" 4bf92f3577b34da6a3ce929d0e0e473600f067aa0ba902b7
	grep -q '^00-4bf92f3577b34da6a3ce929d0e0e4736-' "$TEST_FOLDER/traceparent" || fail "$(cat "$TEST_FOLDER/traceparent")"
}

test_a_rollback_is_marked_as_one() {
	vendors
	shop < <(all_markers)
	deploy 0
	local first
	first=$(git rev-parse HEAD)
	MESSAGE='a bad one' deploy 0
	expect 0 shipit rollback --yes --no-lock --format json
	equals "$(outcomes)" "$(well)"
	equals "$(told '[one["problem"] for one in r if one["problem"]]')" '[]'
	equals "$(told 'body(of("newrelic")[-1])["variables"]["d"]["version"]')" "$first"
	told 'body(of("newrelic")[-1])["variables"]["d"]["description"]' | grep -q 'rolled back to' || fail newrelic
	told 'body(of("datadog-event")[-1])["tags"]' | grep -q rollback:true || fail datadog
	told 'body(of("sentry-deploy")[-1])["name"]' | grep -q rollback || fail sentry
	equals "$(told '"dateReleased" in body(of("sentry-release")[-1])')" false
	equals "$(told 'body(of("honeycomb")[-1])["type"]')" rollback
	equals "$(told 'body(of("grafana")[-1])["tags"]')" '["deploy", "production", "rollback"]'
	told 'body(of("appsignal")[-1])["user"]' | grep -q rollback || fail appsignal
	told 'body(of("rollbar")[-1])["comment"]' | grep -q 'rolled back' || fail rollbar
	equals "$(told 'body(of("hook")[-1])["status"]')" rolled_back
	told 'body(of("otlp")[-1])["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["name"]' | grep -q 'roll back' || fail otlp
}

# What went live and was rolled back by itself: the release that is live again is marked, once.
test_an_automatic_rollback() {
	vendors
	ON_FAIL=rollback
	shop < <(all_markers)
	sed -i.bak "s|test ! -e $TEST_FOLDER/sick|sh $TEST_FOLDER/look|" deploy.yml
	rm deploy.yml.bak
	echo "! grep -qf $TEST_FOLDER/bad $TEST_FOLDER/live" >"$TEST_FOLDER/look"
	echo none >"$TEST_FOLDER/bad"
	deploy 0
	local first
	first=$(git rev-parse HEAD)
	commit 'a bad one'
	git rev-parse HEAD >"$TEST_FOLDER/bad"
	push
	expect 5 shipit deploy --yes --format json
	equals "$(told '[body(x)["version"] + body(x)["status"] for x in of("hook")]')" "[\"${first}ok\", \"${first}rolled_back\"]"
	equals "$(outcomes)" "$(well)"
	equals "$(told '[one["problem"] for one in r if one["problem"]]')" '[]'
}

test_what_stays_live_and_is_not_well() {
	vendors
	shop < <(all_markers)
	touch "$TEST_FOLDER/sick"
	deploy 4
	equals "$(outcomes)" "$(well)"
	equals "$(told 'body(of("hook")[0])["status"]')" failed_live
}

test_nothing_live_nothing_told() {
	vendors
	shop < <(all_markers | grep -v otlp)
	touch "$TEST_FOLDER/broken"
	deploy 1
	[ ! -e "$VENDORS_FOLDER/requests.ndjson" ] || equals "$(told 'len(r)')" 0
	rm "$TEST_FOLDER/broken"
	deploy 0
	equals "$(told 'len(r)')" 10
	expect 0 shipit task late --json
	equals "$(told 'len(r)')" 10
}

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

test_hostile_names() {
	vendors
	shop < <(all_markers)
	# shellcheck disable=SC2016
	local branch='x"},{"a"="${KEY}%0a{commit}$(touch_pwned)'\''<!channel>é'
	git checkout -q -b "$branch"
	export SHIPIT_DEPLOYER=$'ann "quoted" \\ <b>\x01\x7f\xff{env}'
	MESSAGE=$'"} , \\ </script> \xe2\x80\xae \x1b[31m {"evil": 1}' deploy 0 --ref "$branch"
	equals "$(outcomes)" "$(well)"
	equals "$(told '[one["problem"] for one in r if one["problem"]]')" '[]'
	equals "$(told 'body(of("hook")[0])["on"]')" "$branch"
	! grep -F "$VENDORS_KEY" "$OUT" || fail 'the key was shown'
	told 'body(of("hook")[0])["by"]' | grep -qF 'ann "quoted" \ <b>' || fail "$(told 'body(of("hook")[0])["by"]')"
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

test_mark_step() {
	vendors
	shop < <(printf '  []\n')
	sed -i.bak 's/^markers:$/markers: []/; /^  \[\]$/d' deploy.yml
	rm deploy.yml.bak
	write pipelines/simple.yml <<-END
		stages:
		  release:
		    go_live: true
		    steps:
		      - {name: switch, run: "true"}
		      - {name: tell, mark: {grafana: {endpoint: "$VENDORS_URL", token: "\${KEY}"}}}
		      - mark: [{rollbar: {token: "\${KEY}", endpoint: "$VENDORS_URL"}}, {honeycomb: {dataset: shop, key: wrong, endpoint: "$VENDORS_URL"}}]
	END
	deploy 0
	equals "$(outcomes)" 'grafana=ok honeycomb=failed rollbar=ok'
	grep -F '"event":"step.finished"' "$OUT" | grep -F '"step":"mark"' | grep -qF '"status":"ok"' || fail 'the step failed'
	equals "$(told 'body(of("rollbar")[0])["revision"]')" "$(git rev-parse HEAD)"
}

# A deploy that died behind its markers and is resumed does not tell them again; the others it does.
test_resume_tells_nobody_twice() {
	vendors
	shop < <(all_markers | grep -e grafana -e rollbar -e newrelic)
	sed -i.bak "s|sleep 0.2|until test -e $TEST_FOLDER/go; do sleep 0.05; done|" pipelines/simple.yml
	rm pipelines/simple.yml.bak
	faults 'rollbar 403'
	commit
	push
	"$SHIPIT" deploy --yes --format json >"$OUT" 2>"$ERR" &
	local pid=$! live
	wait_until 20 grep -q '"name":"newrelic"' "$OUT"
	wait_until 20 grep -q '"name":"grafana"' "$OUT"
	wait_until 20 grep -q '"name":"rollbar"' "$OUT"
	kill -9 "$pid"
	wait "$pid" || :
	touch "$TEST_FOLDER/go"
	live=$(told 'body(of("newrelic")[0])["variables"]["d"]["timestamp"]')
	faults
	expect 0 shipit resume --yes --step-again tasks.late --format json
	equals "$(outcomes)" rollbar=ok
	equals "$(told '[x["api"] for x in r if x["status"] == 200]')" "$(told '[x["api"] for x in r if x["status"] == 200 and x["api"] != "rollbar"] + ["rollbar"]')"
	equals "$(told 'len(r)')" 4
	[ "$live" -gt 0 ]
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

# By hand, for what is live: again after an outage.
test_mark_command() {
	vendors
	shop < <(all_markers | grep -e grafana)
	expect 1 shipit mark
	says 'nothing is live in production'
	faults 'grafana 403'
	deploy 0
	equals "$(outcomes)" grafana=failed
	expect 1 shipit mark
	says 'give its service account the role Editor'
	faults
	expect 0 shipit mark --json
	equals "$(json 'd')" '[{"name": "grafana", "status": "ok", "reason": null}]'
	equals "$(told 'body(r[-1])["time"] < body(r[-1])["timeEnd"]')" true
	expect 0 shipit mark --json --offline
	silent_on "$VENDORS_KEY"
}

run_tests
