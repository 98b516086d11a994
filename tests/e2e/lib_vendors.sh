# shellcheck shell=bash disable=SC2034
# The outside world's APIs for end-to-end tests (tests/servers/vendors.py); source it after lib.sh.
#
#   vendors                     starts the stand-in of this test: $VENDORS_URL, $VENDORS_TLS_URL, and the
#                               key that it accepts, $VENDORS_KEY
#   faults LINE...              how it fails from now on; none: it is well
#   told FILTER                 a Python expression on `r`, the list of requests; prints its value.
#                               of(API) are those of one API, body(REQUEST) is its JSON
#   told_nothing_elsewhere      fails if anything arrived at the other host

VENDORS_KEY=key-of-the-test

vendors() {
	VENDORS_FOLDER=$TEST_FOLDER/vendors
	"$ROOT/tests/servers/vendors.py" "$VENDORS_FOLDER" >"$TEST_FOLDER/vendors.out" 2>&1 &
	cleanup "kill $!"
	wait_until 20 test -f "$VENDORS_FOLDER/env"
	. "$VENDORS_FOLDER/env"
}

faults() { printf '%s\n' "$@" >"$VENDORS_FOLDER/faults.new" && mv "$VENDORS_FOLDER/faults.new" "$VENDORS_FOLDER/faults"; }

told() {
	python3 -c '
import json, sys
r = [json.loads(line) for line in open(sys.argv[1])]
of = lambda api: [one for one in r if one["api"] == api]
body = lambda request: json.loads(request["body"])
value = eval(sys.argv[2])
print(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))' \
		"$VENDORS_FOLDER/requests.ndjson" "$1" || fail "not what was told: $1"
}

told_nothing_elsewhere() {
	[ ! -s "$VENDORS_FOLDER/elsewhere.ndjson" ] || fail "something arrived elsewhere: $(cat "$VENDORS_FOLDER/elsewhere.ndjson")"
}
