# shellcheck shell=bash disable=SC2034
# A shop with markers, for end-to-end tests; source it after lib.sh and lib_vendors.sh.
#
#   all_markers                 the list of all kinds, at the stand-in
#   shop                        a repository whose deploy.yml has the markers on stdin
#   deploy CODE [ARGS...]       commits, pushes, deploys; events on stdout
#   outcomes; reason NAME       of the markers; well: what outcomes prints when all were told

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
