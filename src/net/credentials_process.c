/* credential_process: a program of the user's own that prints keys.
 * https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html */
#include "crypto/key.h"
#include "net/credentials_internal.h"
#include "proc/child.h"

enum { OUTPUT_MAXIMUM = 1 << 16, TIMEOUT = 60000 };

/* One word, from its first byte on; the cursor is behind it then. */
static int read_word(const char **cursor, struct buffer *word, struct error *err)
{
	const char *at = *cursor;
	char quote = '\0';

	for (; *at && (quote || !strchr(" \t\r\n", *at)); at++) {
		if (*at == quote) {
			quote = '\0';
		} else if (!quote && (*at == '"' || *at == '\'')) {
			quote = *at;
		} else if (*at == '\\' && quote != '\'' &&
			   (!quote || at[1] == '"' || at[1] == '\\')) {
			if (!*++at)
				return error_set(err, "it ends in a single '\\'");
			buffer_add_char(word, *at);
		} else {
			buffer_add_char(word, *at);
		}
	}
	*cursor = at;
	return quote ? error_set(err, "a quotation (%c) does not end", quote) : 0;
}

int words_split(struct arena *arena, const char *text, struct text_list *words, struct error *err)
{
	struct buffer word;
	int result = 0;

	buffer_init(&word, strlen(text) + 1);
	for (text += strspn(text, " \t\r\n"); *text && !result; text += strspn(text, " \t\r\n")) {
		buffer_clear(&word);
		result = read_word(&text, &word, err);
		if (!result)
			text_list_add(arena, words, arena_string(arena, word.data));
	}
	buffer_release(&word);
	return result;
}

static int read_output(const struct buffer *output, struct credentials *out, struct error *err)
{
	static const struct key_names names = {"AccessKeyId", "SecretAccessKey", "SessionToken",
					       "Expiration"};
	json_t *answer =
		output->overflowed ? NULL : json_loadb(output->data, output->length, 0, NULL);
	int result;

	if (!json_is_object(answer))
		result = error_set(err, "it printed no JSON object on stdout");
	else if (json_integer_value(json_object_get(answer, "Version")) != 1)
		result = error_set(err, "what it printed has another \"Version\" than 1");
	else
		result = credentials_from_json(answer, &names, out, err);
	json_decref(answer);
	return result;
}

static int run(const struct text_list *words, struct credentials *out, struct error *err)
{
	/* In our session, so that it can ask for a code or a touch. */
	const struct child_options options = {
		.arguments = words->items,
		.same_session = true,
		.timeout = TIMEOUT,
		.output_maximum = OUTPUT_MAXIMUM,
	};
	struct child_result ran;
	int result = child_run_ok(&options, &ran, err);

	if (!result)
		result = read_output(&ran.output, out, err);
	memory_wipe(ran.output.data, ran.output.length);
	child_result_release(&ran);
	return result;
}

enum found credentials_from_process(struct search *search, const char *profile,
				    struct credentials *out, struct error *err)
{
	const char *command = profile_value(search, profile, "credential_process");
	struct text_list words = {0};

	if (!command)
		return FOUND_NOTHING;
	int result = words_split(&search->arena, command, &words, err);
	text_list_add(&search->arena, &words, NULL);
	if (!result)
		result = run(&words, out, err);
	if (result) {
		error_wrap(err, "the credential_process of the profile '%s'", profile);
		return profile_error_at(search, profile, "credential_process", err);
	}
	out->source = secret_copy(arena_format(
		&search->arena, "the credential_process of the profile '%s'", profile));
	out->renew = secret_copy(arena_format(&search->arena,
					      "See what the credential_process of the profile "
					      "'%s' says: %s",
					      profile, words.items[0]));
	return FOUND;
}
