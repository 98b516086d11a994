/* Lines added and removed per changed file, on several cores. */
#include <git2.h>
#include <pthread.h>
#include <unistd.h>

#include "git/change_internal.h"
#include "git/tree_internal.h"

#define BLOB_MAXIMUM ((size_t)64 << 20)	/* beyond, a file counts as binary */
#define WORKERS_MAXIMUM 4
#define WORTH_WORKERS ((size_t)1 << 20)	/* bytes */
#define BATCH_FILES 32
#define BATCH_BYTES ((size_t)4 << 20)

struct job {
	struct changed_file *file;
	struct lines_row row;
	git_odb_object *old, *new;	/* NULL: there is none, or not now */
};

/* libgit2 takes locks that are one for the process at each piece of a pack, and two who read at
 * once wait for each other at most of them: slower than one alone. So one reads a batch at a time
 * while others compare what they have read. */
struct jobs {
	git_odb *odb;
	struct job *items;
	size_t count;
	pthread_mutex_t reading;	/* of the odb and of the two below */
	size_t next;
	bool failed;
	struct worker {
		pthread_t thread;
		struct jobs *jobs;
		size_t bytes;		/* that it has read */
		struct error err;
	} workers[WORKERS_MAXIMUM];	/* the first is the thread that asked */
	size_t started;
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

int blob_read(git_odb *odb, const unsigned char *id, git_odb_object **object, struct error *err)
{
	git_oid oid;

	memcpy(oid.id, id, GIT_OID_RAWSZ);
	if (git_odb_read(object, odb, &oid) == 0)
		return 0;
	return libgit2_error(err, "cannot read a changed file");
}

static int read_job(git_odb *odb, struct job *job, struct error *err)
{
	const struct changed_file *file = job->file;

	if (file->old_mode && blob_read(odb, file->old_id, &job->old, err) < 0)
		return -1;
	return file->new_mode ? blob_read(odb, file->new_id, &job->new, err) : 0;
}

static size_t blob_size(git_odb_object *blob)
{
	return blob ? git_odb_object_size(blob) : 0;
}

/* Takes the next files and reads them; returns how many these are. */
static size_t read_batch(struct worker *worker, struct job **batch)
{
	struct jobs *jobs = worker->jobs;
	size_t count = 0, before = worker->bytes;

	pthread_mutex_lock(&jobs->reading);
	*batch = &jobs->items[jobs->next];
	while (!jobs->failed && jobs->next < jobs->count && count < BATCH_FILES &&
	       worker->bytes - before < BATCH_BYTES) {
		struct job *job = &jobs->items[jobs->next++];

		jobs->failed = read_job(jobs->odb, job, &worker->err) < 0;
		worker->bytes += blob_size(job->old) + blob_size(job->new);
		count++;
	}
	pthread_mutex_unlock(&jobs->reading);
	return count;
}

static int count_job(struct job *job, struct error *err)
{
	return count_contents(&job->row, job->old ? git_odb_object_data(job->old) : NULL,
			      blob_size(job->old), job->new ? git_odb_object_data(job->new) : NULL,
			      blob_size(job->new), err);
}

static void stop_jobs(struct jobs *jobs)
{
	pthread_mutex_lock(&jobs->reading);
	jobs->failed = true;
	pthread_mutex_unlock(&jobs->reading);
}

static void count_batch(struct worker *worker, struct job *batch, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!worker->err.message[0] && count_job(&batch[i], &worker->err) < 0)
			stop_jobs(worker->jobs);
		git_odb_object_free(batch[i].old);
		git_odb_object_free(batch[i].new);
	}
}

static void *help(void *context)
{
	struct worker *worker = context;
	struct job *batch;
	size_t count;

	while ((count = read_batch(worker, &batch)) > 0)
		count_batch(worker, batch, count);
	return NULL;
}

static void start_helpers(struct jobs *jobs)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	for (; jobs->started < WORKERS_MAXIMUM && (long)jobs->started < cores; jobs->started++) {
		struct worker *worker = &jobs->workers[jobs->started];

		worker->jobs = jobs;
		if (pthread_create(&worker->thread, NULL, help, worker))
			return;
	}
}

static int run_jobs(struct jobs *jobs, struct error *err)
{
	struct worker *first = &jobs->workers[0];
	struct job *batch;
	size_t count;

	first->jobs = jobs;
	jobs->started = 1;
	while ((count = read_batch(first, &batch)) > 0) {
		if (first->bytes >= WORTH_WORKERS && jobs->started == 1)
			start_helpers(jobs);
		count_batch(first, batch, count);
	}
	for (size_t i = 1; i < jobs->started; i++)
		pthread_join(jobs->workers[i].thread, NULL);
	for (size_t i = 0; i < jobs->started; i++)
		if (jobs->workers[i].err.message[0])
			*err = jobs->workers[i].err;
	return jobs->failed ? -1 : 0;
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

/* Marks the files that all of the lists match: none but the others are looked at. */
static bool *find_ignored(struct arena *arena, const struct change *change,
			  const struct pattern_list *ignore, size_t lists)
{
	bool *ignored = arena_array(arena, change->files.count + 1, sizeof(bool));
	size_t *matched = arena_array(arena, change->files.count + 1, sizeof(size_t));
	struct pattern_index *index;
	size_t *places, count;

	for (size_t i = 0; i < lists; i++)
		if (!ignore[i].count)
			return ignored;
	if (!lists)
		return ignored;
	index = pattern_index_new(change_paths(arena, change), change->files.count);
	for (size_t i = 0; i < lists; i++) {
		count = pattern_index_paths(index, arena, &ignore[i], &places);
		for (size_t p = 0; p < count; p++)
			ignored[places[p]] = ++matched[places[p]] == lists;
	}
	pattern_index_free(index);
	return ignored;
}

int change_count_lines(const struct repository *repository, struct change *change,
		       const struct pattern_list *ignore, size_t lists, struct error *err)
{
	CLEANUP(arena_release) struct arena arena = ARENA_INIT;
	CLEANUP(lines_cache_release) struct lines_cache cache = {0};
	bool *ignored = find_ignored(&arena, change, ignore, lists);
	struct jobs jobs = {.reading = PTHREAD_MUTEX_INITIALIZER};
	struct lines_row *rows;
	int status;

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
	if (git_repository_odb(&jobs.odb, repository->handle) < 0)
		return libgit2_error(err, "cannot open the repository's objects");
	status = run_jobs(&jobs, err);
	git_odb_free(jobs.odb);
	if (status < 0)
		return -1;
	rows = arena_array(&arena, jobs.count, sizeof(*rows));
	for (size_t i = 0; i < jobs.count; i++) {
		apply(change, jobs.items[i].file, &jobs.items[i].row);
		rows[i] = jobs.items[i].row;
	}
	lines_cache_write(&cache, repository->common_dir, rows, jobs.count);
	return 0;
}
