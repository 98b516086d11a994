/* Kind slug, pushed: a commit on top of the last slug, so that little is sent. */
#include "base/text.h"
#include "crypto/hash.h"
#include "git/command.h"
#include "git/write.h"
#include "steps/slug.h"

#define HEADS "refs/heads/"
#define ANSWER_WAIT 60000 /* ms that a remote has to tell its branches */

/* The remote's last slug is kept by a ref of our own, so that git does not clean it up. */
static const char *keeping_ref(struct slug_job *job)
{
	char hash[HASH_HEX_SIZE];

	return arena_format(&job->arena, "refs/shipit-slugs/%.12s/%s",
			    hash_bytes_hex(job->push, strlen(job->push), hash), job->branch);
}

/* "ref: refs/heads/main<tab>HEAD", then "<id><tab><ref>" lines. */
static void read_heads(struct slug_job *job, const char *listing)
{
	struct text_list lines = text_split(&job->arena, listing, '\n');
	const char *wanted;

	for (size_t i = 0; !job->branch && i < lines.count; i++)
		if (text_starts_with(lines.items[i], "ref: " HEADS) &&
		    text_ends_with(lines.items[i], "\tHEAD")) {
			const char *name = lines.items[i] + strlen("ref: " HEADS);

			job->branch = arena_bytes(&job->arena, name, strcspn(name, "\t"));
		}
	if (!job->branch)
		job->branch = "main"; /* nothing was ever pushed there */
	wanted = arena_format(&job->arena, "\t" HEADS "%s", job->branch);
	for (size_t i = 0; i < lines.count; i++)
		if (text_ends_with(lines.items[i], wanted) &&
		    strcspn(lines.items[i], "\t") == COMMIT_TEXT - 1)
			memcpy(job->tip, lines.items[i], COMMIT_TEXT - 1);
}

static int ask_heads(struct slug_job *job)
{
	const struct git_options options = {
		.folder = job->repository->root,
		.arguments = (const char *[]){"ls-remote", "--symref", "--", job->push, "HEAD",
					      (HEADS "*"), NULL},
		.timeout = ANSWER_WAIT,
	};
	struct child_result result = {0};
	int status = git_run_ok(&options, &result, &job->err);

	if (status == 0)
		read_heads(job, result.output.data);
	child_result_release(&result);
	if (status == 0)
		return slug_job_goes_on(job);
	error_wrap(&job->err, "cannot ask '%s' for its last slug", job->push);
	return error_hint(&job->err, "check with: git ls-remote %s", job->push);
}

/* The last slug is needed here, for only what differs from it is sent. */
static int fetch_tip(struct slug_job *job)
{
	const struct git_options options = {
		.folder = job->repository->root,
		.arguments = (const char *[]){"fetch", "--quiet", "--no-tags",
					      "--no-recurse-submodules", "--no-write-fetch-head",
					      "--", job->push,
					      arena_format(&job->arena, "+" HEADS "%s:%s",
							   job->branch, keeping_ref(job)),
					      NULL},
	};
	struct child_result result = {0};
	int status = 0;

	if (!*job->tip || repository_has_commit(job->repository, job->tip))
		return 0;
	status = git_run_ok(&options, &result, &job->err);
	child_result_release(&result);
	if (status < 0)
		return error_wrap(&job->err, "cannot fetch the last slug from '%s'", job->push);
	return slug_job_goes_on(job);
}

static void say_slug(struct slug_job *job)
{
	text_list_add(&job->arena, &job->said,
		      arena_format(&job->arena, "slug %.7s to %s, branch %s", job->tree, job->push,
				   job->branch));
}

static int write_commit(struct slug_job *job, const char *source, const char *deploy)
{
	const struct slug_commit commit = {
		.tree = job->tree,
		.parent = *job->tip ? job->tip : NULL,
		.source = source,
		.deploy = deploy,
	};

	say_slug(job);
	return slug_write_commit(job->repository, &commit, job->commit, &job->err);
}

static int prepare_slug(struct slug_job *job)
{
	char tree[COMMIT_TEXT] = "", parent[COMMIT_TEXT];
	const char *deploy;

	if (slug_job_choose(job) < 0 ||
	    slug_write_tree(job->repository, &job->slug, job->tree, &job->err) < 0)
		return -1;
	job->place = arena_format(&job->arena, "%s %s", job->push, job->branch);
	if (*job->tip && slug_read_commit(job->repository, &job->arena, job->tip, &deploy, tree,
					  parent, &job->err) < 0)
		return -1;
	if (!strcmp(tree, job->tree)) {
		job->unchanged = arena_format(&job->arena,
					      "the slug is what %s has already (tree %.7s)",
					      job->push, tree);
		return 0;
	}
	if (slug_size(job->repository, &job->slug, &job->bytes, &job->err) < 0)
		return -1;
	text_list_add(&job->arena, &job->said, slug_job_words(job));
	return write_commit(job, job->request->commit, job->request->id);
}

/* What stood there before this deploy's slug, on top of it. */
static int prepare_undo(struct slug_job *job)
{
	char ours[COMMIT_TEXT], before[COMMIT_TEXT], ignored[COMMIT_TEXT];
	const char *deploy;

	if (!*job->tip)
		return 0;
	if (slug_read_commit(job->repository, &job->arena, job->tip, &deploy, ours, before,
			     &job->err) < 0)
		return -1;
	if (!text_equal(deploy, job->request->id))
		return 0; /* this deploy pushed nothing, or somebody has pushed since */
	if (!*before) {
		error_set(&job->err, "the slug cannot be taken back: nothing was ever pushed to "
				     "'%s' before it", job->push);
		return -1;
	}
	if (slug_read_commit(job->repository, &job->arena, before, &deploy, job->tree, ignored,
			     &job->err) < 0)
		return -1;
	return write_commit(job, before,
			    arena_format(&job->arena, "undo of %s", job->request->id));
}

int slug_push_prepare(struct slug_job *job)
{
	if (ask_heads(job) < 0 || fetch_tip(job) < 0)
		return -1;
	return job->act == SLUG_UNDO ? prepare_undo(job) : prepare_slug(job);
}

/* git says "! [rejected] ... (stale info)" or "error: ..."; hints are not what went wrong. */
static void note_trouble(struct slug_job *job, const char *bytes, size_t length)
{
	struct text_list lines =
		text_split(&job->arena, arena_bytes(&job->arena, bytes, length), '\n');

	for (size_t i = 0; i < lines.count; i++)
		if (strstr(lines.items[i], "rejected]") ||
		    (!job->trouble && (text_starts_with(lines.items[i], "fatal: ") ||
				       text_starts_with(lines.items[i], "error: "))))
			job->trouble = lines.items[i];
}

static void hear(void *context, enum child_stream stream, const char *bytes, size_t length)
{
	struct slug_job *job = context;

	if (stream == CHILD_STDERR)
		note_trouble(job, bytes, length);
	job->request->output(job->request->context, stream, bytes, length);
}

static void pushed(void *context, const struct child_exit *ended)
{
	struct slug_job *job = context;
	struct error ignored = {0};
	char text[64];

	job->child = NULL;
	if (ended->code != 0) {
		slug_job_end(job,
			     arena_format(&job->arena, "git push to %s failed (%s)%s%s", job->push,
					  child_exit_text(text, ended), job->trouble ? ": " : "",
					  job->trouble ? job->trouble : ""));
		return;
	}
	if (ref_write(job->repository, keeping_ref(job), job->commit, &ignored) < 0)
		error_clear(&ignored); /* the next push fetches it again */
	slug_job_end(job, NULL);
}

static const char *const *environment(struct slug_job *job)
{
	struct text_list list = {0};

	for (const char *const *variable = job->request->environment; *variable; variable++)
		if (!text_starts_with(*variable, "GIT_DIR=") &&
		    !text_starts_with(*variable, "GIT_WORK_TREE="))
			vec_push(&job->arena, &list, *variable);
	vec_push(&job->arena, &list, "GIT_TERMINAL_PROMPT=0");
	vec_push(&job->arena, &list, "SSH_ASKPASS_REQUIRE=never");
	vec_push(&job->arena, &list, NULL);
	return list.items;
}

/* Whoever pushed meanwhile is not overwritten: the branch must stand where it was seen. */
void slug_push_start(struct slug_job *job)
{
	const char *lease = arena_format(&job->arena, "--force-with-lease=" HEADS "%s:%s",
					 job->branch, job->tip);
	const char *what = arena_format(&job->arena, "%s:" HEADS "%s", job->commit, job->branch);
	const char *const arguments[] = {"git", "-c", "gc.auto=0", "-c", "maintenance.auto=false",
					 "-c", "core.hooksPath=/dev/null", "push", "--no-progress",
					 "--no-follow-tags", "--recurse-submodules=no", lease,
					 "--", job->push, what, NULL};
	const struct child_options child = {
		.arguments = arguments,
		.environment = environment(job),
		.directory = job->repository->root,
		.grace = job->request->grace,
		.output = hear,
		.done = pushed,
		.context = job,
	};
	struct error err = {0};

	if (atomic_load(&job->stopped)) {
		slug_job_end(job, "stopped");
		return;
	}
	job->child = child_start(job->request->loop, &child, &err);
	if (!job->child) {
		slug_job_end(job, arena_string(&job->arena, err.message));
		return;
	}
	job->request->started(job->request->context, child_pid(job->child),
			      child_started(job->child));
}
