#!/bin/bash
# Many objects: what a prune and a survey of them cost, in requests, time and memory.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/lib.sh"
source "$(dirname "$0")/lib_s3.sh"

# site COUNT: the server that seems to hold COUNT objects below assets/, and a pipeline that syncs there.
site() {
	s3_million "$1"
	new_repo
	write deploy.yml <<-END
		app: shop
		pipeline: simple
		state: file:$TEST_FOLDER/state
		environments:
		  production: {branch: master, protected: false}
	END
	write pipelines/simple.yml <<-END
		stages:
		  frontend: {steps: [{name: assets, assets_sync: {from: dist, to: "s3://$BUCKET/assets", keep: 1, grace: 0s}}]}
		  release: {go_live: true, steps: [{name: live, run: 'true'}]}
	END
	echo dist >.gitignore
	mkdir -p dist
	for i in 1 2 3; do echo "$i" >"dist/app.3f2a9b1$i.js"; done
	commit 'a change'
	push
	s3_mark
}

# A release of all that is there, superseded a day ago, as an earlier sync would have left it.
past_release() {
	s3_direct list "$BUCKET" assets/ | python3 -c '
import hashlib, json, os, subprocess, sys
s3, bucket, folder = sys.argv[1:]
put = lambda key, text: subprocess.run([s3, "put", bucket, key, "-"], input=text.encode(), check=True)
objects = sorted((o["key"][7:], o["size"]) for o in json.load(sys.stdin) if "/.shipit/" not in o["key"])
head = "{\"shipit\":\"assets\",\"version\":1,\"id\":\"20260101-000000-aaaaaaa\",\"app\":\"shop\",\"env\":\"production\",\"from\":\"dist\",\"made\":\"2026-01-01T00:00:00.000Z\",\n\"headers\":[\n[\"text/javascript\",null,null]\n],\n\"objects\":[\n"
body = head + ",\n".join("[%s,%d,\"%s\",0,0]" % (json.dumps(k), s, "0" * 64) for k, s in objects) + "\n],\n"
body += "\"count\":%d,\"bytes\":%d,\"sha256\":\"" % (len(objects), sum(s for _, s in objects))
digest = hashlib.sha256(body[:body.rindex("\"count\"")].encode()).hexdigest()
text = body + digest + "\"}\n"
key = ".shipit/releases/20260101-000000-aaaaaaa.00000000.json"
put("assets/" + key, text)
index = json.loads(subprocess.run([s3, "get", bucket, "assets/.shipit/index.json"], check=True, capture_output=True).stdout)
del index["sha256"]
index["releases"].insert(0, {"id": "20260101-000000-aaaaaaa", "app": "shop", "env": "production", "from": "dist",
    "manifest": key, "sha256": hashlib.sha256(text.encode()).hexdigest(), "objects": len(objects),
    "bytes": sum(s for _, s in objects), "prepared": "2026-01-01T00:00:00.000Z",
    "published": "2026-01-01T00:00:00.000Z", "superseded": "2026-01-02T00:00:00.000Z"})
index["sha256"] = hashlib.sha256(json.dumps(index, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
put("assets/.shipit/index.json", json.dumps(index))' "$S3_SERVERS/s3.py" "$BUCKET" "$TEST_FOLDER"
}

# Runs it and fails when it took more than KIB of memory at its peak.
within() {
	local most=$1 peak
	shift
	expect 0 python3 -c '
import resource, subprocess, sys
code = subprocess.run(sys.argv[2:]).returncode
open(sys.argv[1], "w").write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // (1024 if sys.platform == "darwin" else 1)))
sys.exit(code)' "$TEST_FOLDER/peak" "$@"
	peak=$(cat "$TEST_FOLDER/peak")
	[ -n "${ASAN_OPTIONS_IN_USE:-}" ] || [ "$peak" -le "$most" ] || fail "$peak KiB at its peak, $most are allowed"
}

test_prune_of_20000() {
	site 20000
	expect 0 shipit assets sync
	past_release
	s3_mark
	within 40960 "$SHIPIT" assets prune --max-delete 100%
	says '20000 objects removed'
	equals "$(s3_requests list-type)" 0
	[ "$(s3_requests)" -le 26 ] || fail "$(s3_requests) requests"
	equals "$(s3_keys assets/ | wc -l | tr -d ' ')" 3
	s3_mark
	within 40960 "$SHIPIT" assets prune
	says '0 objects removed'
	equals "$(s3_requests)" 1
}

# Nobody's objects, a hundred pages of them: listed several pages at once.
test_survey_of_100000() {
	site 100000
	expect 0 shipit assets sync
	s3_mark
	within 65536 "$SHIPIT" assets status --json
	equals "$(json 'd["places"][0]["unknown"]["objects"]')" 100000
	equals "$(json 'd["places"][0]["live"]["objects"]')" 3
	[ "$(s3_requests list-type)" -le 400 ] || fail "$(s3_requests list-type) lists"
	within 65536 "$SHIPIT" assets prune --unlisted --older-than 0s --max-delete 100%
	says '100000 objects removed'
	equals "$(s3_keys assets/ | wc -l | tr -d ' ')" 3
}

run_tests
