#!/bin/bash
# Messages to people: each once, escaped, without secrets, off the verdict; Slack's one message a deploy.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/lib.sh"
# shellcheck source=lib_vendors.sh
source "$(dirname "$0")/lib_vendors.sh"

# deploy.yml with notify: on stdin; the smoke test passes unless the live commit is in $TEST_FOLDER/sick.
shop() {
	new_repo
	git config user.name 'Ann & Bob'
	write deploy.yml <<-END
		app: shop
		pipeline: simple
		state: file:$TEST_FOLDER/state
		environments:
		  production: {branch: "*", protected: ${PROTECTED:-false}, url: "https://shop.example.com"}
		secrets:
		  KEY: {env: TEST_KEY}
		guards: {freezes: [${FREEZE:-}]}
		maintenance:
		  when: ${WHEN:-never}
		  halts:
		    cron: {stop: "rm -f $TEST_FOLDER/runs", start: "touch $TEST_FOLDER/runs", running_if: "test -e $TEST_FOLDER/runs"}
		    beat: {stop: "rm -f $TEST_FOLDER/beats", start: "touch $TEST_FOLDER/beats", running_if: "test -e $TEST_FOLDER/beats"}
		smoke:
		  within: 100ms
		  on_fail: ${ON_FAIL:-stop}
		  checks: [{run: "! grep -qsx \"\$(cat $TEST_FOLDER/live)\" $TEST_FOLDER/sick"}]
		notify:
		$(cat)
	END
	write pipelines/simple.yml <<-END
		stages:
		  build:
		    steps:
		      - {name: compile, run: 'test ! -e $TEST_FOLDER/broken'}
		  release:
		    go_live: true
		    steps:
		      - {name: switch, run: 'echo "\$SHIPIT_COMMIT" >$TEST_FOLDER/live', undo: "true"}
	END
	write infra/web.conf <<<'one'
	touch "$TEST_FOLDER/runs" "$TEST_FOLDER/beats"
	commit 'a shop'
	push
	export TEST_KEY=$VENDORS_KEY
}
# shellcheck disable=SC2016  # the configuration expands them
slack_token() { printf '  slack: {token: "${KEY}", channel: "#operations", endpoint: "%s"}\n' "$VENDORS_URL"; }
# shellcheck disable=SC2016  # the same
slack_hook() { printf '  slack: {webhook: "%s/services/T000/B000/${KEY}"}\n' "$VENDORS_URL"; }
# shellcheck disable=SC2016  # the same
webhook() { printf '  webhooks: [{url: "%s/hook", headers: {x-token: "${KEY}"}}]\n' "$VENDORS_URL"; }

deploy() {
	local code=$1
	shift
	commit "${MESSAGE:-a change}"
	push
	expect "$code" shipit deploy --yes --format json "$@"
}

# "name=status" of each message, in order; the events that the webhook got.
outcomes() {
	python3 -c '
import json, sys
events = [json.loads(line) for line in open(sys.argv[1])]
print(" ".join(e["name"] + "=" + e["status"] for e in events if e["event"] == "notify"))' "$OUT"
}
hooked() { told '" ".join(body(one)["event"] for one in of("hook"))'; }
all_taken() { equals "$(told '[one["problem"] for one in r if one["problem"]]')" '[]'; }
# What a person reads of Slack's request.
read_as() { told "''.join(e.get('text', e.get('url')) for e in body($1)['blocks'][0]['elements'][0]['elements'])"; }

test_one_message_is_updated_and_threaded() {
	vendors
	shop < <(slack_token)
	deploy 0
	all_taken
	equals "$(told '[one["api"] for one in r]')" '["slack-post", "slack-update", "slack-post", "slack-update"]'
	local short
	short=$(git rev-parse --short=7 HEAD)
	equals "$(read_as 'r[0]')" "shop $short is being deployed to production, by ann@example.com"
	# The headline says how it stands, the thread what happened.
	read_as 'r[1]' | grep -q "^shop $short is live in production" || fail "$(read_as 'r[1]')"
	equals "$(told 'body(r[1])["channel"] + " " + body(r[1])["ts"]')" 'C024BE91L 1503400001.000200'
	equals "$(told 'body(r[2])["thread_ts"]')" 1503400001.000200
	read_as 'r[2]' | grep -q 'https://shop.example.com$' || fail "$(read_as 'r[2]')"
	read_as 'r[3]' | grep -q ', after ' || fail "$(read_as 'r[3]')"
	# A failing one says where, in the headline and the thread; what was committed stays below.
	touch "$TEST_FOLDER/broken"
	MESSAGE='Take <!channel> *out* & "in" <https://evil|here>' deploy 1
	all_taken
	equals "$(told 'len(r)')" 7
	read_as 'r[4]' | grep -qF 'Take <!channel> *out* & "in" <https://evil|here> (Ann & Bob)' || fail "$(read_as 'r[4]')"
	read_as 'r[5]' | grep -qF 'failed in production; production is as it was, by ann@example.com: build.compile' || fail "$(read_as 'r[5]')"
	read_as 'r[5]' | grep -qF 'Take <!channel>' || fail 'the commits are gone'
	! grep -rF -e "$VENDORS_KEY" "$OUT" "$ERR" .git/shipit || fail 'a secret was written'
}

test_webhooks_and_the_command_are_told_each_once() {
	vendors
	WHEN=always shop < <(slack_hook; webhook; printf '  command: %s\n' "'echo \"\$SHIPIT_NOTICE \$SHIPIT_APP \$SHIPIT_NOTICE_TEXT \${TEST_KEY:-none}\" >>$TEST_FOLDER/told'")
	deploy 0
	all_taken
	equals "$(hooked)" 'started maintenance_on maintenance_off live'
	equals "$(told 'len(of("slack-hook"))')" 4
	equals "$(outcomes | tr ' ' '\n' | sort | uniq -c | tr -s ' ' | tr '\n' ';')" ' 4 command=ok; 4 slack=ok; 4 webhook=ok;'
	equals "$(cut -d' ' -f1 "$TEST_FOLDER/told" | tr '\n' ' ')" 'started maintenance_on maintenance_off live '
	grep -q "^live shop shop $(git rev-parse --short=7 HEAD) is live in production, by ann@example.com none" "$TEST_FOLDER/told" || fail "$(cat "$TEST_FOLDER/told")"
	equals "$(told '[body(one)["commit"] for one in of("hook")][0]')" "$(git rev-parse HEAD)"
	equals "$(told 'body(of("hook")[-1])["status"] + body(of("hook")[-1])["env"]')" okproduction
}

test_json_of_ones_own() {
	vendors
	shop < <(printf '  webhooks: [{url: "%s/hook/a", json: {m: "{event}: {text}", n: 1, by: "{deployer}"}}, {url: "%s/hook/b"}]\n' "$VENDORS_URL" "$VENDORS_URL")
	git checkout -q -b 'x"y{text}'
	deploy 0 --ref HEAD
	equals "$(told 'sorted(body(one)["m"].split(" is ")[0] for one in r if one["path"] == "/hook/a")')" "[\"live: shop $(git rev-parse --short=7 HEAD)\", \"started: shop $(git rev-parse --short=7 HEAD)\"]"
	equals "$(outcomes | tr ' ' '\n' | sort -u | tr '\n' ' ')" 'webhook-2=ok webhook=ok '
}

test_config_changes_tell_what_and_who() {
	vendors
	shop < <(slack_token; webhook; printf '  config_changes: {if_changed: ["infra/**", Procfile], link: "https://git.example.com/compare/{previous}...{commit}"}\n')
	local before
	deploy 0
	before=$(git rev-parse HEAD)
	equals "$(hooked)" 'started live'
	write infra/web.conf <<<'two'
	write Procfile <<<'web: x'
	write other <<<'x'
	deploy 0
	all_taken
	equals "$(hooked)" 'started live started config_changes live'
	equals "$(told '[body(one)["details"] for one in of("hook") if body(one)["event"] == "config_changes"]')" '["Procfile\ninfra/web.conf"]'
	told 'of("hook")[3]["body"]' | grep -qF '2 files, by ann@example.com; commits by Ann & Bob <ann@example.com>' || fail "$(told 'of("hook")[3]["body"]')"
	equals "$(told 'body(of("hook")[3])["link"]')" "https://git.example.com/compare/$before...$(git rev-parse HEAD)"
	# In Slack a message of its own, not in the deploy's thread.
	equals "$(told '[one for one in of("slack-post") if "configuration" in one["body"] and "thread_ts" in body(one)]')" '[]'
}

test_overrides_are_announced() {
	vendors
	PROTECTED=true FREEZE='{from: 2020-01-01, to: 2099-01-01, reason: for ever}' shop < <(webhook)
	deploy 3
	equals "$(told 'len(r)')" 0
	expect 0 shipit deploy --yes --format json --override freezes --reason "a fix for $VENDORS_KEY"
	equals "$(hooked)" 'started override live'
	told 'body(of("hook")[1])["text"]' | grep -qF 'the guard freezes said no and was overridden, by ann@example.com: a fix for ***' || fail "$(told 'body(of("hook")[1])["text"]')"
}

test_a_rollback_is_told() {
	vendors
	ON_FAIL=rollback shop < <(webhook)
	deploy 0
	write page <<<'a bad one'
	commit 'a bad one'
	push
	git rev-parse HEAD >"$TEST_FOLDER/sick"
	expect 5 shipit deploy --yes --format json
	all_taken
	equals "$(hooked)" 'started live started rolled_back'
	expect 0 shipit unlock
	deploy 0
	expect 0 shipit rollback --yes --no-lock --format json
	equals "$(hooked)" 'started live started rolled_back started live started rolled_back'
}

test_failures_are_told_once_and_change_nothing() {
	vendors
	shop < <(slack_token; webhook)
	faults 'slack-post error' 'hook 404'
	deploy 0
	equals "$(outcomes)" 'slack=failed webhook=failed'
	says 'it knows no such channel, or the bot may not see it (200: channel_not_found)'
	says 'check notify.slack.channel'
	TEST_KEY=wrong deploy 0
	faults
	TEST_KEY=wrong deploy 0
	says 'it does not know the token (200: invalid_auth)'
	silent_on "$VENDORS_KEY"
}

test_rate_limits_are_honoured() {
	vendors
	shop < <(slack_token)
	faults 'slack-post 429:1 times=1'
	deploy 0
	equals "$(outcomes | tr ' ' '\n' | sort -u)" slack=ok
	equals "$(told '[one["status"] for one in of("slack-post")]')" '[429, 200, 200]'
	told 'str(of("slack-post")[1]["at"] - of("slack-post")[0]["ended"] >= 1.0)' | grep -q True || fail 'it came back too early'
}

# What may have arrived is not sent again.
test_a_cut_answer_makes_no_second_message() {
	vendors
	shop < <(slack_token)
	faults 'slack-post half times=1'
	deploy 0
	equals "$(told '[one["status"] for one in of("slack-post")]')" '[0, 200]'
	read_as 'of("slack-post")[1]' | grep -q 'is live in production' || fail 'the second message is another one'
}

test_an_outage_costs_no_verdict() {
	vendors
	shop < <(webhook)
	faults 'hook slow:2'
	deploy 0
	grep -F '"event":"deploy.finished"' "$OUT" | python3 -c '
import json, sys
assert json.loads(sys.stdin.read())["duration_ms"] < 1500'
	equals "$(hooked)" 'started live'
}

test_a_resumed_deploy_goes_on_with_its_message() {
	vendors
	shop < <(slack_token)
	touch "$TEST_FOLDER/broken"
	deploy 1
	equals "$(told '[one["api"] for one in r]')" '["slack-post", "slack-update", "slack-post"]'
	rm "$TEST_FOLDER/broken"
	expect 0 shipit resume --yes --format json
	all_taken
	equals "$(told '[one["api"] for one in r][3:]')" '["slack-update", "slack-post", "slack-update"]'
	equals "$(told 'len(set(body(one).get("ts", body(one).get("thread_ts")) for one in r[1:]))')" 1
}

test_announce_and_maintenance_by_hand() {
	vendors
	shop < <(slack_token; webhook)
	expect 0 shipit announce 'the CDN has another key'
	says 'there is no history yet'
	deploy 0
	expect 0 shipit announce 'SendGrid: DKIM & <b>on</b>' --link https://sendgrid.example.com/x
	all_taken
	equals "$(hooked)" 'announce started live announce'
	equals "$(told 'body(of("hook")[-1])["text"] + body(of("hook")[-1])["link"]')" 'shop (production): SendGrid: DKIM & <b>on</b>, says ann@example.comhttps://sendgrid.example.com/x'
	equals "$(told 'body(of("slack-post")[-1])["text"]')" 'shop (production): SendGrid: DKIM &amp; &lt;b&gt;on&lt;/b&gt;, says ann@example.com'
	expect 0 shipit history --json
	equals "$(json '[d[0]["kind"], d[0]["reason"], d[0]["live"] == d[1]["live"]]')" '["announce", "SendGrid: DKIM & <b>on</b> (https://sendgrid.example.com/x)", true]'
	expect 0 shipit history --verify
	expect 0 shipit plan
	says 'ann@example.com announced'
	says 'SendGrid: DKIM & <b>on</b> (https://sendgrid.example.com/x)'
	# A rollback goes past it; the next deploy has told it.
	deploy 0
	expect 0 shipit plan
	silent_on 'announced'
	expect 0 shipit announce again
	expect 0 shipit rollback --yes --no-lock
	faults 'hook 404'
	expect 1 shipit announce 'who hears?'
	says 'failed  webhook: the webhook of notify did not take the message'
	expect 2 shipit announce x --link ftp://x
	faults
	expect 0 shipit maintenance on -m 'a new disk'
	expect 0 shipit maintenance off
	equals "$(told '[body(one)["text"] for one in of("hook")][-2:]')" '["maintenance of shop in production is on, by ann@example.com: a new disk", "maintenance of shop in production is over, by ann@example.com"]'
	silent_on "$VENDORS_KEY"
}

# A trainee may deploy while a trained one is there by Slack: asked with the live release's words.
test_presence_in_slack_counts() {
	vendors
	PROTECTED=true shop < <(slack_token)
	key() { printf '%s' "$TEST_FOLDER/keys/$1"; }
	as() { local name=$1; shift; SHIPIT_KEY=$(key "$name") shipit "$@"; }
	line() { SHIPIT_KEY=$(key "$1") shipit keygen -q --name "$1" --role "$2"; }
	{
		printf 'roster:\n'
		line ann trained | sed 's/^/  /; s/}$/, slack: U01}/'
		line eve trained | sed 's/^/  /'
		line bob trainee | sed 's/^/  /; s/}$/, slack: U03}/'
	} >>deploy.yml
	commit 'a roster'
	push
	expect 0 as ann deploy --yes
	write page <<<'x'
	commit 'by bob'
	push
	printf '{"U01": "away", "U03": "active"}' >"$VENDORS_FOLDER/presence"
	expect 3 as bob deploy --yes
	says 'bob is a trainee, and no trained deployer is online'
	printf '{"U01": "active"}' >"$VENDORS_FOLDER/presence"
	expect 0 as bob plan
	says 'bob is a trainee; online: ann (in Slack)'
	faults 'slack-presence 500'
	expect 3 as bob deploy --yes
	says 'something is wrong on its side'
	faults
	# Nobody puts his own account, or his own Slack, in the place of another's.
	cp deploy.yml "$TEST_FOLDER/deploy.yml"
	sed -i.bak 's/slack: U01/slack: U03/' deploy.yml && rm deploy.yml.bak
	commit 'ann is me'
	push
	printf '{"U01": "active", "U03": "active"}' >"$VENDORS_FOLDER/presence"
	expect 3 as bob deploy --yes
	sed "s|endpoint: \"$VENDORS_URL|endpoint: \"$VENDORS_ELSEWHERE|" "$TEST_FOLDER/deploy.yml" >deploy.yml
	commit 'Slack is me'
	push
	expect 0 as bob plan
	told_nothing_elsewhere
	cp "$TEST_FOLDER/deploy.yml" deploy.yml
	commit 'as it was'
	push
	expect 0 as bob deploy --yes
	equals "$(told '[one["problem"] for one in of("slack-presence") if one["problem"] and one["problem"] != "500"]')" '[]'
	silent_on "$VENDORS_KEY"
}

test_a_job_keeps_summary_and_outputs() {
	vendors
	shop < <(printf '  {}\n')
	export GITHUB_STEP_SUMMARY=$TEST_FOLDER/summary GITHUB_OUTPUT=$TEST_FOLDER/outputs
	SHIPIT_DEPLOYER='ann | <img> *x*' deploy 0
	equals "$(sed -n 's/^status=//p' "$GITHUB_OUTPUT")" ok
	equals "$(sed -n 's/^commit=//p' "$GITHUB_OUTPUT")" "$(git rev-parse HEAD)"
	equals "$(sed -n 's/^url=//p' "$GITHUB_OUTPUT")" https://shop.example.com
	grep -q "^### shop $(git rev-parse --short=7 HEAD) to production: ok" "$GITHUB_STEP_SUMMARY" || fail "$(cat "$GITHUB_STEP_SUMMARY")"
	grep -qF 'by ann &#124; &lt;img&gt; &#42;x&#42;' "$GITHUB_STEP_SUMMARY" || fail "$(cat "$GITHUB_STEP_SUMMARY")"
	grep -q '^| release | switch | ok | ' "$GITHUB_STEP_SUMMARY" || fail "$(cat "$GITHUB_STEP_SUMMARY")"
	touch "$TEST_FOLDER/broken"
	deploy 1
	grep -qF '**build.compile: exit code 1**' "$GITHUB_STEP_SUMMARY" || fail "$(cat "$GITHUB_STEP_SUMMARY")"
	equals "$(sed -n 's/^exit_code=//p' "$GITHUB_OUTPUT" | tr '\n' ' ')" '0 1 '
}

test_mistakes_are_annotated_where_they_stand() {
	new_repo
	write deploy.yml <<-END
		app: shop
		pipeline: simple
		environments: {production: {}}
		nedes: 1
	END
	GITHUB_ACTIONS=true expect 2 shipit check
	says "::error file=deploy.yml,line=4,col=1::unknown key 'nedes'"
	expect 2 shipit check
	silent_on '::error'
}

test_a_step_tells_at_its_place() {
	vendors
	shop < <(printf '  {}\n')
	write pipelines/simple.yml <<-END
		stages:
		  release:
		    go_live: true
		    steps:
		      - {name: switch, run: "true"}
		      - notify: {text: "{app} {env}: look at <it>", webhooks: [{url: "$VENDORS_URL/hook"}], slack: {webhook: "$VENDORS_URL/services/T000/B000/wrong"}}
	END
	deploy 0
	equals "$(told '[body(one)["text"] for one in of("hook")]')" '["shop production: look at <it>"]'
	equals "$(outcomes | tr ' ' '\n' | sort | tr '\n' ' ')" 'slack=failed webhook=ok '
	says 'the webhook does not exist any more'
	sed -i.bak 's|notify: {.*|notify: {text: x}|' pipelines/simple.yml && rm pipelines/simple.yml.bak
	expect 2 shipit check
	says 'it takes slack, webhooks or command'
}

test_what_notify_lacks_is_said() {
	vendors
	# shellcheck disable=SC2016  # the configuration expands it
	shop < <(printf '  slack: {token: "${KEY}"}\n')
	deploy 0
	equals "$(outcomes)" slack=failed
	says 'notify.slack has a token and no channel'
	sed -i.bak 's|slack: .*|command: "exit 7"|' deploy.yml && rm deploy.yml.bak
	deploy 0
	says 'the command of notify failed (exit code 7)'
	sed -i.bak 's|command: .*|slack: {token: x, webhook: y}|' deploy.yml && rm deploy.yml.bak
	expect 2 shipit check
}

run_tests
