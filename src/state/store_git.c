/* The store in refs of the git remote: a chain of commits, each with record.json in its tree and
 * the record before it as its parent, and a parentless commit with entry.json for each entry. All
 * goes through the user's own git. What was seen last is kept in this clone below
 * refs/shipit-seen/. */
#include "state/store_git_internal.h"

#include <poll.h>
#include <stdarg.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"

extern char **environ;

static const struct git_layout layout_refs = {
	.remote_prefix = "refs/shipit/",
	.name = "git",
	.chain_suffix = "/" STORE_CHAIN,
	.entry_separator = "/",
	.subject_suffix = "",
};

static const struct git_layout layout_branches = {
	.remote_prefix = "refs/heads/shipit/",
	.name = "branch",
	.chain_suffix = "",
	.entry_separator = ".",
	.subject_suffix = " [skip ci]",
};

struct git_store *git_store_of(struct store *store)
{
	return store->data;
}

const struct repository *git_store_repository(struct store *store, struct error *err)
{
	struct git_store *self = git_store_of(store);
	if (!self->repository)
		self->repository = repository_open(&store->arena, self->work_dir, err);
	return self->repository;
}

static void git_close(struct store *store)
{
	struct git_store *self = git_store_of(store);
	if (self && self->repository)
		repository_close(&self->repository);
}

void git_call_init(struct git_call *call, const struct git_store *store)
{
	*call = (struct git_call){0};
	git_call_add(call, "git");
	git_call_add(call, "-C");
	git_call_add(call, store->work_dir);
	git_call_add(call, "-c");
	git_call_add(call, "core.hooksPath=/dev/null");
}

void git_call_add(struct git_call *call, const char *argument)
{
	const char *copy = arena_string(&call->arena, argument);
	vec_push(&call->arena, &call->arguments, copy);
}

void git_call_add_format(struct git_call *call, const char *format, ...)
{
	struct buffer text;
	va_list args;
	buffer_init(&text, 1 << 16);
	va_start(args, format);
	buffer_add_vformat(&text, format, args);
	va_end(args);
	git_call_add(call, text.data);
	buffer_release(&text);
}

int git_call_run(struct git_call *call, const struct git_store *store, struct child_result *result,
		 struct error *err)
{
	vec_push(&call->arena, &call->arguments, NULL);
	struct child_options options = {
		.arguments = call->arguments.items,
		.environment = store->environment,
		.same_session = true,
		.input = call->input,
		.input_length = call->input_length,
		.output_maximum = (size_t)256 << 20,
	};
	int status = child_run(&options, result, err);
	arena_release(&call->arena);
	return status;
}

const char *git_complaint(const struct child_result *result, char text[400])
{
	const char *line = result->errors.data, *best = "", *last = "";
	while (line && *line) {
		if (text_starts_with(line, "fatal: ") || text_starts_with(line, "error: ") ||
		    text_starts_with(line, "remote: "))
			best = *best ? best : line;
		last = line;
		line = strchr(line, '\n');
		line = line ? line + strspn(line, "\n") : NULL;
	}
	best = *best ? best : last;
	int length = (int)strcspn(best, "\n");
	if (length == 0)
		return child_exit_text(text, &result->exit);
	snprintf(text, 400, "%.*s", length < 399 ? length : 399, best);
	return text;
}

/* Ours, with messages that can be read by a program and no question where nobody could answer. */
static const char *const *git_environment(struct arena *arena)
{
	VEC(const char *) list = {0};
	for (char **item = environ; *item; item++) {
		if (text_starts_with(*item, "LC_ALL=") || text_starts_with(*item, "LANGUAGE="))
			continue;
		vec_push(arena, &list, arena_string(arena, *item));
	}
	vec_push(arena, &list, "LC_ALL=C");
	vec_push(arena, &list, "GIT_NO_REPLACE_OBJECTS=1");
	if (!getenv("GIT_TERMINAL_PROMPT") && !(isatty(0) && isatty(2)))
		vec_push(arena, &list, "GIT_TERMINAL_PROMPT=0");
	vec_push(arena, &list, NULL);
	return list.items;
}

char *git_suffix(struct store *store, struct arena *arena, const char *env, const char *name)
{
	const struct git_layout *layout = git_store_of(store)->layout;
	const char *part = store_name_encode(arena, env);
	if (strcmp(name, STORE_CHAIN) == 0)
		return arena_format(arena, "%s%s", part, layout->chain_suffix);
	return arena_format(arena, "%s%s%s", part, layout->entry_separator,
			    store_name_encode(arena, name));
}

const char *git_ref_get(struct git_store *self, const char *suffix)
{
	for (size_t i = 0; i < self->refs.count; i++)
		if (strcmp(self->refs.items[i].suffix, suffix) == 0)
			return self->refs.items[i].id ? self->refs.items[i].id : "";
	return "";
}

void git_ref_set(struct store *store, const char *suffix, const char *id)
{
	struct git_store *self = git_store_of(store);
	const char *copy = id ? arena_string(&store->arena, id) : NULL;
	for (size_t i = 0; i < self->refs.count; i++)
		if (strcmp(self->refs.items[i].suffix, suffix) == 0) {
			self->refs.items[i].id = copy;
			return;
		}
	struct git_ref ref = {arena_string(&store->arena, suffix), copy};
	vec_push(&store->arena, &self->refs, ref);
}

static int git_open(struct store *store, const struct store_options *options,
		    const struct git_layout *layout)
{
	struct arena *arena = &store->arena;
	struct git_store *self = arena_new(arena, struct git_store);
	store->data = self;
	self->layout = layout;
	self->work_dir = arena_string(arena, options->work_dir);
	self->remote = arena_string(arena, options->remote ? options->remote : "origin");
	const char *remote = store_name_encode(arena, self->remote);
	self->local_prefix = arena_format(arena, "refs/shipit-seen/%s/%s/", remote, layout->name);
	if (options->common_dir)
		self->seen_file = arena_format(arena, "%s/shipit/seen/%s.%s", options->common_dir,
					       remote, layout->name);
	self->environment = git_environment(arena);
	return 0;
}

static int git_open_refs(struct store *store, const struct store_options *options,
			 struct error *err)
{
	(void)err;
	return git_open(store, options, &layout_refs);
}

static int git_open_branches(struct store *store, const struct store_options *options,
			     struct error *err)
{
	(void)err;
	return git_open(store, options, &layout_branches);
}

/* Fills refs with what this clone has below its own prefix. */
static int refs_read(struct store *store, struct error *err)
{
	struct git_store *self = git_store_of(store);
	struct git_call call;
	struct child_result result;
	char complaint[400];
	git_call_init(&call, self);
	git_call_add(&call, "for-each-ref");
	git_call_add(&call, "--format=%(objectname) %(refname)");
	git_call_add(&call, self->local_prefix);
	int status = git_call_run(&call, self, &result, err);
	if (status == 0 && result.exit.code != 0)
		status = error_set(err, "cannot read the refs of '%s': %s", self->work_dir,
				   git_complaint(&result, complaint));
	size_t prefix = strlen(self->local_prefix);
	for (char *line = result.output.data, *end; status == 0 && *line; line = end + 1) {
		end = strchr(line, '\n');
		char *name = strchr(line, ' ');
		if (!end || !name || (size_t)(end - name) <= prefix)
			break;
		*end = *name = '\0';
		git_ref_set(store, name + 1 + prefix, line);
	}
	child_result_release(&result);
	return status;
}

static void seen_at_read(struct store *store)
{
	struct git_store *self = git_store_of(store);
	struct error ignored = {0};
	struct buffer text;
	buffer_init(&text, 64);
	if (self->seen_file && file_read(self->seen_file, &text, &ignored) == 0)
		store->seen_at = strtoll(text.data, NULL, 10);
	buffer_release(&text);
}

/* Failing to note the time of a fetch harms nothing but the words "as of". */
static void seen_at_write(struct store *store)
{
	struct git_store *self = git_store_of(store);
	struct error ignored = {0};
	struct arena arena = ARENA_INIT;
	store->seen_at = clock_now(&clock_system);
	if (self->seen_file) {
		const char *text = arena_format(&arena, "%lld\n", (long long)store->seen_at);
		if (folder_make(path_folder(&arena, self->seen_file), 0777, &ignored) == 0 &&
		    file_write(self->seen_file, text, strlen(text), 0644, &ignored) < 0)
			error_clear(&ignored);
	}
	arena_release(&arena);
}

static int fetch_run(struct store *store, const struct store_fetch *fetch,
		     struct child_result *result, struct error *err)
{
	struct git_store *self = git_store_of(store);
	const struct git_layout *layout = self->layout;
	struct git_call call;
	git_call_init(&call, self);
	git_call_add(&call, "-c");
	git_call_add(&call, "fetch.output=full");
	git_call_add(&call, "-c");
	git_call_add(&call, "fetch.prune=false");
	git_call_add(&call, "fetch");
	git_call_add(&call, "--verbose");
	git_call_add(&call, "--no-progress");
	git_call_add(&call, "--no-write-fetch-head");
	git_call_add(&call, "--no-tags");
	git_call_add(&call, "--no-prune");
	git_call_add(&call, "--no-auto-maintenance");
	git_call_add(&call, "--no-recurse-submodules");
	git_call_add(&call, "--");
	git_call_add(&call, self->remote);
	const char *env = fetch->env ? store_name_encode(&call.arena, fetch->env) : "";
	const char *slash = fetch->env && layout->chain_suffix[0] ? "/" : "";
	git_call_add_format(&call, "+%s%s%s*:%s%s%s*", layout->remote_prefix, env, slash,
			    self->local_prefix, env, slash);
	for (size_t i = 0; fetch->refspecs && i < fetch->refspecs->count; i++)
		git_call_add(&call, fetch->refspecs->items[i]);
	return git_call_run(&call, self, result, err);
}

static int fetch_failed(struct git_store *self, const struct child_result *result,
			struct error *err)
{
	char complaint[400];
	error_set(err, "cannot fetch from the remote '%s': %s", self->remote,
		  git_complaint(result, complaint));
	if (strstr(result->errors.data, "does not appear to be a git repository") ||
	    strstr(result->errors.data, "No such remote"))
		error_hint(err,
			   "does `git fetch %s` work? `remote` in deploy.yml names the "
			   "remote, --offline uses what was seen last, `state: file:DIR` needs "
			   "no remote",
			   self->remote);
	else
		error_hint(err, "does `git fetch %s` work? --offline uses what was seen last",
			   self->remote);
	return -1;
}

/* Whether git's verbose list of a fetch names the ref. */
static bool fetch_lists(const struct child_result *result, const char *ref)
{
	size_t length = strlen(ref);
	for (const char *at = result->errors.data; (at = strstr(at, " -> ")); at += 4)
		if (strncmp(at + 4, ref, length) == 0 && strchr(" \n", at[4 + length]))
			return true;
	return false;
}

/* 1 when ancestor is an ancestor of id, 0 when not (or when nobody can tell). */
static int is_ancestor(struct git_store *self, const char *ancestor, const char *id)
{
	struct git_call call;
	struct child_result result;
	struct error ignored = {0};
	git_call_init(&call, self);
	git_call_add(&call, "merge-base");
	git_call_add(&call, "--is-ancestor");
	git_call_add(&call, ancestor);
	git_call_add(&call, id);
	int status = git_call_run(&call, self, &result, &ignored);
	int answer = status == 0 && result.exit.code == 0;
	child_result_release(&result);
	return answer;
}

static bool is_chain(const struct git_layout *layout, const char *suffix)
{
	return layout->chain_suffix[0] ? text_ends_with(suffix, layout->chain_suffix)
				       : !strstr(suffix, layout->entry_separator);
}

/* Shouts when a chain is no longer a continuation of what this clone has seen. */
static void chain_compare(struct store *store, const char *suffix, const char *old, const char *new)
{
	struct git_store *self = git_store_of(store);
	const char *ref = suffix;
	if (!*new)
		store_warn(store,
			   "the deploy records in %s%s are gone from '%s'; they were at "
			   "%.12s when this clone last saw them",
			   self->layout->remote_prefix, ref, self->remote, old);
	else if (is_ancestor(self, old, new))
		return;
	else if (is_ancestor(self, new, old))
		store_warn(store,
			   "the deploy records in %s%s on '%s' became shorter: from %.12s "
			   "back to %.12s",
			   self->layout->remote_prefix, ref, self->remote, old, new);
	else
		store_warn(store,
			   "the deploy records in %s%s on '%s' were replaced by others: "
			   "%.12s does not follow %.12s",
			   self->layout->remote_prefix, ref, self->remote, new, old);
}

/* Whether fetch covered the ref. */
static bool fetch_covers(struct store *store, const struct store_fetch *fetch, const char *suffix)
{
	struct arena arena = ARENA_INIT;
	bool covered = true;
	if (fetch->env) {
		const char *env = store_name_encode(&arena, fetch->env);
		size_t length = strlen(env);
		covered = strncmp(suffix, env, length) == 0 &&
			  (!suffix[length] ||
			   suffix[length] == git_store_of(store)->layout->entry_separator[0]);
	}
	arena_release(&arena);
	return covered;
}

/* Compares what was seen before with what is there now. */
static int refs_renew(struct store *store, const struct store_fetch *fetch,
		      const struct child_result *result, struct error *err)
{
	struct git_store *self = git_store_of(store);
	struct arena arena = ARENA_INIT;
	VEC(struct git_ref) before = {0};
	for (size_t i = 0; i < self->refs.count; i++)
		vec_push(&arena, &before, self->refs.items[i]);
	int status = refs_read(store, err);
	for (size_t i = 0; status == 0 && i < before.count; i++) {
		const char *suffix = before.items[i].suffix, *old = before.items[i].id;
		const char *ref = arena_format(&arena, "%s%s", self->local_prefix, suffix);
		if (!old || !fetch_covers(store, fetch, suffix))
			continue;
		if (!fetch_lists(result, ref))
			git_ref_set(store, suffix, NULL);
		const char *new = git_ref_get(self, suffix);
		if (is_chain(self->layout, suffix) && strcmp(old, new) != 0)
			chain_compare(store, suffix, old, new);
	}
	arena_release(&arena);
	return status;
}

/* Another command in this clone (a renewal, `status`, a git fetch) moved a ref while ours ran, or
 * made a checkout, whose HEAD is no commit for a moment. */
static bool fetch_was_crossed(const struct child_result *result)
{
	return result->exit.code != 0 && (strstr(result->errors.data, "cannot lock ref") ||
					  strstr(result->errors.data, "bad object worktrees/"));
}

/* The refs as they were before it are read for each try: what it changed is told from them. */
static int fetch_uncrossed(struct store *store, const struct store_fetch *fetch,
			   struct child_result *result, struct error *err)
{
	enum { TRIES = 8 };
	int status = fetch_run(store, fetch, result, err);
	for (int i = 1; i < TRIES && status == 0 && fetch_was_crossed(result); i++) {
		child_result_release(result);
		poll(NULL, 0, 10 * i);
		if (refs_read(store, err) < 0)
			return -1;
		status = fetch_run(store, fetch, result, err);
	}
	return status;
}

static int git_fetch(struct store *store, const struct store_fetch *fetch, struct error *err)
{
	struct git_store *self = git_store_of(store);
	struct child_result result = {0};
	if (refs_read(store, err) < 0)
		return -1;
	if (store->offline) {
		seen_at_read(store);
		return 0;
	}
	int status = fetch_uncrossed(store, fetch, &result, err);
	if (status == 0 && result.exit.code != 0)
		status = fetch_failed(self, &result, err);
	if (status == 0)
		status = refs_renew(store, fetch, &result, err);
	if (status == 0 && fetch->listing)
		buffer_add(fetch->listing, result.errors.data, result.errors.length);
	if (status == 0)
		seen_at_write(store);
	child_result_release(&result);
	return status;
}

static int git_tip(struct store *store, const char *env, char version[STORE_VERSION_SIZE],
		   struct error *err)
{
	struct arena arena = ARENA_INIT;
	const char *suffix = git_suffix(store, &arena, env, STORE_CHAIN);
	(void)err;
	snprintf(version, STORE_VERSION_SIZE, "%s", git_ref_get(git_store_of(store), suffix));
	arena_release(&arena);
	return 0;
}

#define GIT_KIND(kind_name, kind_open, kind_help) \
	{ \
		.name = (kind_name), .prefix = (kind_name), .help = (kind_help), \
		.open = (kind_open), .close = git_close, .fetch = git_fetch, .tip = git_tip, \
		.read = git_store_read, .get = git_store_get, .names = git_store_names, \
		.write = git_store_write, .fetches_refspecs = true, \
	}

const struct store_kind store_git =
	GIT_KIND("git", git_open_refs, "refs below refs/shipit/ on the remote");
const struct store_kind store_git_branch =
	GIT_KIND("git+branch", git_open_branches, "branches shipit/<env> on the remote");
