#!/bin/bash
# The kinds that make requests: http, wait_for, warm, heartbeat; and every way in which an answer fails.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/lib.sh"
# shellcheck source=lib_vendors.sh
source "$(dirname "$0")/lib_vendors.sh"

# A pipeline whose first stage has the steps on stdin; its go-live stage writes the commit.
shop() {
	vendors
	new_repo
	write deploy.yml <<-END
		app: shop
		pipeline: simple
		state: file:$TEST_FOLDER/state
		environments:
		  production: {branch: "*", protected: false, url: "$VENDORS_URL", vars: {PLACE: hook}}
		secrets:
		  TOKEN: {env: TEST_TOKEN}
	END
	write pipelines/simple.yml <<-END
		stages:
		  first:
		    parallel: true
		    steps:
		$(sed 's/^/      /')
		  release:
		    go_live: true
		    steps:
		      - {name: switch, run: 'echo "\$SHIPIT_COMMIT" >$TEST_FOLDER/live'}
	END
	commit 'a shop'
	push
	export TEST_TOKEN=token-that-nobody-sees
}

deploy() {
	commit
	push
	expect "$1" shipit deploy --yes --format plain
}

test_http_sends_what_is_written() {
	shop <<-'END'
		- http:
		    url: /${PLACE}/one
		    headers: {x-token: "${TOKEN}"}
		    json: {version: "{commit}", "{env}": [1, 2.5, true, null, "{app} on {env} of {branch}"], "$": "$${X}"}
		    expect: {status: 200, contains: received, json: {received: true}}
	END
	# shellcheck disable=SC2016
	local branch='feature/"}, {x: $(touch pwned) ${TOKEN} %0a'\'' é'
	branch=${branch// /_}; branch=${branch//:/_}
	git checkout -q -b "$branch"
	git push -q origin HEAD
	expect 0 shipit deploy --yes --ref "$branch"
	equals "$(told 'len(of("hook"))')" 1
	equals "$(told 'r[0]["method"] + " " + r[0]["path"]')" 'POST /hook/one'
	equals "$(told 'r[0]["headers"]["content-type"]')" application/json
	equals "$(told 'r[0]["headers"]["x-token"]')" token-that-nobody-sees
	equals "$(told 'body(r[0])["version"]')" "$(git rev-parse HEAD)"
	equals "$(told 'body(r[0])["{env}"]')" "[1, 2.5, true, null, \"shop on production of ${branch//\"/\\\"}\"]"
	# shellcheck disable=SC2016
	equals "$(told 'body(r[0])["$"]')" '${X}'
	[ ! -e pwned ] || fail 'a branch name was run'
	silent_on token-that-nobody-sees
	! grep -rF token-that-nobody-sees .git/shipit || fail 'the secret was written'
}

test_http_judges_the_answer() {
	shop <<-'END'
		- {name: status, http: {url: /page/1, expect: {status: 204}}}
		- {name: words, http: {url: /page/1, expect: {contains: [queue, "never this"]}}}
		- {name: json, http: {url: /page/1, expect: {json: {queue.length: 0}}}}
		- {name: missing, http: {url: /nowhere}}
		- {name: refused, http: {url: "http://127.0.0.1:1/"}}
		- {name: well, http: {url: /page/1, expect: {status: 200, json: {queue.length: 3}}}}
		- {name: wanted, http: {url: /nowhere, expect: {status: 404}}}
	END
	sed -i.bak 's/^    parallel: true/    parallel: true/; s/http: {url/allow_failure: true, http: {url/' pipelines/simple.yml
	rm pipelines/*.bak; commit; push
	expect 0 shipit deploy --yes --format json
	outcome() { grep -F '"event":"step.finished"' "$OUT" | grep -F "\"step\":\"$1\"" | grep -oE '"(status|reason)":"([^"\\]|\\.)*"' | tr '\n' ' '; }
	equals "$(outcome status)" '"status":"failed" "reason":"status 200 instead of 204" '
	equals "$(outcome words)" '"status":"failed" "reason":"the page does not contain \"never this\"" '
	equals "$(outcome json)" '"status":"failed" "reason":"queue.length is 3 instead of 0" '
	equals "$(outcome missing)" '"status":"failed" "reason":"status 404 instead of 200" '
	case $(outcome refused) in *'cannot get http://127.0.0.1:1/: '*) ;; *) fail "$(outcome refused)" ;; esac
	equals "$(outcome well)" '"status":"ok" '
	equals "$(outcome wanted)" '"status":"ok" '
}

# What the API of the vendor may do to us: each ends in words, within bounds, and goes nowhere else.
test_http_every_failure() {
	local fault words
	shop <<-'END'
		- {name: ask, timeout: 3s, http: {url: /hook, method: POST, headers: {authorization: "Bearer ${TOKEN}"}, body: hello}}
	END
	while IFS='|' read -r fault words; do
		faults "hook $fault"
		deploy 1
		says "$words"
		silent_on token-that-nobody-sees
	done <<-'END'
		401|status 401 instead of 200
		403|status 403 instead of 200
		404|status 404 instead of 200
		409|status 409 instead of 200
		422|status 422 instead of 200
		500|status 500 instead of 200
		503|status 503 instead of 200
		cut|cannot get /hook: Empty reply from server
		half|cannot get /hook: transfer closed
		garbage|cannot get /hook: Received HTTP/0.9 when not allowed
		redirect|redirects to another host
		hang|timed out
	END
	told_nothing_elsewhere
	[ ! -e "$TEST_FOLDER/live" ] || fail 'it went live'
	# What was sent once may have been done: a POST is not sent again by itself ...
	equals "$(told 'max(len([x for x in of("hook") if x["problem"] == f]) for f in ("500", "503", "cut", "hang"))')" 1
	# ... but for a 429, that says that nothing was done, and when to come back.
	faults 'hook 429:1 times=1'
	deploy 0
	equals "$(told '[x["status"] for x in of("hook")][-2:]')" '[429, 200]'
	told 'of("hook")[-1]["at"] - of("hook")[-2]["ended"] > 0.9' | grep -q true || fail 'Retry-After was not waited for'
}

test_wrong_certificate() {
	shop <<-'END'
		- {name: ask, http: {url: "${URL}/page/1"}}
	END
	[ -n "$VENDORS_TLS_URL" ] || skip 'no openssl'
	sed -i.bak "s,PLACE: hook,PLACE: hook\, URL: \"$VENDORS_TLS_URL\"," deploy.yml
	rm ./*.bak
	deploy 1
	says 'certificate'
	equals "$(told 'len(r)' 2>/dev/null || echo 0)" 0
}

test_wait_for_page() {
	shop <<-'END'
		- {name: drained, wait_for: {get: /page/queue, within: 20s, every: 50ms, expect: {json: {queue.length: 3}}}}
	END
	faults 'page 503 times=3'
	deploy 0
	equals "$(told '[x["status"] for x in of("page")]')" '[503, 503, 503, 200]'
	expect 0 shipit logs "$(basename "$(ls -d .git/shipit/deploys/*)")" first.drained
	says 'not yet: status 503 instead of 200'
	says 'it holds after'
	sed -i.bak 's/within: 20s/within: 300ms/; s/length: 3/length: 0/' pipelines/simple.yml
	rm pipelines/*.bak
	deploy 1
	says 'it did not hold within 300ms'
	says 'queue.length is 3 instead of 0'
}

# The queue's length on the last line: whether it drains.
test_wait_for_command_says_whether_it_drains() {
	shop <<-'END'
		- {name: drained, wait_for: {run: './length', within: 30s, every: 10ms}}
	END
	write length <<-END
		#!/bin/sh
		n=\$(cat $TEST_FOLDER/n)
		echo \$((n + STEP)) >$TEST_FOLDER/n
		echo "\$n jobs"
		[ "\$n" = 0 ]
	END
	chmod +x length
	echo 5 >"$TEST_FOLDER/n"
	STEP=-1 deploy 0
	echo 5 >"$TEST_FOLDER/n"
	sed -i.bak 's/within: 30s/within: 500ms/' pipelines/simple.yml
	rm pipelines/*.bak; commit; push
	STEP=1 deploy 1
	says 'it went from 5 to '
	says 'so it does not drain'
	sed -i.bak 's/run: .*length., within/run: sleep 60, within/' pipelines/simple.yml
	rm pipelines/*.bak
	deploy 1
	says 'the command did not end'
}

test_wait_for_is_stopped_by_ctrl_c() {
	shop <<-'END'
		- {name: drained, wait_for: {get: /page, within: 10m, every: 10ms, expect: {json: {queue.length: 0}}}}
	END
	"$SHIPIT" deploy --yes >"$OUT" 2>"$ERR" &
	local pid=$!
	wait_until 20 test -s "$VENDORS_FOLDER/requests.ndjson"
	kill -INT "$pid"
	local code=0
	wait "$pid" || code=$?
	equals "$code" 130
}

test_warm_gets_each_page_once() {
	shop <<-'END'
		- {name: caches, warm: {urls: [/page/1, /page/2, /page/3, /page/4, /page/5, /page/6], parallel: 2}}
	END
	faults 'page slow:0.2'
	deploy 0
	equals "$(told 'sorted(x["path"][-1] for x in r)')" '["1", "2", "3", "4", "5", "6"]'
	equals "$(told 'max(sum(1 for y in r if y["at"] < x["ended"] and x["at"] < y["ended"] and y["at"] <= x["at"]) for x in r)')" 2
	faults 'page 404 times=2'
	deploy 1
	says '2 of 6 pages did not answer well: /page/'
	says '(status 404 instead of 200)'
}

test_heartbeat() {
	local uuid=2dd40e2e-9d8a-4c1a-9a8c-7b3f4c1d2e3f
	shop <<-END
		- {name: switch-on, heartbeat: {url: "/ping/\${TOKEN}"}}
		- {name: build, run: test ! -e $TEST_FOLDER/fail}
	END
	export TEST_TOKEN=$uuid
	deploy 0
	equals "$(told '[x["path"] for x in of("heartbeat")]')" "[\"/ping/$uuid/start\", \"/ping/$uuid\"]"
	equals "$(told 'len(set(x["query"] for x in r))')" 1
	touch "$TEST_FOLDER/fail"
	deploy 1
	equals "$(told '[x["path"] for x in of("heartbeat")][2:]')" "[\"/ping/$uuid/start\", \"/ping/$uuid/fail\"]"
	# A switch that is out of order fails no deploy.
	rm "$TEST_FOLDER/fail"
	faults 'heartbeat 404'
	deploy 0
	says 'the dead-man switch did not take the ping: there is no such check'
	silent_on ' warning: '
	silent_on "$uuid"
}

test_what_goes_together() {
	shop <<-'END'
		- {http: {url: /page, json: {a: 1}, body: x}}
		- {wait_for: {run: "true", expect: {status: 200}}}
	END
	expect 2 shipit check
	says "'body' and 'json' exclude each other"
	says "'expect' goes with 'get'"
}

run_tests
