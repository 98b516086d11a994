/* Regular expressions: PCRE2 with limits. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "base/regex.h"

#include <pcre2.h>

struct regex {
	pcre2_code *code;
	pcre2_match_context *context;
	size_t groups;
};

/* Enough for any sane expression on a page of megabytes; some tens of milliseconds at worst. */
#define MATCH_LIMIT 1000000u
#define DEPTH_LIMIT 50000u
#define HEAP_LIMIT_KIB 65536u

struct regex *regex_new(const char *pattern, int flags, struct error *err)
{
	uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C;
	struct regex *regex;
	uint32_t groups = 0;
	pcre2_code *code;
	size_t where;
	int problem;

	if (flags & REGEX_LINES)
		options |= PCRE2_MULTILINE;
	code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, options, &problem, &where,
			     NULL);
	if (!code) {
		unsigned char words[256];

		pcre2_get_error_message(problem, words, sizeof(words));
		error_set(err, "'%s' is not a regular expression: %s (at its character %zu)",
			  pattern, (char *)words, where + 1);
		return NULL;
	}
	regex = calloc(1, sizeof(*regex));
	if (!regex)
		abort();
	regex->code = code;
	regex->context = pcre2_match_context_create(NULL);
	if (!regex->context)
		abort();
	pcre2_set_match_limit(regex->context, MATCH_LIMIT);
	pcre2_set_depth_limit(regex->context, DEPTH_LIMIT);
	pcre2_set_heap_limit(regex->context, HEAP_LIMIT_KIB);
	pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &groups);
	regex->groups = groups;
	return regex;
}

void regex_free(struct regex *regex)
{
	if (!regex)
		return;
	pcre2_match_context_free(regex->context);
	pcre2_code_free(regex->code);
	free(regex);
}

void regex_cleanup(struct regex **regex)
{
	regex_free(*regex);
	*regex = NULL;
}

static void copy_spans(pcre2_match_data *data, size_t found, struct regex_span *spans, size_t count)
{
	const PCRE2_SIZE *offsets = pcre2_get_ovector_pointer(data);

	for (size_t i = 0; i < count; i++) {
		bool set = i < found && offsets[2 * i] != PCRE2_UNSET;

		spans[i].start = set ? offsets[2 * i] : SIZE_MAX;
		spans[i].end = set ? offsets[2 * i + 1] : SIZE_MAX;
	}
}

int regex_match(const struct regex *regex, const char *text, size_t length,
		struct regex_span *spans, size_t count, struct error *err)
{
	pcre2_match_data *data = pcre2_match_data_create_from_pattern(regex->code, NULL);
	int found;

	if (!data)
		abort();
	found = pcre2_match(regex->code, (PCRE2_SPTR)text, length, 0, 0, data, regex->context);
	if (found > 0)
		copy_spans(data, (size_t)found, spans, count);
	pcre2_match_data_free(data);
	if (found == PCRE2_ERROR_NOMATCH)
		return 0;
	if (found < 0) {
		unsigned char words[256];

		pcre2_get_error_message(found, words, sizeof(words));
		error_set(err, "the regular expression gave up on %zu bytes of text: %s", length,
			  (char *)words);
		return error_hint(err, "make the expression simpler: no nested repetitions");
	}
	return 1;
}

char *regex_extract(struct arena *arena, const struct regex *regex, const char *text, size_t length,
		    struct error *err)
{
	struct regex_span spans[2] = {0};
	const struct regex_span *span = &spans[regex->groups > 0 ? 1 : 0];

	if (regex_match(regex, text, length, spans, 2, err) <= 0 || span->start == SIZE_MAX)
		return NULL;
	return arena_bytes(arena, text + span->start, span->end - span->start);
}
