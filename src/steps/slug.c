/* Kind slug: the commit's tree less what is excluded, pushed or written to a file. */
#include "steps/slug.h"

#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "proc/loop.h"
#include "steps/kinds_internal.h"

int slug_job_goes_on(struct slug_job *job)
{
	return atomic_load(&job->stopped) ? error_set(&job->err, "stopped") : 0;
}

int slug_job_choose(struct slug_job *job)
{
	const char *trimmed;

	if (slug_job_goes_on(job) < 0 ||
	    slug_choose(job->repository, &job->arena, job->request->commit, &job->exclude,
			&job->slug, &job->err) < 0)
		return -1;
	trimmed = slug_trimmed_words(&job->arena, &job->slug);
	if (trimmed)
		text_list_add(&job->arena, &job->said, trimmed);
	return 0;
}

const char *slug_job_words(struct slug_job *job)
{
	char size[32];

	return arena_format(&job->arena, "%zu file%s, %s", job->slug.files.count,
			    job->slug.files.count == 1 ? "" : "s", size_format(size, job->bytes));
}

static int write_tarball(struct slug_job *job)
{
	const struct slug_archive archive = {
		.repository = job->repository,
		.slug = &job->slug,
		.path = job->tarball,
		.prefix = "",
		.stopped = &job->stopped,
	};
	struct stat status;
	char size[32];

	if (slug_job_choose(job) < 0 ||
	    folder_make(path_folder(&job->arena, job->tarball), 0755, &job->err) < 0 ||
	    slug_archive(&archive, &job->bytes, &job->err) < 0)
		return -1;
	if (stat(job->tarball, &status) < 0)
		status.st_size = 0;
	text_list_add(&job->arena, &job->said,
		      arena_format(&job->arena, "%s: %s, %s packed", job->tarball,
				   slug_job_words(job), size_format(size, status.st_size)));
	job->place = job->tarball;
	return 0;
}

static void work(void *context)
{
	struct slug_job *job = context;
	bool again = job->act == SLUG_PUBLISH &&
		     !text_equal(job->request->release, job->request->id);

	job->result = 0;
	if (job->act == SLUG_PUBLISH && !again)
		return; /* what is pushed or written early is that already */
	if (job->act == SLUG_UNDO && !job->push)
		return;
	job->repository = repository_open(&job->arena, job->request->root, &job->err);
	if (!job->repository)
		job->result = -1;
	else
		job->result = job->push ? slug_push_prepare(job) : write_tarball(job);
}

void slug_job_end(struct slug_job *job, const char *failure)
{
	const struct step_request *request = job->request;
	struct step_outcome outcome = {
		.ok = !failure,
		.exit = {.code = -1},
		.reason = failure ? failure : job->unchanged,
		.unchanged = !failure && job->unchanged,
		.place = failure ? NULL : job->place,
	};

	if (outcome.reason)
		outcome.reason = arena_string(request->arena, outcome.reason);
	if (outcome.place)
		outcome.place = arena_string(request->arena, outcome.place);
	repository_close(&job->repository);
	arena_release(&job->arena);
	request->done(request->context, &outcome);
}

static void say(struct slug_job *job, const char *text)
{
	const char *line = arena_format(&job->arena, "%s\n", text);

	job->request->output(job->request->context, CHILD_STDOUT, line, strlen(line));
}

static void worked(void *context)
{
	struct slug_job *job = context;

	for (size_t i = 0; i < job->said.count; i++)
		say(job, job->said.items[i]);
	if (job->result < 0 && job->err.hint[0])
		say(job, job->err.hint);
	if (job->result < 0)
		slug_job_end(job, arena_string(&job->arena, job->err.message));
	else if (*job->commit)
		slug_push_start(job);
	else
		slug_job_end(job, NULL);
}

/* NULL without a failure when the key is not there. */
static int expand_key(const struct step_request *request, const char *key, const char **value,
		      struct error *err)
{
	const char *text = object_text(&request->step->object, key);

	*value = text ? expand_text(request->arena, text, &request->services->values, err) : NULL;
	return text && !*value ? -1 : 0;
}

static int fill(struct slug_job *job, struct error *err)
{
	const struct step_request *request = job->request;
	struct text_list exclude =
		object_texts(request->arena, &request->step->object, "exclude");
	struct pattern_texts patterns = {.folder = ""};

	for (size_t i = 0; i < exclude.count; i++)
		vec_push(request->arena, &patterns.list,
			 ((struct pattern_text){exclude.items[i], request->step->place}));
	if (pattern_list_compile(request->arena, &patterns, &job->exclude, err) < 0 ||
	    expand_key(request, "push", &job->push, err) < 0 ||
	    expand_key(request, "branch", &job->branch, err) < 0 ||
	    expand_key(request, "tarball", &job->tarball, err) < 0)
		return -1;
	if (job->tarball)
		job->tarball = path_normal(request->arena, path_join(request->arena,
								     request->directory,
								     job->tarball));
	return 0;
}

static void *start(const struct step_request *request, enum slug_act act, struct error *err)
{
	struct slug_job *job = arena_new(request->arena, struct slug_job);

	job->request = request;
	job->act = act;
	if (fill(job, err) < 0 || loop_work(request->loop, work, worked, job, err) < 0)
		return NULL;
	return job;
}

void *slug_start(const struct step_request *request, struct error *err)
{
	static const enum slug_act acts[] = {
		[STEP_WHOLE] = SLUG_WHOLE,
		[STEP_PREPARE] = SLUG_PREPARE,
		[STEP_PUBLISH] = SLUG_PUBLISH,
	};

	return start(request, acts[request->half], err);
}

void *slug_undo(const struct step_request *request, struct error *err)
{
	return start(request, SLUG_UNDO, err);
}

void slug_stop(void *context)
{
	struct slug_job *job = context;

	atomic_store(&job->stopped, true);
	if (job->child)
		child_stop(job->child);
}

/* It can be made again of the commit, at once. */
bool slug_kept(const struct step_request *request, const char *place, struct error *err)
{
	struct repository *repository CLEANUP(repository_close) =
		repository_open(request->arena, request->root, err);
	(void)place;

	if (!repository)
		return false;
	if (repository_has_commit(repository, request->commit))
		return true;
	error_set(err, "commit %.12s, of which the slug is made, is not in this clone",
		  request->commit);
	return false;
}

bool slug_open(const struct step_config *step)
{
	return !object_has(&step->object, "tarball");
}

void slug_check(const struct step_config *step, struct diagnostics *diagnostics)
{
	if (object_has(&step->object, "heroku")) {
		diagnostics_add(diagnostics, step->place,
				"this version of shipit cannot release a slug at Heroku by itself");
		diagnostics_hint(diagnostics, "push it to the app's git remote: "
					      "slug: {push: heroku}");
	}
	if (object_has(&step->object, "branch") && !object_has(&step->object, "push"))
		diagnostics_add(diagnostics, step->place,
				"slug: 'branch' is the branch of 'push', which is not there");
}

void slug_describe(const struct step_config *step, struct buffer *out)
{
	const char *push = object_text(&step->object, "push");
	const char *tarball = object_text(&step->object, "tarball");

	if (push)
		buffer_add_format(out, "the commit's tree, pushed to %s", push);
	else if (tarball)
		buffer_add_format(out, "the commit's tree to %s", tarball);
}
