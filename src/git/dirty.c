/* Uncommitted changes, looked for in the background: on a large repository that takes longer than
 * all of the plan. */
#include <pthread.h>
#include <time.h>

#include "base/file.h"
#include "base/text.h"
#include "git/change.h"
#include "git/command.h"
#include "proc/child.h"

#define LARGE_INDEX 20000	/* files, from which on untracked ones are not looked for */
#define PATHS_SHOWN 5

struct dirty_check {
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool threaded, done, abandoned;
	bool known;
	struct arena arena;
	const char *folder, *index;
	struct buffer output;
};

static void check_free(struct dirty_check *check)
{
	pthread_mutex_destroy(&check->mutex);
	pthread_cond_destroy(&check->changed);
	buffer_release(&check->output);
	arena_release(&check->arena);
	free(check);
}

/* The number of files in the index: bytes 8 to 11 of its header. */
static size_t index_count(const char *path)
{
	unsigned char header[12] = {0};
	FILE *file = fopen(path, "rb");
	size_t count = 0;

	if (file && fread(header, 1, sizeof(header), file) == sizeof(header))
		count = (size_t)header[8] << 24 | (size_t)header[9] << 16 |
			(size_t)header[10] << 8 | header[11];
	if (file)
		fclose(file);
	return count;
}

static void *look(void *context)
{
	struct dirty_check *check = context;
	struct error ignored = {0};
	struct child_result result;
	bool large = index_count(check->index) > LARGE_INDEX;
	struct git_options options = {
		.folder = check->folder,
		.arguments = (const char *[]) {"status", "--porcelain", "-z", "--no-renames",
			"--ignore-submodules=dirty",
			large ? "--untracked-files=no" : "--untracked-files=normal", NULL},
	};
	bool known = git_run_ok(&options, &result, &ignored) == 0, abandoned;

	pthread_mutex_lock(&check->mutex);
	check->known = known;
	if (known)
		buffer_add(&check->output, result.output.data, result.output.length);
	check->done = true;
	abandoned = check->abandoned;
	pthread_cond_signal(&check->changed);
	pthread_mutex_unlock(&check->mutex);
	child_result_release(&result);
	if (abandoned)
		check_free(check);
	return NULL;
}

struct dirty_check *dirty_check_start(const struct repository *repository)
{
	struct dirty_check *check = calloc(1, sizeof(*check));

	if (!check)
		abort();
	check->folder = arena_string(&check->arena, repository->root);
	check->index = arena_format(&check->arena, "%s/index", repository->git_dir);
	buffer_init(&check->output, (size_t)64 << 20);
	pthread_mutex_init(&check->mutex, NULL);
	pthread_cond_init(&check->changed, NULL);
	check->threaded = pthread_create(&check->thread, NULL, look, check) == 0;
	if (check->threaded)
		pthread_detach(check->thread);
	else
		look(check);
	return check;
}

static void wait_until(struct dirty_check *check, int64_t milliseconds)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += milliseconds / 1000;
	end.tv_nsec += milliseconds % 1000 * 1000000;
	if (end.tv_nsec >= 1000000000) {
		end.tv_sec++;
		end.tv_nsec -= 1000000000;
	}
	while (!check->done) {
		if (milliseconds < 0)
			pthread_cond_wait(&check->changed, &check->mutex);
		else if (pthread_cond_timedwait(&check->changed, &check->mutex, &end))
			break;
	}
}

void dirty_check_finish(struct dirty_check *check, struct arena *arena, int64_t wait,
			struct dirty *dirty)
{
	bool done;

	*dirty = (struct dirty) {0};
	pthread_mutex_lock(&check->mutex);
	wait_until(check, wait);
	done = check->done;
	check->abandoned = !done;
	pthread_mutex_unlock(&check->mutex);
	if (!done)
		return;		/* the thread frees it */
	dirty->known = check->known;
	for (size_t at = 0; at + 3 < check->output.length;) {
		const char *entry = check->output.data + at;

		dirty->count++;
		if (dirty->paths.count < PATHS_SHOWN)
			text_list_add(arena, &dirty->paths, arena_string(arena, entry + 3));
		at += strlen(entry) + 1;
	}
	check_free(check);
}
