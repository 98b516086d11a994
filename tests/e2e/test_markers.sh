#!/bin/bash
# Markers: each vendor is told in its own words, a rollback is marked as one.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/lib.sh"
# shellcheck source=lib_vendors.sh
source "$(dirname "$0")/lib_vendors.sh"
# shellcheck source=lib_markers.sh
source "$(dirname "$0")/lib_markers.sh"

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
