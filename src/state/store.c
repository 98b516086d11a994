/* The table of stores, and what they share. */
#include "state/store_internal.h"

#include <assert.h>
#include <stdarg.h>

#include "base/text.h"
#include "crypto/hash.h"

static const struct store_kind *const kinds[] = {
	&store_git,
	&store_git_branch,
	&store_file,
	&store_s3,
	NULL,
};

static const struct store_kind *kind_of(const char *state, const char **argument)
{
	for (const struct store_kind *const *kind = kinds; *kind; kind++) {
		const char *prefix = (*kind)->prefix;
		size_t length = strlen(prefix);
		bool takes = strchr(":/", prefix[length - 1]);
		if (takes ? text_starts_with(state, prefix) && state[length]
			  : text_equal(state, prefix)) {
			*argument = state + length;
			return *kind;
		}
	}
	return NULL;
}

int store_check(const char *state, struct error *err)
{
	const char *argument;
	const struct store_kind *kind = kind_of(state, &argument);
	if (kind)
		return kind->check ? kind->check(argument, err) : 0;
	error_set(err, "state '%s' is no place for the shared state", state);
	error_hint(err, "write `state: git` (refs on the remote), `state: git+branch`, "
			"`state: file:DIR` or `state: s3://BUCKET/PREFIX`");
	return error_code(err, EXIT_USAGE);
}

struct store *store_open(const struct store_options *options, struct error *err)
{
	const char *state = options->state ? options->state : "git";
	const char *argument;
	const struct store_kind *kind = kind_of(state, &argument);
	if (!kind) {
		int checked = store_check(state, err);
		assert(checked < 0);
		(void)checked;
		return NULL;
	}
	struct store *store = calloc(1, sizeof(*store));
	if (!store)
		abort();
	store->kind = kind;
	store->argument = arena_string(&store->arena, argument);
	store->offline = options->offline;
	if (kind->open(store, options, err) < 0) {
		store_free(store);
		return NULL;
	}
	return store;
}

void store_free(struct store *store)
{
	if (!store)
		return;
	if (store->kind->close)
		store->kind->close(store);
	arena_release(&store->arena);
	free(store);
}

const char *store_kind_name(const struct store *store)
{
	return store->kind->name;
}

int store_fetch(struct store *store, const struct store_fetch *fetch, struct error *err)
{
	return store->kind->fetch(store, fetch, err);
}

int store_probe(struct store *store, struct error *err)
{
	const struct store_fetch fetch = {0};
	return store->kind->probe ? store->kind->probe(store, err)
				  : store->kind->fetch(store, &fetch, err);
}

bool store_fetches_refspecs(const struct store *store)
{
	return store->kind->fetches_refspecs && !store->offline;
}

int64_t store_seen_at(const struct store *store)
{
	return store->seen_at;
}

const struct text_list *store_warnings(const struct store *store)
{
	return &store->warnings;
}

int store_read(struct store *store, const char *env, size_t limit, store_record_fn *record,
	       void *context, struct error *err)
{
	return store->kind->read(store, env, limit, record, context, err);
}

int store_tip(struct store *store, const char *env, char version[STORE_VERSION_SIZE],
	      struct error *err)
{
	return store->kind->tip(store, env, version, err);
}

int store_get(struct store *store, const char *env, const char *name, json_t **value,
	      char version[STORE_VERSION_SIZE], struct error *err)
{
	*value = NULL;
	version[0] = '\0';
	return store->kind->get(store, env, name, value, version, err);
}

int store_names(struct store *store, const char *env, const char *prefix, struct arena *arena,
		struct text_list *names, struct error *err)
{
	if (store->kind->names(store, env, prefix, arena, names, err) < 0)
		return -1;
	text_list_sort(names);
	return 0;
}

int store_write(struct store *store, const char *env, struct store_change *changes, size_t count,
		struct error *err)
{
	if (store->offline) {
		error_set(err, "the shared state of '%s' cannot be written with --offline", env);
		return error_code(err, EXIT_USAGE);
	}
	return count ? store->kind->write(store, env, changes, count, err) : 0;
}

char *store_name_encode(struct arena *arena, const char *name)
{
	static const char digits[] = "0123456789ABCDEF";
	char *text = arena_alloc(arena, 3 * strlen(name) + 1);
	char *out = text;
	for (; *name; name++) {
		unsigned char byte = (unsigned char)*name;
		if ((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
		    (byte >= '0' && byte <= '9') || byte == '_' || (byte == '-' && out > text)) {
			*out++ = (char)byte;
			continue;
		}
		*out++ = '%';
		*out++ = digits[byte >> 4];
		*out++ = digits[byte & 15];
	}
	*out = '\0';
	return text;
}

void store_warn(struct store *store, const char *format, ...)
{
	struct buffer text;
	va_list args;
	buffer_init(&text, 4096);
	va_start(args, format);
	buffer_add_vformat(&text, format, args);
	va_end(args);
	const char *copy = arena_bytes(&store->arena, text.data, text.length);
	vec_push(&store->arena, &store->warnings, copy);
	buffer_release(&text);
}

char *store_value_write(json_t *value, size_t *length, struct error *err)
{
	if (json_is_object(value)) {
		char nonce[STORE_NONCE_SIZE];
		random_hex(nonce, sizeof(nonce));
		json_object_set_new(value, "nonce", json_string(nonce));
	}
	char *text = json_dumps(value, JSON_SORT_KEYS | JSON_INDENT(1) | JSON_ENCODE_ANY);
	if (!text) {
		error_set(err, "a value for the shared state is not valid text (UTF-8)");
		return NULL;
	}
	*length = strlen(text);
	if (*length <= STORE_VALUE_MAXIMUM)
		return text;
	free(text);
	error_set(err, "a value for the shared state is too large");
	return NULL;
}

json_t *store_value_read(const char *bytes, size_t length, const char *name, struct error *err)
{
	json_error_t mistake;
	json_t *value = json_loadb(bytes, length, JSON_DECODE_ANY, &mistake);
	if (!value) {
		error_set(err, "%s in the shared state cannot be read: %s", name, mistake.text);
		error_hint(err, "was it written by a newer shipit, or by hand?");
	}
	return value;
}
