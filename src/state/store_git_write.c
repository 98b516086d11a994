/* Writing to the git store: objects first, then one push that is a compare-and-swap. */
#include "state/store_git_internal.h"

#include "base/text.h"
#include "git/write.h"

#define REMOTE_WORDS ((size_t)600) /* bytes of what the remote says that an error has room for */

/* One change on its way: its ref and the commit that it shall point to. */
struct git_update {
	const char *suffix;
	const char *id; /* NULL: the ref goes */
};

/* What `git log` shows of a record. */
static void subject_write(const struct git_store *self, const struct store_change *change,
			  struct buffer *out)
{
	const char *id = json_string_value(json_object_get(change->value, "id"));
	const char *status = json_string_value(json_object_get(change->value, "status"));
	buffer_add_format(out, "shipit: %s", change->name);
	if (id)
		buffer_add_format(out, " %s", id);
	if (status)
		buffer_add_format(out, " %s", status);
	buffer_add_format(out, "%s\n", self->layout->subject_suffix);
}

static int update_make(struct store *store, struct store_change *change, struct error *err)
{
	struct git_store *self = git_store_of(store);
	const struct repository *repository = git_store_repository(store, err);
	bool chain = strcmp(change->name, STORE_CHAIN) == 0;
	struct buffer message;
	size_t length;
	change->version[0] = '\0';
	if (!change->value)
		return 0;
	char *bytes = repository ? store_value_write(change->value, &length, err) : NULL;
	if (!bytes)
		return -1;
	buffer_init(&message, 1000);
	subject_write(self, change, &message);
	const struct commit_file file = {
		.name = chain ? "record.json" : "entry.json",
		.bytes = bytes,
		.length = length,
		.message = message.data,
		.parent = chain && *change->expected ? change->expected : NULL,
	};
	int status = commit_write(repository, &file, change->version, err);
	buffer_release(&message);
	free(bytes);
	if (status == 0)
		return 0;
	error_hint(err, "is the disk full, or .git read-only?");
	return error_code(err, EXIT_FAILED);
}

static int push_run(struct git_store *self, const struct store_change *changes,
		    const struct git_update *updates, size_t count, struct child_result *result,
		    struct error *err)
{
	const char *prefix = self->layout->remote_prefix;
	struct git_call call;
	git_call_init(&call, self);
	git_call_add(&call, "-c");
	git_call_add(&call, "push.gpgSign=false");
	git_call_add(&call, "push");
	git_call_add(&call, "--porcelain");
	git_call_add(&call, "--no-verify");
	git_call_add(&call, "--no-follow-tags");
	git_call_add(&call, "--recurse-submodules=no");
	if (count > 1)
		git_call_add(&call, "--atomic");
	for (size_t i = 0; i < count; i++)
		git_call_add_format(&call, "--force-with-lease=%s%s:%s", prefix, updates[i].suffix,
				    changes[i].expected);
	git_call_add(&call, "--");
	git_call_add(&call, self->remote);
	for (size_t i = 0; i < count; i++)
		git_call_add_format(&call, "%s:%s%s", updates[i].id ? updates[i].id : "", prefix,
				    updates[i].suffix);
	return git_call_run(&call, self, result, err);
}

enum push_verdict { PUSH_DONE, PUSH_LOST, PUSH_REFUSED, PUSH_UNKNOWN };

/* Whether the remote's words mean that the ref was changed by somebody else. */
static bool means_conflict(const char *line, size_t length)
{
	static const char *const words[] = {
		"stale info",
		"failed to update ref",
		"cannot lock ref",
		"failed to lock",
		"fetch first",
		"non-fast-forward",
		"reference already exists",
		"remote ref updated since checkout",
		"incorrect old value",
	};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (memmem(line, length, words[i], strlen(words[i])))
			return true;
	return false;
}

/* Reads `--porcelain`: "FLAG TAB FROM:TO TAB SUMMARY". refusal gets the remote's words. */
static enum push_verdict push_judge(const struct child_result *result, size_t count,
				    char refusal[400])
{
	size_t accepted = 0;
	bool refused = false;
	refusal[0] = '\0';
	for (const char *line = result->output.data; *line;) {
		size_t length = strcspn(line, "\n");
		if (length > 2 && line[1] == '\t') {
			if (strchr("*+ -", line[0])) {
				accepted++;
			} else if (line[0] == '=' || means_conflict(line, length)) {
				return PUSH_LOST;
			} else if (line[0] == '!' && !memmem(line, length, "atomic push", 11)) {
				const char *words = memchr(line + 2, '\t', length - 2);
				words = words ? words + 1 : line + 2;
				snprintf(refusal, 400, "%.*s", (int)(line + length - words), words);
				refused = true;
			}
		}
		line += length + (line[length] == '\n');
	}
	if (refused)
		return PUSH_REFUSED;
	return accepted == count && result->exit.code == 0 ? PUSH_DONE : PUSH_UNKNOWN;
}

/* What the remote has for a ref now; "" when it is not there. -1 when it cannot be asked. */
static int remote_ref(struct git_store *self, const char *suffix, char id[STORE_VERSION_SIZE])
{
	struct git_call call;
	struct child_result result;
	struct error ignored = {0};
	git_call_init(&call, self);
	git_call_add(&call, "ls-remote");
	git_call_add(&call, "--");
	git_call_add(&call, self->remote);
	git_call_add_format(&call, "%s%s", self->layout->remote_prefix, suffix);
	int status = git_call_run(&call, self, &result, &ignored);
	if (status == 0 && result.exit.code != 0)
		status = -1;
	if (status == 0) {
		size_t length = strcspn(result.output.data, "\t\n");
		snprintf(id, STORE_VERSION_SIZE, "%.*s", (int)length, result.output.data);
	}
	child_result_release(&result);
	return status;
}

/* When the answer to a push was no clear yes or no, the remote itself is looked at: the connection
 * may have been lost after it had taken the push. */
static enum push_verdict push_verify(struct git_store *self, const struct store_change *changes,
				     const struct git_update *updates, size_t count,
				     enum push_verdict verdict)
{
	char id[STORE_VERSION_SIZE];
	size_t ours = 0;
	for (size_t i = 0; i < count; i++) {
		if (remote_ref(self, updates[i].suffix, id) < 0)
			return verdict;
		if (strcmp(id, updates[i].id ? updates[i].id : "") == 0)
			ours++;
		else if (strcmp(id, changes[i].expected) != 0)
			return PUSH_LOST;
	}
	return ours == count ? PUSH_DONE : verdict;
}

/* What a hook of the remote says, or the host itself: the lines that git shows behind "remote:". */
static void remote_words(const struct child_result *result, struct buffer *words)
{
	static const char mark[] = "remote:";
	for (const char *line = result->errors.data; line && *line;) {
		size_t length = strcspn(line, "\n");
		const char *from = line + sizeof(mark) - 1, *end = line + length;
		if (text_starts_with(line, mark)) {
			while (from < end && strchr(" \t\r", *from))
				from++;
			while (end > from && strchr(" \t\r", end[-1]))
				end--;
			if (end > from && words->length)
				buffer_add_char(words, ' ');
			buffer_add(words, from, (size_t)(end - from));
		}
		line += length + (line[length] == '\n');
	}
}

static int push_refused(struct git_store *self, const char *refusal,
			const struct child_result *result, struct error *err)
{
	bool refs = text_equal(self->layout->name, "git");
	struct buffer words;
	buffer_init(&words, REMOTE_WORDS);
	remote_words(result, &words);
	error_set(err, "the remote '%s' refused to take a record in %s: %s%s%s", self->remote,
		  self->layout->remote_prefix, refusal, words.length ? ": " : "", words.data);
	buffer_release(&words);
	if (refs)
		error_hint(err, "if this host takes branches only, write `state: git+branch` in "
				"deploy.yml; else `state: file:DIR`");
	else
		error_hint(err, "allow pushes to branches shipit/*, or write `state: file:DIR` in "
				"deploy.yml");
	return error_code(err, EXIT_USAGE);
}

/* Remembers the new refs in this clone. Failing is harmless: the next fetch brings them. */
static void updates_remember(struct store *store, const struct git_update *updates, size_t count)
{
	struct error ignored = {0};
	struct arena arena = ARENA_INIT;
	const struct repository *repository = git_store_repository(store, &ignored);
	for (size_t i = 0; i < count; i++) {
		const char *name = arena_format(&arena, "%s%s", git_store_of(store)->local_prefix,
						updates[i].suffix);
		git_ref_set(store, updates[i].suffix, updates[i].id);
		if (repository && ref_write(repository, name, updates[i].id, &ignored) < 0)
			error_clear(&ignored);
	}
	arena_release(&arena);
}

static int push(struct store *store, struct store_change *changes, const struct git_update *updates,
		size_t count, struct error *err)
{
	struct git_store *self = git_store_of(store);
	struct child_result result;
	char words[400];
	int status = push_run(self, changes, updates, count, &result, err);
	if (status == 0) {
		enum push_verdict verdict = push_judge(&result, count, words);
		if (verdict == PUSH_REFUSED || verdict == PUSH_UNKNOWN)
			verdict = push_verify(self, changes, updates, count, verdict);
		if (verdict == PUSH_DONE)
			updates_remember(store, updates, count);
		else if (verdict == PUSH_LOST)
			status = 1;
		else if (verdict == PUSH_REFUSED)
			status = push_refused(self, words, &result, err);
		else
			status = error_set(err, "cannot push to the remote '%s': %s", self->remote,
					   git_complaint(&result, words));
	}
	child_result_release(&result);
	return status;
}

int git_store_write(struct store *store, const char *env, struct store_change *changes,
		    size_t count, struct error *err)
{
	struct arena arena = ARENA_INIT;
	struct git_update *updates = arena_array(&arena, count, sizeof(*updates));
	int status = 0;
	for (size_t i = 0; i < count && status == 0; i++) {
		updates[i].suffix = git_suffix(store, &arena, env, changes[i].name);
		status = update_make(store, &changes[i], err);
		updates[i].id = changes[i].value ? changes[i].version : NULL;
	}
	if (status == 0)
		status = push(store, changes, updates, count, err);
	if (status < 0)
		error_wrap(err, "cannot write the state of '%s'", env);
	arena_release(&arena);
	return status;
}
