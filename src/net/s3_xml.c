/* Bodies in XML: pages of a listing, refusals of a deletion, errors. */
#include "base/clock.h"
#include "net/s3_internal.h"
#include "net/xml_internal.h"

struct visit {
	struct s3_reading *reading;
	VEC(struct s3_object) objects;
	VEC(struct s3_refusal) refusals;
	struct s3_object object;
	struct s3_refusal refusal;
	const char *token, *etag, *upload;
	const char *expected;                                /* the root of what was asked for */
	bool is_encoded, is_truncated, is_expected, is_many; /* many: errors are those of keys */
	int depth;
};

static const char *plain_name(const char *name)
{
	const char *colon = strchr(name, ':');

	return colon ? colon + 1 : name;
}

static int opens(void *context, const char *name, struct error *err)
{
	struct visit *visit = context;
	(void)err;

	name = plain_name(name);
	if (!visit->depth++) {
		visit->reading->is_error = !strcmp(name, "Error");
		visit->is_expected = visit->expected && !strcmp(name, visit->expected);
	}
	if (!strcmp(name, "Contents") || !strcmp(name, "CommonPrefixes"))
		visit->object = (struct s3_object){.key = "", .etag = ""};
	if (!strcmp(name, "Error"))
		visit->refusal = (struct s3_refusal){"", "", ""};
	return 0;
}

/* ---- what is in an element ---- */

static void take_key(struct visit *visit, const char *text)
{
	visit->object.key = visit->refusal.key = text;
}

static void take_prefix(struct visit *visit, const char *text)
{
	visit->object.key = text;
	visit->object.is_prefix = true;
}

/* Not all servers put it in quotes here, as their headers do. */
static void take_etag(struct visit *visit, const char *text)
{
	if (*text && *text != '"')
		text = arena_format(&visit->reading->arena, "\"%s\"", text);
	visit->object.etag = visit->etag = text;
}

static void take_size(struct visit *visit, const char *text)
{
	visit->object.size = strtoll(text, NULL, 10);
}

static void take_modified(struct visit *visit, const char *text)
{
	struct error ignored = {0};

	if (time_parse(text, &visit->object.modified, &ignored))
		visit->object.modified = 0;
}

static void take_code(struct visit *visit, const char *text)
{
	visit->refusal.code = text;
	if (visit->reading->is_error)
		visit->reading->answer.code = text;
}

static void take_message(struct visit *visit, const char *text)
{
	visit->refusal.message = text;
	if (visit->reading->is_error)
		visit->reading->message = text;
}

static void take_region(struct visit *visit, const char *text)
{
	visit->reading->region = text;
}

static void take_upload(struct visit *visit, const char *text)
{
	visit->upload = text;
}

static void take_truncated(struct visit *visit, const char *text)
{
	visit->is_truncated = !strcmp(text, "true");
}

static void take_token(struct visit *visit, const char *text)
{
	visit->token = text;
}

static void take_encoding(struct visit *visit, const char *text)
{
	visit->is_encoded = !strcmp(text, "url");
}

static void take_object(struct visit *visit, const char *text)
{
	(void)text;
	if (*visit->object.key)
		vec_push(&visit->reading->arena, &visit->objects, visit->object);
}

static void take_refusal(struct visit *visit, const char *text)
{
	(void)text;
	if (visit->is_many && !visit->reading->is_error)
		vec_push(&visit->reading->arena, &visit->refusals, visit->refusal);
}

static const struct {
	const char *name;
	void (*take)(struct visit *visit, const char *text);
} elements[] = {
	{"Key", take_key},
	{"Size", take_size},
	{"ETag", take_etag},
	{"LastModified", take_modified},
	{"Contents", take_object},
	{"Prefix", take_prefix},
	{"CommonPrefixes", take_object},
	{"Code", take_code},
	{"Message", take_message},
	{"Region", take_region},
	{"Error", take_refusal},
	{"UploadId", take_upload},
	{"IsTruncated", take_truncated},
	{"NextContinuationToken", take_token},
	{"EncodingType", take_encoding},
};

static int closes(void *context, const char *name, const char *text, struct error *err)
{
	struct visit *visit = context;
	(void)err;

	visit->depth--;
	name = plain_name(name);
	for (size_t i = 0; i < sizeof(elements) / sizeof(*elements); i++) {
		if (strcmp(elements[i].name, name) != 0)
			continue;
		elements[i].take(visit, arena_string(&visit->reading->arena, text));
		break;
	}
	return 0;
}

/* ---- the whole ---- */

static int digit(char byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	byte = (char)(byte | 0x20);
	return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* In place: it never becomes longer. */
static void decode(char *text)
{
	char *out = text;

	for (; *text; text++) {
		int high = *text == '%' ? digit(text[1]) : -1;
		int low = high >= 0 ? digit(text[2]) : -1;
		if (low >= 0)
			text += 2;
		if (low >= 0)
			*out++ = (char)(high << 4 | low);
		else
			*out++ = (char)(*text == '+' ? ' ' : *text);
	}
	*out = '\0';
}

void s3_xml_read(int action, const struct buffer *body, struct s3_reading *reading)
{
	static const struct xml_visitor visitor = {.open = opens, .close = closes};
	static const char *const roots[S3_ACTIONS] = {
		[S3_COPY] = "CopyObjectResult",
		[S3_LIST] = "ListBucketResult",
		[S3_DELETE_MANY] = "DeleteResult",
		[S3_PARTS_CREATE] = "InitiateMultipartUploadResult",
		[S3_PARTS_COMPLETE] = "CompleteMultipartUploadResult",
	};
	struct visit visit = {
		.reading = reading,
		.expected = roots[action],
		.is_many = action == S3_DELETE_MANY,
	};
	struct s3_answer *answer = &reading->answer;
	struct error err = {0};

	/* An error's page may be anybody's, a proxy's perhaps: its status tells enough then. */
	if (xml_read(body->data, body->length, &visitor, &visit, &err) ||
	    (!visit.is_expected && !reading->is_error) || (visit.is_truncated && !visit.token)) {
		reading->is_damaged = answer->status < 300;
		return;
	}
	for (size_t i = 0; visit.is_encoded && i < visit.objects.count; i++)
		decode((char *)(uintptr_t)visit.objects.items[i].key);
	answer->objects = visit.objects.items;
	answer->object_count = visit.objects.count;
	answer->refusals = visit.refusals.items;
	answer->refusal_count = visit.refusals.count;
	answer->token = visit.is_truncated ? visit.token : NULL;
	if (action == S3_PARTS_CREATE)
		answer->token = visit.upload;
	if (visit.etag && !*answer->etag && action != S3_LIST)
		answer->etag = visit.etag;
}
