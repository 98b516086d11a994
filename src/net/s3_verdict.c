/* What an answer means: S3's words first, then the status, then curl's code. */
#include "net/s3_internal.h"

struct code_row {
	const char *code;
	enum s3_verdict verdict;
};

/* https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, and what others say. */
static const struct code_row codes[] = {
	{"AccessDenied", S3_VERDICT_DENIED},
	{"AllAccessDisabled", S3_VERDICT_FATAL},
	{"AuthorizationHeaderMalformed", S3_VERDICT_REGION},
	{"BadDigest", S3_VERDICT_CHANGED},
	{"BandwidthLimitExceeded", S3_VERDICT_SLOWER},
	{"ConditionalRequestConflict", S3_VERDICT_AGAIN},
	{"ExpiredToken", S3_VERDICT_RENEW},
	{"IllegalLocationConstraintException", S3_VERDICT_REGION},
	{"IncompleteBody", S3_VERDICT_AGAIN},
	{"InternalError", S3_VERDICT_AGAIN},
	{"InvalidAccessKeyId", S3_VERDICT_FATAL},
	{"InvalidBucketName", S3_VERDICT_FATAL},
	{"InvalidDigest", S3_VERDICT_CHANGED},
	{"InvalidRegion", S3_VERDICT_REGION},
	{"InvalidToken", S3_VERDICT_FATAL},
	{"NoSuchBucket", S3_VERDICT_FATAL},
	{"NotSignedUp", S3_VERDICT_FATAL},
	{"OperationAborted", S3_VERDICT_AGAIN},
	{"PermanentRedirect", S3_VERDICT_REGION},
	{"PriorRequestNotComplete", S3_VERDICT_SLOWER},
	{"Redirect", S3_VERDICT_REGION},
	{"RequestLimitExceeded", S3_VERDICT_SLOWER},
	{"RequestTimeTooSkewed", S3_VERDICT_SKEW},
	{"RequestTimeout", S3_VERDICT_AGAIN},
	{"ServiceUnavailable", S3_VERDICT_SLOWER},
	{"SignatureDoesNotMatch", S3_VERDICT_FATAL},
	{"SlowDown", S3_VERDICT_SLOWER},
	{"SlowDownRead", S3_VERDICT_SLOWER},
	{"SlowDownWrite", S3_VERDICT_SLOWER},
	{"TemporaryRedirect", S3_VERDICT_REGION},
	{"Throttling", S3_VERDICT_SLOWER},
	{"ThrottlingException", S3_VERDICT_SLOWER},
	{"TokenRefreshRequired", S3_VERDICT_RENEW},
	{"TooManyRequests", S3_VERDICT_SLOWER},
	{"XAmzContentChecksumMismatch", S3_VERDICT_CHANGED},
	{"XAmzContentSHA256Mismatch", S3_VERDICT_CHANGED},
};

enum { SKEW_ALLOWED = 300000 };

static enum s3_verdict judge_curl(const struct s3_reading *reading)
{
	static const CURLcode passing[] = {
		CURLE_COULDNT_RESOLVE_PROXY,
		CURLE_COULDNT_RESOLVE_HOST,
		CURLE_COULDNT_CONNECT,
		CURLE_OPERATION_TIMEDOUT,
		CURLE_SSL_CONNECT_ERROR,
		CURLE_GOT_NOTHING,
		CURLE_SEND_ERROR,
		CURLE_RECV_ERROR,
		CURLE_PARTIAL_FILE,
		CURLE_HTTP2,
		CURLE_HTTP2_STREAM,
		CURLE_SEND_FAIL_REWIND,
	};

	if (reading->sunk || reading->changed)
		return S3_VERDICT_END;
	for (size_t i = 0; i < sizeof(passing) / sizeof(*passing); i++)
		if (reading->curl == passing[i])
			return S3_VERDICT_AGAIN;
	/* A longer body than was allowed is this request's matter; a certificate is everybody's. */
	return reading->curl == CURLE_WRITE_ERROR ? S3_VERDICT_END : S3_VERDICT_FATAL;
}

static enum s3_verdict judge_status(int status)
{
	if (status == 429 || status == 503)
		return S3_VERDICT_SLOWER;
	if (status == 408 || status == 425 || (status >= 500 && status != 501))
		return S3_VERDICT_AGAIN;
	if (status == 301 || status == 307 || status == 308)
		return S3_VERDICT_REGION;
	if (status == 401 || status == 403)
		return S3_VERDICT_DENIED;
	return S3_VERDICT_END;
}

/* Answers to HEAD have no words: only the headers tell why. */
static enum s3_verdict judge_head(const struct s3_transfer *transfer,
				  const struct s3_reading *reading)
{
	const struct s3 *s3 = transfer->s3;
	int64_t ahead = reading->date ? reading->date - s3_now(s3) : 0;

	if (reading->answer.status != 400 && reading->answer.status != 403)
		return judge_status(reading->answer.status);
	if (!transfer->redirected && reading->region && strcmp(reading->region, s3->region))
		return S3_VERDICT_REGION;
	if (!transfer->skewed && (ahead > SKEW_ALLOWED || ahead < -SKEW_ALLOWED))
		return S3_VERDICT_SKEW;
	return judge_status(reading->answer.status);
}

/* Some stores refuse a header that they do not know. */
static bool checksum_is_unknown(const struct s3_transfer *transfer,
				const struct s3_reading *reading)
{
	return transfer->checked && reading->message &&
	       (reading->answer.status == 400 || reading->answer.status == 501) &&
	       strstr(reading->message, "x-amz-checksum") &&
	       strcmp(reading->answer.code, "BadDigest") != 0;
}

/* radosgw compares the bytes of If-Match with an ETag without quotes, so that none ever holds. It
 * is known by the name that it gives to requests; Swift's are alike but have a second one. */
static bool wants_no_quotes(const struct s3_transfer *transfer, const struct s3_reading *reading)
{
	char name[128];

	if (reading->answer.status != 412 ||
	    (transfer->action != S3_PUT && transfer->action != S3_PARTS_COMPLETE) ||
	    s3_header(&reading->answer, "x-openstack-request-id", name, sizeof(name)))
		return false;
	if (!s3_header(&reading->answer, "x-amz-request-id", name, sizeof(name)) ||
	    strncmp(name, "tx", 2) != 0 || strspn(name + 2, "0123456789abcdef") < 21)
		return false;
	for (size_t i = 0; i < transfer->line_count; i++)
		if (!strncmp(transfer->lines[i], "if-match:\"", 10))
			return true;
	return false;
}

static enum s3_verdict verdict_of(const char *code, enum s3_verdict otherwise)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		if (!strcmp(codes[i].code, code))
			return codes[i].verdict;
	return otherwise;
}

/* Whether some of the keys were refused for now only: deleting the others again does no harm. */
static bool refusals_may_pass(const struct s3_answer *answer)
{
	for (size_t i = 0; i < answer->refusal_count; i++) {
		enum s3_verdict verdict = verdict_of(answer->refusals[i].code, S3_VERDICT_END);
		if (verdict == S3_VERDICT_AGAIN || verdict == S3_VERDICT_SLOWER)
			return true;
	}
	return false;
}

enum s3_verdict s3_judge(const struct s3_transfer *transfer, const struct s3_reading *reading)
{
	if (reading->curl != CURLE_OK)
		return judge_curl(reading);
	if (reading->is_damaged)
		return S3_VERDICT_AGAIN;
	if (reading->answer.status < 300 && !reading->is_error)
		return refusals_may_pass(&reading->answer) ? S3_VERDICT_AGAIN : S3_VERDICT_END;
	if (transfer->action == S3_HEAD)
		return judge_head(transfer, reading);
	if (checksum_is_unknown(transfer, reading))
		return S3_VERDICT_PLAIN;
	if (wants_no_quotes(transfer, reading))
		return S3_VERDICT_UNQUOTE;
	/* An error inside of a 200 was a time-out of the server's own. */
	return verdict_of(reading->answer.code, reading->answer.status < 300
							? S3_VERDICT_AGAIN
							: judge_status(reading->answer.status));
}

static bool has_condition(const struct s3_transfer *transfer)
{
	for (size_t i = 0; i < transfer->line_count; i++)
		if (!strncmp(transfer->lines[i], "if-match:", 9))
			return true;
	return false;
}

enum s3_outcome s3_outcome_of(const struct s3_transfer *transfer, const struct s3_reading *reading)
{
	int status = reading->answer.status, action = transfer->action;

	if (reading->curl != CURLE_OK)
		return S3_FAILED;
	if (status < 300)
		return S3_DONE;
	if (status == 412 || status == 304)
		return S3_CONFLICT;
	if (status != 404)
		return S3_FAILED;
	if (action == S3_GET || action == S3_HEAD || action == S3_COPY)
		return S3_MISSING;
	if (action == S3_DELETE && !has_condition(transfer))
		return S3_DONE;
	return has_condition(transfer) ? S3_CONFLICT : S3_FAILED;
}
