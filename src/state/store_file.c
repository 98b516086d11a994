/* The store in a folder: DIR/<env>/deploys/00000001.json, one file a record, and
 * DIR/<env>/NAME.json for entries. Writers hold a lock, and a record is linked into place, so that
 * one number is given out once even where locks do not work (some network folders). */
#include "state/store_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "crypto/hash.h"

struct folder_store {
	const char *root;
};

static struct folder_store *own(struct store *store)
{
	return store->data;
}

static int folder_open(struct store *store, const struct store_options *options, struct error *err)
{
	struct folder_store *self = arena_new(&store->arena, struct folder_store);
	const char *path = path_join(&store->arena, options->folder, store->argument);
	self->root = path_absolute(&store->arena, path, err);
	store->data = self;
	return self->root ? 0 : -1;
}

static int folder_fetch(struct store *store, const struct store_fetch *fetch, struct error *err)
{
	(void)fetch;
	store->seen_at = clock_now(&clock_system);
	struct stat status;
	const char *root = own(store)->root;
	if (lstat(root, &status) < 0 || folder_exists(root))
		return 0;
	error_set(err, "cannot keep the state in '%s': it is %s", root,
		  S_ISLNK(status.st_mode) ? "a link that does not lead to a folder"
					  : "not a folder");
	return error_code(err, EXIT_USAGE);
}

static char *env_folder(struct store *store, struct arena *arena, const char *env)
{
	return path_join(arena, own(store)->root, store_name_encode(arena, env));
}

static char *entry_path(struct store *store, struct arena *arena, const char *env, const char *name)
{
	return arena_format(arena, "%s/%s.json", env_folder(store, arena, env),
			    store_name_encode(arena, name));
}

static char *record_path(struct store *store, struct arena *arena, const char *env, long number)
{
	return arena_format(arena, "%s/" STORE_CHAIN "/%08ld.json", env_folder(store, arena, env),
			    number);
}

/* The highest record's number, 0 without any; -1 on failure. */
static long newest_number(struct store *store, struct arena *arena, const char *env,
			  struct error *err)
{
	const char *path = arena_format(arena, "%s/" STORE_CHAIN, env_folder(store, arena, env));
	DIR *folder = opendir(path);
	long newest = 0;
	if (!folder && errno == ENOENT)
		return 0;
	if (!folder)
		return error_set_errno(err, errno, "cannot read the state in '%s'", path);
	for (struct dirent *item; (item = readdir(folder));) {
		char *end;
		long number = strtol(item->d_name, &end, 10);
		if (end != item->d_name && strcmp(end, ".json") == 0 && number > newest)
			newest = number;
	}
	closedir(folder);
	return newest;
}

/* The value of a file; *value is NULL when there is none. The version is the hash of its bytes. */
static int value_read(const char *path, json_t **value, char version[STORE_VERSION_SIZE],
		      struct error *err)
{
	struct buffer bytes;
	int result = -1;
	*value = NULL;
	version[0] = '\0';
	buffer_init(&bytes, STORE_VALUE_MAXIMUM);
	if (file_read(path, &bytes, err) < 0) {
		if (errno == ENOENT) {
			error_clear(err);
			result = 0;
		}
	} else {
		hash_bytes_hex(bytes.data, bytes.length, version);
		*value = store_value_read(bytes.data, bytes.length, path, err);
		result = *value ? 0 : -1;
	}
	buffer_release(&bytes);
	return result;
}

/* A record's version is its number and the beginning of its hash. */
static void version_number(char version[STORE_VERSION_SIZE], long number)
{
	char hash[17];
	memcpy(hash, version, 16);
	hash[16] = '\0';
	snprintf(version, STORE_VERSION_SIZE, "%08ld-%s", number, hash);
}

static int record_read(struct store *store, struct arena *arena, const char *env, long number,
		       json_t **value, char version[STORE_VERSION_SIZE], struct error *err)
{
	if (value_read(record_path(store, arena, env, number), value, version, err) < 0)
		return -1;
	if (*value)
		version_number(version, number);
	return 0;
}

static int folder_tip(struct store *store, const char *env, char version[STORE_VERSION_SIZE],
		      struct error *err)
{
	struct arena arena = ARENA_INIT;
	json_t *value = NULL;
	version[0] = '\0';
	long number = newest_number(store, &arena, env, err);
	int result = number < 0 ? -1 : 0;
	if (number > 0)
		result = record_read(store, &arena, env, number, &value, version, err);
	json_decref(value);
	arena_release(&arena);
	return result;
}

static int folder_read(struct store *store, const char *env, size_t limit, store_record_fn *record,
		       void *context, struct error *err)
{
	struct arena arena = ARENA_INIT;
	long number = newest_number(store, &arena, env, err);
	int result = number < 0 ? -1 : 0;
	for (size_t count = 0; number > 0 && result == 0 && (!limit || count < limit); number--) {
		char version[STORE_VERSION_SIZE];
		json_t *value;
		result = record_read(store, &arena, env, number, &value, version, err);
		if (result == 0 && !value) {
			store_warn(store, "record %ld of '%s' is missing in %s", number, env,
				   own(store)->root);
			continue;
		}
		if (result == 0)
			result = record(context, version, value, err);
		json_decref(value);
		count++;
	}
	arena_release(&arena);
	return result < 0 ? -1 : 0;
}

static int folder_get(struct store *store, const char *env, const char *name, json_t **value,
		      char version[STORE_VERSION_SIZE], struct error *err)
{
	struct arena arena = ARENA_INIT;
	int result = value_read(entry_path(store, &arena, env, name), value, version, err);
	arena_release(&arena);
	return result;
}

static int folder_names(struct store *store, const char *env, const char *prefix,
			struct arena *arena, struct text_list *names, struct error *err)
{
	const char *path = env_folder(store, arena, env);
	DIR *folder = opendir(path);
	if (!folder)
		return errno == ENOENT ? 0 : error_set_errno(err, errno, "cannot read '%s'", path);
	for (struct dirent *item; (item = readdir(folder));) {
		size_t length = strlen(item->d_name);
		if (item->d_name[0] == '.' || !text_ends_with(item->d_name, ".json") ||
		    !text_starts_with(item->d_name, prefix))
			continue;
		text_list_add(arena, names, arena_bytes(arena, item->d_name, length - 5));
	}
	closedir(folder);
	return 0;
}

/* One write under way. */
struct transaction {
	struct store *store;
	struct arena arena;
	const char *env, *folder;
	const char *pending; /* what several changes are noted in before the first is made */
	int lock;
};

/* Puts a record's bytes at its number. 1 when the number is taken by others. */
static int record_link(struct transaction *self, long number, const char *bytes, size_t length,
		       struct error *err)
{
	char nonce[17];
	random_hex(nonce, sizeof(nonce));
	const char *path = record_path(self->store, &self->arena, self->env, number);
	const char *draft = arena_format(&self->arena, "%s/.draft-%s", self->folder, nonce);
	int result = file_write(draft, bytes, length, 0644, err);
	if (result < 0)
		return -1;
	if (link(draft, path) < 0)
		result = errno == EEXIST ? 1
					 : error_set_errno(err, errno, "cannot write '%s'", path);
	if (result == 1) {
		struct buffer there;
		buffer_init(&there, STORE_VALUE_MAXIMUM);
		if (file_read(path, &there, err) == 0 && there.length == length &&
		    memcmp(there.data, bytes, length) == 0)
			result = 0;
		error_clear(err);
		buffer_release(&there);
	}
	unlink(draft);
	return result;
}

/* Makes one noted change: {"name", "number", "text"}; a text that is null deletes. Harmless when it
 * was made before. */
static int change_make(struct transaction *self, const json_t *note, struct error *err)
{
	const char *name = json_string_value(json_object_get(note, "name"));
	const json_t *text = json_object_get(note, "text");
	const char *bytes = json_string_value(text);
	size_t length = json_string_length(text);
	long number = (long)json_integer_value(json_object_get(note, "number"));
	if (!name)
		return error_set(err, "'%s' is damaged", self->pending);
	if (number > 0)
		return bytes ? record_link(self, number, bytes, length, err) : -1;
	const char *path = entry_path(self->store, &self->arena, self->env, name);
	if (bytes)
		return file_write(path, bytes, length, 0644, err);
	if (unlink(path) < 0 && errno != ENOENT)
		return error_set_errno(err, errno, "cannot remove '%s'", path);
	return 0;
}

static int changes_make(struct transaction *self, const json_t *notes, struct error *err)
{
	size_t i;
	json_t *note;
	int result = 0;
	json_array_foreach(notes, i, note)
	{
		if (result == 0)
			result = change_make(self, note, err);
	}
	return result;
}

/* What a writer that died had begun is ended first. */
static int pending_finish(struct transaction *self, struct error *err)
{
	json_t *notes;
	char version[STORE_VERSION_SIZE];
	if (value_read(self->pending, &notes, version, err) < 0)
		return -1;
	if (!notes)
		return 0;
	int result = changes_make(self, notes, err);
	json_decref(notes);
	if (result == 0 && unlink(self->pending) < 0)
		return error_set_errno(err, errno, "cannot remove '%s'", self->pending);
	return result < 0 ? -1 : 0;
}

static int transaction_begin(struct transaction *self, struct error *err)
{
	const char *chain = arena_format(&self->arena, "%s/" STORE_CHAIN, self->folder);
	const char *lock = arena_format(&self->arena, "%s/.lock", self->folder);
	if (folder_make(chain, 0777, err) < 0)
		return -1;
	self->lock = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (self->lock < 0)
		return error_set_errno(err, errno, "cannot open '%s'", lock);
	while (flock(self->lock, LOCK_EX) < 0) {
		if (errno == EINTR)
			continue;
		if (errno == ENOLCK || errno == EOPNOTSUPP)
			break; /* links alone must do */
		return error_set_errno(err, errno, "cannot lock '%s'", lock);
	}
	return pending_finish(self, err);
}

/* The note for one change, if what it expects is there. 1 when not. */
static int change_note(struct transaction *self, struct store_change *change, json_t *notes,
		       struct error *err)
{
	char version[STORE_VERSION_SIZE];
	json_t *value = NULL;
	bool chain = strcmp(change->name, STORE_CHAIN) == 0;
	long number = 0;
	int result;
	if (chain) {
		result = folder_tip(self->store, self->env, version, err);
		number = strtol(version, NULL, 10) + 1;
	} else {
		result = folder_get(self->store, self->env, change->name, &value, version, err);
		json_decref(value);
		if (result < 0 && *version) { /* damaged: its version is all that counts */
			error_clear(err);
			result = 0;
		}
	}
	if (result < 0 || strcmp(version, change->expected) != 0)
		return result < 0 ? -1 : 1;
	change->version[0] = '\0';
	json_t *note = json_pack("{s:s, s:I, s:n}", "name", change->name, "number",
				 (json_int_t)number, "text");
	json_array_append_new(notes, note);
	if (!change->value)
		return 0;
	size_t length;
	char *text = store_value_write(change->value, &length, err);
	if (!text)
		return -1;
	hash_bytes_hex(text, length, change->version);
	if (chain)
		version_number(change->version, number);
	json_object_set_new(note, "text", json_stringn(text, length));
	free(text);
	return 0;
}

static int transaction_run(struct transaction *self, struct store_change *changes, size_t count,
			   struct error *err)
{
	json_t *notes = json_array();
	int result = transaction_begin(self, err);
	for (size_t i = 0; i < count && result == 0; i++)
		result = change_note(self, &changes[i], notes, err);
	if (result == 0 && count > 1) {
		char *text = json_dumps(notes, 0);
		result = file_write(self->pending, text, strlen(text), 0644, err);
		free(text);
	}
	if (result == 0) {
		result = changes_make(self, notes, err);
		if (count > 1 && result >= 0) /* else the next writer tries again */
			unlink(self->pending);
	}
	json_decref(notes);
	return result;
}

static int folder_write(struct store *store, const char *env, struct store_change *changes,
			size_t count, struct error *err)
{
	struct transaction self = {.store = store, .env = env, .lock = -1};
	self.folder = env_folder(store, &self.arena, env);
	self.pending = arena_format(&self.arena, "%s/.pending", self.folder);
	int result = transaction_run(&self, changes, count, err);
	if (result < 0)
		error_wrap(err, "cannot write the state of '%s'", env);
	if (self.lock >= 0)
		close(self.lock);
	arena_release(&self.arena);
	return result;
}

const struct store_kind store_file = {
	.name = "file",
	.prefix = "file:",
	.help = "a folder, relative to deploy.yml",
	.open = folder_open,
	.fetch = folder_fetch,
	.tip = folder_tip,
	.read = folder_read,
	.get = folder_get,
	.names = folder_names,
	.write = folder_write,
};
