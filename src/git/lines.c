/* Lines added and removed per changed file, on several cores. */
#include <git2.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "git/change_internal.h"
#include "git/tree_internal.h"

#define BLOB_MAXIMUM ((size_t)64 << 20)	/* beyond, a file counts as binary */
#define WORKERS_MAXIMUM 4
#define WORTH_A_WORKER 64		/* files */

struct job {
	struct changed_file *file;
	struct lines_row row;
};

struct jobs {
	const struct repository *repository;
	struct job *items;
	size_t count;
	atomic_size_t next;
	atomic_bool failed;
};

struct worker {
	pthread_t thread;
	struct jobs *jobs;
	struct arena arena;
	struct error err;
};

static bool is_binary(const char *bytes, size_t length)
{
	return length > BLOB_MAXIMUM ||
	       (length && memchr(bytes, '\0', length < 8000 ? length : 8000));
}

static uint32_t count_lines(const char *bytes, size_t length)
{
	uint32_t lines = 0;
	const char *end = bytes + length;

	for (const char *p = bytes; p < end; lines++) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));

		p = newline ? newline + 1 : end;
	}
	return lines;
}

static int count_line(const git_diff_delta *delta, const git_diff_hunk *hunk,
		      const git_diff_line *line, void *context)
{
	struct lines_row *row = context;

	(void)delta;
	(void)hunk;
	if (line->origin == GIT_DIFF_LINE_ADDITION)
		row->added++;
	else if (line->origin == GIT_DIFF_LINE_DELETION)
		row->removed++;
	return 0;
}

/* Takes away the whole lines that both begin and end with: most of most files. */
static void trim_common(const char **old, size_t *old_length, const char **new, size_t *new_length)
{
	size_t least = *old_length < *new_length ? *old_length : *new_length, same = 0, tail = 0;

	while (same < least && (*old)[same] == (*new)[same])
		same++;
	while (same > 0 && (*old)[same - 1] != '\n')
		same--;
	*old += same;
	*new += same;
	*old_length -= same;
	*new_length -= same;
	least -= same;
	while (tail < least && (*old)[*old_length - tail - 1] == (*new)[*new_length - tail - 1])
		tail++;
	/* what stays must end in a line's end, so that the tail begins with a line */
	while (tail > 0 && !((tail == *old_length || (*old)[*old_length - tail - 1] == '\n') &&
			     (tail == *new_length || (*new)[*new_length - tail - 1] == '\n')))
		tail--;
	*old_length -= tail;
	*new_length -= tail;
}

static int count_contents(struct lines_row *row, const char *old, size_t old_length,
			  const char *new, size_t new_length, struct error *err)
{
	git_diff_options options;

	if ((old && is_binary(old, old_length)) || (new && is_binary(new, new_length))) {
		row->added = row->removed = LINES_BINARY;
		return 0;
	}
	if (!old || !new) {
		row->added = new ? count_lines(new, new_length) : 0;
		row->removed = old ? count_lines(old, old_length) : 0;
		return 0;
	}
	trim_common(&old, &old_length, &new, &new_length);
	if (!old_length || !new_length) {
		row->added = count_lines(new, new_length);
		row->removed = count_lines(old, old_length);
		return 0;
	}
	git_diff_options_init(&options, GIT_DIFF_OPTIONS_VERSION);
	options.context_lines = 0;
	options.flags = GIT_DIFF_FORCE_TEXT;
	if (git_diff_buffers(old, old_length, NULL, new, new_length, NULL, &options, NULL, NULL,
			     NULL, count_line, row) < 0)
		return libgit2_error(err, "cannot compare two versions of a file");
	return 0;
}

static int read_blob(git_odb *odb, const unsigned char *id, unsigned mode, git_odb_object **object,
		     struct error *err)
{
	git_oid oid;

	if (!mode)
		return 0;
	memcpy(oid.id, id, GIT_OID_RAWSZ);
	if (git_odb_read(object, odb, &oid) == 0)
		return 0;
	return libgit2_error(err, "cannot read a changed file");
}

static int count_job(git_odb *odb, struct job *job, struct error *err)
{
	git_odb_object *old = NULL, *new = NULL;
	int status = -1;

	if (read_blob(odb, job->file->old_id, job->file->old_mode, &old, err) == 0 &&
	    read_blob(odb, job->file->new_id, job->file->new_mode, &new, err) == 0)
		status = count_contents(&job->row, old ? git_odb_object_data(old) : NULL,
					old ? git_odb_object_size(old) : 0,
					new ? git_odb_object_data(new) : NULL,
					new ? git_odb_object_size(new) : 0, err);
	git_odb_object_free(old);
	git_odb_object_free(new);
	return status;
}

static void *work(void *context)
{
	struct worker *worker = context;
	struct jobs *jobs = worker->jobs;
	struct repository *own = repository_again(&worker->arena, jobs->repository, &worker->err);
	git_odb *odb = NULL;
	size_t at;

	if (!own || git_repository_odb(&odb, own->handle) < 0)
		atomic_store(&jobs->failed, true);
	while (!atomic_load(&jobs->failed) &&
	       (at = atomic_fetch_add(&jobs->next, 1)) < jobs->count)
		if (count_job(odb, &jobs->items[at], &worker->err) < 0)
			atomic_store(&jobs->failed, true);
	git_odb_free(odb);
	if (own)
		repository_close(&own);
	return NULL;
}

static int run_jobs(struct jobs *jobs, struct error *err)
{
	struct worker workers[WORKERS_MAXIMUM] = {0};
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	size_t wanted = jobs->count / WORTH_A_WORKER + 1, started = 0;

	if (wanted > WORKERS_MAXIMUM)
		wanted = WORKERS_MAXIMUM;
	if (cores > 0 && wanted > (size_t)cores)
		wanted = (size_t)cores;
	for (size_t i = 0; i < wanted; i++)
		workers[i].jobs = jobs;
	for (started = 1; started < wanted; started++)
		if (pthread_create(&workers[started].thread, NULL, work, &workers[started]))
			break;
	work(&workers[0]);
	for (size_t i = 1; i < started; i++)
		pthread_join(workers[i].thread, NULL);
	for (size_t i = 0; i < started; i++) {
		if (workers[i].err.message[0])
			*err = workers[i].err;
		arena_release(&workers[i].arena);
	}
	return atomic_load(&jobs->failed) ? -1 : 0;
}

static void apply(struct change *change, struct changed_file *file, const struct lines_row *row)
{
	if (row->added == LINES_BINARY) {
		change->binary++;
		return;
	}
	file->counted = true;
	file->added = row->added;
	file->removed = row->removed;
	change->added += row->added;
	change->removed += row->removed;
}

/* Marks the files that are in `ignore`: none but the others are looked at. */
static bool *find_ignored(struct arena *arena, const struct change *change,
			  const struct pattern_list *ignore)
{
	bool *ignored = arena_array(arena, change->files.count + 1, sizeof(bool));
	struct pattern_index *index;
	size_t *places, count;

	if (!ignore || !ignore->count)
		return ignored;
	index = pattern_index_new(change_paths(arena, change), change->files.count);
	count = pattern_index_paths(index, arena, ignore, &places);
	for (size_t i = 0; i < count; i++)
		ignored[places[i]] = true;
	pattern_index_free(index);
	return ignored;
}

int change_count_lines(const struct repository *repository, struct change *change,
		       const struct pattern_list *ignore, struct error *err)
{
	CLEANUP(arena_release) struct arena arena = ARENA_INIT;
	CLEANUP(lines_cache_release) struct lines_cache cache = {0};
	bool *ignored = find_ignored(&arena, change, ignore);
	struct jobs jobs = {.repository = repository};
	struct lines_row *rows;

	change->lines_known = true;
	change->added = change->removed = 0;
	change->not_counted = change->binary = 0;
	jobs.items = arena_array(&arena, change->files.count + 1, sizeof(struct job));
	lines_cache_read(&cache, repository->common_dir);
	for (size_t i = 0; i < change->files.count; i++) {
		struct changed_file *file = &change->files.items[i];
		struct job job = {.file = file};
		const struct lines_row *known;

		change->not_counted += ignored[i];
		if (ignored[i] || file->is_folder || (file->old_mode & 0170000) == MODE_SUBMODULE)
			continue;
		memcpy(job.row.old_id, file->old_id, sizeof(file->old_id));
		memcpy(job.row.new_id, file->new_id, sizeof(file->new_id));
		known = lines_cache_find(&cache, &job.row);
		if (known)
			apply(change, file, known);
		else
			jobs.items[jobs.count++] = job;
	}
	if (!jobs.count)
		return 0;
	if (run_jobs(&jobs, err) < 0)
		return -1;
	rows = arena_array(&arena, jobs.count, sizeof(*rows));
	for (size_t i = 0; i < jobs.count; i++) {
		apply(change, jobs.items[i].file, &jobs.items[i].row);
		rows[i] = jobs.items[i].row;
	}
	lines_cache_write(&cache, repository->common_dir, rows, jobs.count);
	return 0;
}
