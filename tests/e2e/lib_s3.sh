# shellcheck shell=bash disable=SC2034
# S3 for end-to-end tests; source it after lib.sh.
#
#   s3_bucket                   a bucket of the test's own on the real server (radosgw), as $BUCKET;
#                               exports AWS_* for it. Skips where there is no radosgw
#   s3_strict [ARGS...]         the strict little server instead (its arguments), with a bucket $BUCKET;
#                               s3_as READER|SESSION|EXPIRED|TESTER chooses who we are there
#   s3_as_other                 on the real server: somebody who owns nothing
#   s3_readonly                 lets that one read $BUCKET
#   s3_million COUNT [PREFIX]   the server that seems to hold COUNT objects, with any bucket
#   s3_proxy [RULES]            the fault proxy before the server in use; AWS_ENDPOINT_URL is the proxy's;
#                               s3_direct ARGS... still asks the server itself
#   s3_faults RULES             other rules from now on
#   s3 ARGS...                  tests/servers/s3.py
#   s3_mark; s3_requests [REGEX]  how many requests the server saw since the mark that match
#                               `METHOD TARGET STATUS`; s3_seen prints them
#   s3_keys [PREFIX]            keys below it, less .shipit/, sorted
#   s3_agrees [PREFIX]          fails unless rclone sees what we see: keys, sizes and MD5
#   s3_header KEY NAME          one header of an object

S3_SERVERS=$ROOT/tests/servers
S3_MILLION=${OUT:-build/release}/servers/million_s3	# OUT is tools/check's here, a test's own later
case $S3_MILLION in /*) ;; *) S3_MILLION=$ROOT/$S3_MILLION ;; esac
# Nobody's account, and no way to find one.
unset "${!AWS_@}" "${!RCLONE_@}"
export AWS_EC2_METADATA_DISABLED=true
if [ -z "${TEST_S3_ENDPOINT:-}" ] && "$S3_SERVERS/ceph.sh" ready 2>/dev/null; then
	S3_OWN=$(mktemp -d "${TMPDIR:-/tmp}/shipit-s3.XXXXXX")
	trap '"$S3_SERVERS/ceph.sh" stop "$S3_OWN"; rm -rf "$S3_OWN"' EXIT
	"$S3_SERVERS/ceph.sh" start "$S3_OWN" $$ && . "$S3_OWN/env"
fi

s3() { "$S3_SERVERS/s3.py" "$@"; }
s3_direct() { AWS_ENDPOINT_URL=$S3_DIRECT "$S3_SERVERS/s3.py" "$@"; }

s3_use() {
	export AWS_ENDPOINT_URL=$1 AWS_REGION=$2 AWS_ACCESS_KEY_ID=$3 AWS_SECRET_ACCESS_KEY=$4
	S3_DIRECT=$1 S3_LOG=$5 S3_MARK=0
}

s3_bucket() {
	[ -n "${TEST_S3_ENDPOINT:-}" ] || skip 'no radosgw here: tools/deps --tests unpacks it on Debian and Ubuntu'
	s3_use "$TEST_S3_ENDPOINT" "$TEST_S3_REGION" "$TEST_S3_KEY" "$TEST_S3_SECRET" "$TEST_S3_LOG"
	BUCKET=t-$$-$(basename "$TEST_FOLDER" | tr -cd '[:alnum:]' | tr '[:upper:]' '[:lower:]')-$RANDOM
	s3 make-bucket "$BUCKET"
}

s3_as_other() {
	export AWS_ACCESS_KEY_ID=$TEST_S3_OTHER_KEY AWS_SECRET_ACCESS_KEY=$TEST_S3_OTHER_SECRET
}

s3_readonly() {
	s3_direct policy "$BUCKET" - <<-END
		{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
		"Principal": {"AWS": ["arn:aws:iam:::user/other"]}, "Action": ["s3:GetObject", "s3:ListBucket"],
		"Resource": ["arn:aws:s3:::$BUCKET", "arn:aws:s3:::$BUCKET/*"]}]}
	END
}

# A server of this test: NAME PROGRAM ARGS...; its environment is read once it answers.
s3_server() {
	local folder=$TEST_FOLDER/$1 program=$2
	shift 2
	"$program" "$folder" "$@" 2>"$folder.err" &
	cleanup "kill $!"
	wait_until 20 test -e "$folder/env"
	. "$folder/env"
}

s3_strict() {
	BUCKET=strict
	s3_server strict "$S3_SERVERS/strict_s3.py" --bucket "$BUCKET" "$@"
	s3_use "$STRICT_S3_ENDPOINT" "$STRICT_S3_REGION" "$STRICT_S3_TESTER_KEY" \
		"$STRICT_S3_TESTER_SECRET" "$STRICT_S3_LOG"
}

s3_as() {
	local key=STRICT_S3_$1_KEY secret=STRICT_S3_$1_SECRET
	export AWS_ACCESS_KEY_ID=${!key} AWS_SECRET_ACCESS_KEY=${!secret}
	case $1 in
	SESSION | EXPIRED) export AWS_SESSION_TOKEN=session-token ;;
	*) unset AWS_SESSION_TOKEN ;;
	esac
}

s3_million() {
	BUCKET=million
	s3_server million "$S3_MILLION" "$@"
	s3_use "$MILLION_S3_ENDPOINT" us-east-1 anybody anything "$MILLION_S3_LOG"
}

s3_proxy() {
	s3_server proxy "$S3_SERVERS/fault_proxy.py" "$S3_DIRECT" ${1:+"$1"}
	export AWS_ENDPOINT_URL=$PROXY_ENDPOINT
	S3_LOG=$PROXY_LOG S3_MARK=0
}

s3_faults() {
	printf '%s\n' "$1" >"$TEST_FOLDER/proxy/rules.new"
	mv "$TEST_FOLDER/proxy/rules.new" "$TEST_FOLDER/proxy/rules"
}

# radosgw's log is that of all tests: this bucket's lines, spelled like the other servers' ones.
s3_log() {
	if [ "$S3_LOG" != "${TEST_S3_LOG:-}" ]; then
		cat "$S3_LOG"
		return
	fi
	local sync=sync-$RANDOM-$RANDOM
	curl -s -o /dev/null --noproxy '*' "$S3_DIRECT/$BUCKET?$sync"	# written behind all before it
	wait_until 10 grep -q -- "$sync" "$S3_LOG"
	sed -nE -e '/[?]sync-/d' -e "s/.* beast: .*\"([A-Z]+ \/${BUCKET}[\/? ].*) HTTP\/1\.[01]\" ([0-9]+) .*/\1 \2/p" "$S3_LOG"
}

s3_mark() { S3_MARK=$(s3_log | wc -l); }
s3_seen() { s3_log | tail -n "+$((S3_MARK + 1))"; }
s3_requests() { s3_seen | grep -cE -- "${1:-}" || :; }

s3_keys() { s3_direct keys "$BUCKET" "${1:-}" | grep -v '\.shipit/' | LC_ALL=C sort; }

s3_header() {
	s3_direct head "$BUCKET" "$1" | python3 -c 'import json, sys
print(json.load(sys.stdin).get(sys.argv[1], ""))' "$2"
}

s3_agrees() {
	command -v rclone >/dev/null || return 0
	RCLONE_CONFIG="$TEST_FOLDER/rclone.conf" RCLONE_CONFIG_T_TYPE=s3 RCLONE_CONFIG_T_PROVIDER=Other \
		RCLONE_CONFIG_T_ENV_AUTH=true RCLONE_CONFIG_T_ENDPOINT=$S3_DIRECT RCLONE_CONFIG_T_REGION=$AWS_REGION \
		RCLONE_CONFIG_T_ENCODING=None RCLONE_CONFIG_T_LIST_VERSION=2 \
		RCLONE_CONFIG_T_LIST_URL_ENCODE=true rclone lsjson -R --files-only --no-modtime --no-mimetype --hash \
		--hash-type md5 "T:$BUCKET/${1:-}" >"$TEST_FOLDER/rclone.json" 2>"$TEST_FOLDER/rclone.err" ||
		fail "rclone cannot list: $(cat "$TEST_FOLDER/rclone.err")"
	s3_direct list "$BUCKET" "${1:-}" | python3 -c '
import json, sys
prefix = sys.argv[2]
theirs = {prefix + r["Path"]: (r["Size"], r.get("Hashes", {}).get("md5", ""))
          for r in json.load(open(sys.argv[1]))}
# rclone spells control characters, . and .. by others that look like them.
part = lambda p: p.replace(".", "\uff0e") if p in (".", "..") else "".join(
    chr(0x2400 + ord(c)) if c < " " else "\u2421" if c == "\x7f" else c for c in p)
ours = {"/".join(map(part, r["key"].split("/"))): (r["size"], "" if "-" in r["etag"] else r["etag"])
        for r in json.load(sys.stdin)}
wrong = [k for k in sorted(set(ours) | set(theirs))
         if k not in ours or k not in theirs or ours[k][0] != theirs[k][0]
         or ours[k][1] and theirs[k][1] and ours[k][1] != theirs[k][1]]
for key in wrong[:10]:
    print("%r: here %s, rclone %s" % (key, ours.get(key), theirs.get(key)))
sys.exit(1 if wrong else 0)' "$TEST_FOLDER/rclone.json" "${1:-}" || fail 'rclone sees something else'
}
