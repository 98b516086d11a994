/* Taking and freeing a lease, next to a bare `git push` of one ref; for bench/run: FOLDER TIMES
 * prints the medians in microseconds: take, push, free, push that deletes. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "git/write.h"
#include "proc/child.h"
#include "state/lease.h"

struct bench {
	struct arena arena;
	struct error err;
	const char *folder;
	struct store *store;
	struct repository *repository;
	char commit[COMMIT_TEXT];
	struct lease lease;
};

static int64_t microseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int take(struct bench *bench)
{
	const struct lease_request request = {
		.env = "production", .command = "deploy", .holder = "bench", .length = 120000,
	};

	return lease_take(bench->store, &bench->arena, &request, &bench->lease, &bench->err);
}

static int free_it(struct bench *bench)
{
	int status = lease_free(bench->store, &bench->arena, "production", &bench->lease,
				&bench->err);

	lease_release(&bench->lease);
	return status;
}

static int push(struct bench *bench, const char *refspec)
{
	const char *const arguments[] = {"git", "-C", bench->folder, "push", "--quiet", "origin",
					 refspec, NULL};
	const struct child_options options = {.arguments = arguments, .same_session = true};
	struct child_result result;
	int status = child_run_ok(&options, &result, &bench->err);

	child_result_release(&result);
	return status;
}

/* Something new to push, as a lease is; made outside what is measured. */
static int prepare(struct bench *bench, size_t round)
{
	char text[32];
	int length = snprintf(text, sizeof(text), "%zu", round);
	const struct commit_file file = {
		.name = "entry.json", .bytes = text, .length = (size_t)length, .message = "bench\n",
	};

	return commit_write(bench->repository, &file, bench->commit, &bench->err);
}

static int push_one(struct bench *bench)
{
	return push(bench, arena_format(&bench->arena, "%s:refs/bench/one", bench->commit));
}

static int push_delete(struct bench *bench)
{
	return push(bench, ":refs/bench/one");
}

static int by_size(const void *one, const void *other)
{
	int64_t a = *(const int64_t *)one, b = *(const int64_t *)other;

	return (a > b) - (a < b);
}

/* In turn, so that noise meets all. */
static int measure(struct bench *bench, size_t times)
{
	static int (*const calls[])(struct bench *bench) = {take, push_one, free_it, push_delete};
	int64_t *taken = arena_array(&bench->arena, 4 * times, sizeof(*taken));

	for (size_t i = 0; i < times; i++) {
		if (prepare(bench, i) < 0)
			return -1;
		for (size_t call = 0; call < 4; call++) {
			int64_t begun = microseconds();

			if (calls[call](bench) != 0)
				return -1;
			taken[call * times + i] = microseconds() - begun;
		}
	}
	for (size_t call = 0; call < 4; call++) {
		qsort(taken + call * times, times, sizeof(*taken), by_size);
		printf("%lld\n", (long long)taken[call * times + times / 2]);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct bench bench = {.folder = argc == 3 ? argv[1] : "."};
	const struct store_options options = {.state = "git", .work_dir = bench.folder};
	const struct store_fetch fetch = {.env = "production"};

	bench.store = store_open(&options, &bench.err);
	bench.repository = repository_open(&bench.arena, bench.folder, &bench.err);
	if (argc != 3 || !bench.store || !bench.repository || store_fetch(bench.store, &fetch, &bench.err) < 0 ||
	    measure(&bench, (size_t)strtoul(argv[2], NULL, 10)) < 0) {
		fprintf(stderr, "lease: %s\n", bench.err.message);
		return 1;
	}
	store_free(bench.store);
	repository_close(&bench.repository);
	arena_release(&bench.arena);
	return 0;
}
