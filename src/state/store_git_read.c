/* Reading records and entries out of the commits that a fetch has brought. */
#include "state/store_git_internal.h"

#include "base/text.h"
#include "git/treesource.h"

#define BATCH 256 /* records that one `git cat-file --batch` is asked for */

struct commit_list {
	struct arena arena;
	VEC(const char *) ids;
};

/* The chain's commits, newest first. */
static int commits_list(struct git_store *self, const char *tip, size_t limit,
			struct commit_list *list, struct error *err)
{
	struct git_call call;
	struct child_result result;
	char complaint[400];
	if (limit == 1) {
		vec_push(&list->arena, &list->ids, arena_string(&list->arena, tip));
		return 0;
	}
	git_call_init(&call, self);
	git_call_add(&call, "rev-list");
	git_call_add(&call, "--first-parent");
	if (limit)
		git_call_add_format(&call, "--max-count=%zu", limit);
	git_call_add(&call, tip);
	int status = git_call_run(&call, self, &result, err);
	if (status == 0 && result.exit.code != 0)
		status = error_set(err, "cannot read the deploy records: %s",
				   git_complaint(&result, complaint));
	for (const char *line = result.output.data; status == 0 && *line;) {
		size_t length = strcspn(line, "\n");
		vec_push(&list->arena, &list->ids, arena_bytes(&list->arena, line, length));
		line += length + (line[length] == '\n');
	}
	child_result_release(&result);
	return status;
}

/* The next object of cat-file's answer: "ID blob SIZE LF bytes LF". *cursor moves behind it. NULL
 * when it is something else. */
static const char *object_next(const char **cursor, const char *end, size_t *size)
{
	const char *line = *cursor;
	const char *newline = memchr(line, '\n', (size_t)(end - line));
	if (!newline)
		return NULL;
	*cursor = newline + 1;
	const char *type = memchr(line, ' ', (size_t)(newline - line));
	if (!type || !text_starts_with(type, " blob "))
		return NULL;
	*size = (size_t)strtoull(type + 6, NULL, 10);
	if (*size >= (size_t)(end - newline))
		return NULL;
	*cursor = newline + 1 + *size + 1;
	return newline + 1;
}

/* Hands file of each commit to record. 1 when that said stop. */
static int batch_read(struct git_store *self, const char *const *ids, size_t count,
		      const char *file, store_record_fn *record, void *context, struct error *err)
{
	struct git_call call;
	struct child_result result;
	struct buffer input;
	char complaint[400], name[STORE_VERSION_SIZE + 20];
	buffer_init(&input, 1 << 20);
	for (size_t i = 0; i < count; i++)
		buffer_add_format(&input, "%s:%s\n", ids[i], file);
	git_call_init(&call, self);
	git_call_add(&call, "cat-file");
	git_call_add(&call, "--batch");
	call.input = input.data;
	call.input_length = input.length;
	int status = git_call_run(&call, self, &result, err);
	if (status == 0 && result.exit.code != 0)
		status = error_set(err, "cannot read the shared state: %s",
				   git_complaint(&result, complaint));
	const char *cursor = result.output.data, *end = cursor + result.output.length;
	for (size_t i = 0; status == 0 && i < count; i++) {
		size_t size = 0;
		const char *bytes = object_next(&cursor, end, &size);
		snprintf(name, sizeof(name), "%.12s:%s", ids[i], file);
		json_t *value = NULL;
		if (bytes)
			value = store_value_read(bytes, size, name, err);
		else
			error_set(err, "%s in the shared state is missing", name);
		status = value ? record(context, ids[i], value, err) : -1;
		json_decref(value);
	}
	child_result_release(&result);
	buffer_release(&input);
	return status;
}

int git_store_read(struct store *store, const char *env, size_t limit, store_record_fn *record,
		   void *context, struct error *err)
{
	struct git_store *self = git_store_of(store);
	struct commit_list list = {0};
	const char *suffix = git_suffix(store, &list.arena, env, STORE_CHAIN);
	const char *tip = git_ref_get(self, suffix);
	int status = *tip ? commits_list(self, tip, limit, &list, err) : 0;
	for (size_t i = 0; status == 0 && i < list.ids.count; i += BATCH) {
		size_t left = list.ids.count - i;
		status = batch_read(self, list.ids.items + i, left < BATCH ? left : BATCH,
				    "record.json", record, context, err);
	}
	arena_release(&list.arena);
	return status < 0 ? -1 : 0;
}

static int entry_read(struct store *store, const char *id, json_t **value, struct error *err)
{
	const struct repository *repository = git_store_repository(store, err);
	struct buffer bytes;
	char name[STORE_VERSION_SIZE + 20];
	if (!repository)
		return -1;
	buffer_init(&bytes, STORE_VALUE_MAXIMUM);
	snprintf(name, sizeof(name), "%.12s:entry.json", id);
	int found = commit_read_file(repository, id, "entry.json", &bytes, err);
	if (found == 0)
		error_set(err, "%s in the shared state is missing", name);
	else if (found > 0)
		*value = store_value_read(bytes.data, bytes.length, name, err);
	buffer_release(&bytes);
	return *value ? 0 : -1;
}

int git_store_get(struct store *store, const char *env, const char *name, json_t **value,
		  char version[STORE_VERSION_SIZE], struct error *err)
{
	struct arena arena = ARENA_INIT;
	const char *id =
		git_ref_get(git_store_of(store), git_suffix(store, &arena, env, name));
	int status = *id ? entry_read(store, id, value, err) : 0;
	if (status == 0 || git_store_of(store)->repository)
		snprintf(version, STORE_VERSION_SIZE, "%s", id);
	arena_release(&arena);
	return status;
}

int git_store_names(struct store *store, const char *env, const char *prefix, struct arena *arena,
		    struct text_list *names, struct error *err)
{
	struct git_store *self = git_store_of(store);
	const char *start = git_suffix(store, arena, env, "");
	(void)err;
	for (size_t i = 0; i < self->refs.count; i++) {
		const struct git_ref *ref = &self->refs.items[i];
		const char *name = ref->suffix + strlen(start);
		if (ref->id && text_starts_with(ref->suffix, start) &&
		    text_starts_with(name, prefix) && strcmp(name, STORE_CHAIN) != 0)
			text_list_add(arena, names, name);
	}
	return 0;
}
