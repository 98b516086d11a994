/* What plan asks of src/git, for bench/git_change.sh: FOLDER OLD NEW; prints milliseconds of each part. */
#include "base/clock.h"
#include "git/change.h"
#include "git/treesource.h"

static int64_t lap(int64_t *since)
{
	int64_t now = clock_monotonic(), took = now - *since;

	*since = now;
	return took;
}

int main(int argc, char **argv)
{
	CLEANUP(arena_release) struct arena arena = ARENA_INIT;
	struct error err = {0};
	struct repository *repository;
	struct change change;
	struct change_options options = {0};
	struct config_source source;
	struct text_list paths = {0};
	char old[COMMIT_TEXT], new[COMMIT_TEXT];
	int64_t since = clock_monotonic();

	if (argc != 4)
		return 2;
	repository = repository_open(&arena, argv[1], &err);
	if (!repository || repository_resolve(repository, argv[2], NULL, old, &err) < 0 ||
	    repository_resolve(repository, argv[3], NULL, new, &err) < 0)
		goto failed;
	printf("open %d", (int)lap(&since));
	options.live = old;
	options.target = new;
	if (change_read(repository, &arena, &options, &change, &err) < 0)
		goto failed;
	printf(" walk %d", (int)lap(&since));
	if (change_count_lines(repository, &change, NULL, 0, &err) < 0)
		goto failed;
	printf(" lines %d", (int)lap(&since));
	if (config_source_commit(repository, &arena, new, &source, &err) < 0 ||
	    source.list(source.context, &arena, "deploy.tasks.yml", &paths, &err) < 0)
		goto failed;
	printf(" places %d: %zu files +%d -%d\n", (int)lap(&since), change.files.count,
	       (int)change.added, (int)change.removed);
	repository_close(&repository);
	return 0;
failed:
	fprintf(stderr, "%s\n", err.message);
	return 1;
}
