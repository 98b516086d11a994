/* Why a request failed, as a sentence's second half, and what to do. */
#include "base/clock.h"
#include "net/s3_internal.h"

enum { CLOCK_ALLOWED = 60000 };

struct sentence {
	const char *code;
	void (*say)(const struct s3_transfer *transfer, const struct s3_reading *reading,
		    struct error *reason);
};

static const char *access_key(const struct s3 *s3)
{
	return s3->has_credentials ? s3->credentials.access_key : "?";
}

static const char *keys_source(const struct s3 *s3)
{
	return s3->credentials.source ? s3->credentials.source : "what was given";
}

/* ---- S3's words ---- */

static void say_denied(const struct s3_transfer *transfer, const struct s3_reading *reading,
		       struct error *reason)
{
	const struct s3 *s3 = transfer->s3;
	const struct s3_action_row *row = s3_action_row(transfer->action);
	bool reads = transfer->action == S3_GET || transfer->action == S3_HEAD;
	const char *message = reading->message;

	error_set(reason,
		  "access denied: the access key %s (from %s) may not do %s on "
		  "arn:aws:s3:::%s%s%s",
		  access_key(s3), keys_source(s3), row->permission, s3->options.bucket,
		  row->of_bucket && transfer->action != S3_DELETE_MANY ? "" : "/",
		  transfer->action == S3_DELETE_MANY ? "*" : transfer->key);
	if (message && strstr(message, "not authorized to perform"))
		error_hint(reason, "%s says: %s", s3->place.host, message);
	else
		error_hint(reason, "allow it in the policy of that key or of the bucket%s",
			   reads ? "; without s3:ListBucket S3 says the same of what is not there"
				 : "");
}

static void say_no_bucket(const struct s3_transfer *transfer, const struct s3_reading *reading,
			  struct error *reason)
{
	const struct s3 *s3 = transfer->s3;

	(void)reading;
	error_set(reason, "there is no bucket '%s' at %s", s3->options.bucket, s3->place.host);
	error_hint(reason, "create it, or correct the address or the endpoint");
}

static void say_clock(const struct s3_transfer *transfer, const struct s3_reading *reading,
		      struct error *reason)
{
	const struct s3 *s3 = transfer->s3;
	int64_t ahead = reading->date ? reading->date - clock_now(s3->options.clock) : 0;
	char text[32];

	error_set(reason, "the clock of this machine is %s %s that of %s",
		  duration_format(text, ahead < 0 ? -ahead : ahead),
		  ahead < 0 ? "ahead of" : "behind", s3->place.host);
	error_hint(reason, "set this machine's clock");
}

static void say_signature(const struct s3_transfer *transfer, const struct s3_reading *reading,
			  struct error *reason)
{
	const struct s3 *s3 = transfer->s3;
	int64_t ahead = reading->date ? reading->date - s3_now(s3) : 0;

	if (ahead > CLOCK_ALLOWED || ahead < -CLOCK_ALLOWED) {
		say_clock(transfer, reading, reason);
		return;
	}
	error_set(reason,
		  "%s refuses the signature: the secret key does not belong to the access key %s "
		  "(from %s)",
		  s3->place.host, access_key(s3), keys_source(s3));
	error_hint(reason,
		   "look whether the secret key was copied whole, without blanks around it");
}

static void say_unknown_key(const struct s3_transfer *transfer, const struct s3_reading *reading,
			    struct error *reason)
{
	const struct s3 *s3 = transfer->s3;

	(void)reading;
	error_set(reason, "%s does not know the access key %s (from %s)", s3->place.host,
		  access_key(s3), keys_source(s3));
	error_hint(reason, "is it for another store, or was it deleted? Its endpoint: %s",
		   s3->place.host);
}

static void say_expired(const struct s3_transfer *transfer, const struct s3_reading *reading,
			struct error *reason)
{
	const struct s3 *s3 = transfer->s3;

	(void)reading;
	error_set(reason, "the credentials from %s have expired", keys_source(s3));
	error_hint(reason, "%s",
		   s3->credentials.renew ? s3->credentials.renew
					 : "log in again and set the new ones");
}

static void say_token(const struct s3_transfer *transfer, const struct s3_reading *reading,
		      struct error *reason)
{
	const struct s3 *s3 = transfer->s3;

	(void)reading;
	error_set(reason,
		  "%s refuses the session token that belongs to the access key %s (from %s)",
		  s3->place.host, access_key(s3), keys_source(s3));
	error_hint(reason, "%s",
		   s3->credentials.renew ? s3->credentials.renew
					 : "set AWS_SESSION_TOKEN together with the two keys that "
					   "came with it, or not at all");
}

static void say_region(const struct s3_transfer *transfer, const struct s3_reading *reading,
		       struct error *reason)
{
	const struct s3 *s3 = transfer->s3;

	error_set(reason, "the bucket is not in the region %s%s%s", s3->region,
		  reading->region ? " but in " : "", reading->region ? reading->region : "");
	error_hint(reason, "set region: (or AWS_REGION) to the bucket's own");
}

static void say_missing(const struct s3_transfer *transfer, const struct s3_reading *reading,
			struct error *reason)
{
	(void)transfer;
	(void)reading;
	error_set(reason, "there is no such object");
}

static void say_conflict(const struct s3_transfer *transfer, const struct s3_reading *reading,
			 struct error *reason)
{
	bool absent = false;

	for (size_t i = 0; i < transfer->line_count; i++)
		absent = absent || !strcmp(transfer->lines[i], "if-none-match:*");
	error_set(reason, reading->answer.status == 304 ? "it is what it was"
			  : absent                      ? "it is there already"
							: "somebody else has written it meanwhile");
}

static void say_damaged(const struct s3_transfer *transfer, const struct s3_reading *reading,
			struct error *reason)
{
	(void)reading;
	error_set(reason, "what arrives at %s is not what was sent, %d times in a row",
		  transfer->s3->place.host, transfer->tries);
	error_hint(reason,
		   "something between here and there changes the bytes: try it from another "
		   "network or over https");
}

static void say_slow(const struct s3_transfer *transfer, const struct s3_reading *reading,
		     struct error *reason)
{
	error_set(reason, "%s asks to slow down (%d %s), still after %d tries",
		  transfer->s3->place.host, reading->answer.status, reading->answer.code,
		  transfer->tries);
	error_hint(reason, "run it again later, or with a lower concurrency");
}

static const struct sentence sentences[] = {
	{"AccessDenied", say_denied},
	{"AuthorizationHeaderMalformed", say_region},
	{"BadDigest", say_damaged},
	{"ExpiredToken", say_expired},
	{"IllegalLocationConstraintException", say_region},
	{"InvalidAccessKeyId", say_unknown_key},
	{"InvalidRegion", say_region},
	{"InvalidToken", say_token},
	{"NoSuchBucket", say_no_bucket},
	{"NoSuchKey", say_missing},
	{"PermanentRedirect", say_region},
	{"PreconditionFailed", say_conflict},
	{"RequestTimeTooSkewed", say_clock},
	{"SignatureDoesNotMatch", say_signature},
	{"SlowDown", say_slow},
	{"TemporaryRedirect", say_region},
	{"TokenRefreshRequired", say_expired},
	{"XAmzContentChecksumMismatch", say_damaged},
	{"XAmzContentSHA256Mismatch", say_damaged},
};

static const struct {
	int status;
	const char *code; /* whose sentence fits, when the answer had no words */
} statuses[] = {
	{301, "PermanentRedirect"}, {304, "PreconditionFailed"}, {307, "TemporaryRedirect"},
	{403, "AccessDenied"},      {404, "NoSuchKey"},          {412, "PreconditionFailed"},
	{429, "SlowDown"},          {503, "SlowDown"},
};

static const struct sentence *sentence_find(const char *code)
{
	for (size_t i = 0; i < sizeof(sentences) / sizeof(*sentences); i++)
		if (!strcmp(sentences[i].code, code))
			return &sentences[i];
	return NULL;
}

static const struct sentence *sentence_of(const struct s3_answer *answer)
{
	const struct sentence *found = sentence_find(answer->code);

	for (size_t i = 0; !found && i < sizeof(statuses) / sizeof(*statuses); i++)
		if (statuses[i].status == answer->status)
			found = sentence_find(statuses[i].code);
	return found;
}

/* ---- no answer ---- */

static void say_nothing_came(const struct s3_transfer *transfer, const struct s3_reading *reading,
			     struct error *reason)
{
	const struct s3 *s3 = transfer->s3;
	char text[32];

	if (reading->sunk)
		error_set(reason, "what arrived could not be kept");
	else if (reading->changed)
		error_set(reason, "%s became shorter while it was being sent", transfer->body.path);
	else if (reading->curl == CURLE_WRITE_ERROR)
		error_set(reason, "it is longer than %s",
			  size_format(text, (int64_t)transfer->maximum_body));
	else if (reading->timed_out)
		error_set(reason, "nothing came from %s any more, or went there (%d tries)",
			  s3->place.host, transfer->tries);
	else
		error_set(reason, "no answer from %s: %s (%d tries)", s3->place.host,
			  reading->words, transfer->tries);
	if (reading->curl == CURLE_COULDNT_RESOLVE_HOST)
		error_hint(reason, "look at the endpoint, the region and the network");
}

void s3_explain(const struct s3_transfer *transfer, const struct s3_reading *reading,
		struct error *reason)
{
	const struct s3_answer *answer = &reading->answer;
	const struct sentence *sentence = sentence_of(answer);

	if (reading->curl != CURLE_OK) {
		say_nothing_came(transfer, reading, reason);
	} else if (reading->is_damaged) {
		error_set(reason, "what came from %s is damaged or incomplete (%d tries)",
			  transfer->s3->place.host, transfer->tries);
	} else if (answer->refusal_count) {
		error_set(reason, "%zu keys were refused, the first is '%s': %s %s",
			  answer->refusal_count, answer->refusals[0].key, answer->refusals[0].code,
			  answer->refusals[0].message);
	} else if (sentence) {
		sentence->say(transfer, reading, reason);
	} else {
		error_set(reason, "%s answered %d%s%s%s%s", transfer->s3->place.host,
			  answer->status, *answer->code ? " " : "", answer->code,
			  reading->message ? ": " : "", reading->message ? reading->message : "");
	}
}
