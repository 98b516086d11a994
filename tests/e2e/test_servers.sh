#!/usr/bin/env bash
# What the S3 tests stand on: each server answers as its contract says.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib_s3.sh"

refuses() { ! "$@" >"$OUT" 2>"$ERR" || fail "not refused: $*"; }

test_real_server_is_seen_alike() {
	local key
	s3_bucket
	for key in 'a b' 'a+b' 'a%20b' $'n\302\240b' $'u\342\200\216' $'new\nline' '/lead' 'a//b' \
		'a/../b' '😀' "$(printf 'x%.0s' {1..1022})"; do
		printf '%s' "$key" | s3 put "$BUCKET" "p/$key" -
	done
	s3_agrees p/
	s3_mark
	printf x | s3 put "$BUCKET" page - 'cache-control:no-cache' 'if-none-match:*'
	equals "$(s3_header page cache-control)" no-cache
	equals "$(s3_requests '^PUT .* 200$')" 1
	refuses s3 put "$BUCKET" page /dev/null 'if-none-match:*'
	says 412
	s3_readonly
	s3_as_other
	equals "$(s3 get "$BUCKET" page)" x
	refuses s3 delete "$BUCKET" page
	says AccessDenied
}

test_strict_server_refuses() {
	s3_strict --bucket far=eu-far-1
	printf hi | s3 put "$BUCKET" key -
	s3_agrees
	s3_as SESSION
	equals "$(s3 get "$BUCKET" key)" hi
	s3_as EXPIRED
	refuses s3 get "$BUCKET" key
	says ExpiredToken
	s3_as READER
	refuses s3 delete "$BUCKET" key
	says s3:DeleteObject
	s3_as TESTER
	refuses s3 keys far
	says '<Region>eu-far-1</Region>'
	AWS_REGION=us-east-1 refuses s3 keys "$BUCKET"
	says AuthorizationHeaderMalformed
	AWS_SECRET_ACCESS_KEY=wrong refuses s3 keys "$BUCKET"
	says SignatureDoesNotMatch
	refuses s3 put "$BUCKET" key /dev/null 'content-md5:AAAAAAAAAAAAAAAAAAAAAA=='
	says BadDigest
}

test_proxy_does_as_told() {
	s3_strict
	seq 20000 | s3 put "$BUCKET" key -
	s3_proxy '[{"damage": "response"}]'
	[ "$(s3 get "$BUCKET" key | cksum)" != "$(seq 20000 | cksum)" ] || fail 'not damaged'
	s3_faults '[{"damage": "request"}]'
	refuses s3 put "$BUCKET" other "$S3_SERVERS/s3.py"
	says XAmzContentSHA256Mismatch
	s3_faults '[{"cut": "response", "after": 1000}]'
	refuses s3 get "$BUCKET" key
	says '1000 bytes read'
	s3_faults '[{"reply": {"status": 503, "code": "SlowDown"}, "skip": 1, "times": 1}]'
	s3 keys "$BUCKET"
	refuses s3 keys "$BUCKET"
	says SlowDown
	equals "$(s3 keys "$BUCKET")" key
	equals "$(s3_requests ' 503 1 reply')" 1
}

test_a_million_objects() {
	s3_million 3000
	equals "$(s3_keys assets/ | wc -l | tr -d ' ')" 3000
	equals "$(s3_requests '^GET ')" 3
	s3_agrees
	printf 1 | s3 put "$BUCKET" assets/.shipit/index.json - 'if-none-match:*'
	refuses s3 put "$BUCKET" assets/.shipit/index.json /dev/null 'if-none-match:*'
	s3 delete "$BUCKET" "$(s3_keys assets/ff/ | head -n 1)"
	equals "$(s3_keys assets/ | wc -l | tr -d ' ')" 2999
}

run_tests
