/* What the keys of assets_sync and assets_prune say, for whoever does the work. */
#include <limits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "steps/assets.h"

/* What is checked out aside must not hold what is published: the working tree that it belongs to
 * does. A linked checkout has a file .git, which names the repository's folder. */
static const char *working_tree(struct arena *arena, const char *root)
{
	const char *start, *end, *found = root;
	struct error ignored;
	struct buffer text;

	buffer_init(&text, PATH_MAX);
	if (file_read(path_join(arena, root, ".git"), &text, &ignored) == 0) {
		start = text_starts_with(text.data, "gitdir: ") ? text.data + 8 : "";
		end = strstr(start, "/.git/worktrees/");
		if (*start == '/' && end)
			found = arena_bytes(arena, start, (size_t)(end - start));
	}
	buffer_release(&text);
	return found;
}

static const char *place_of(struct arena *arena, const struct assets_source *source,
			    struct error *err)
{
	const char *to = object_text(&source->step->object, "to");
	const char *tree = NULL;

	to = expand_text(arena, to, source->values, err);
	if (!to || !text_starts_with(to, "file:") || to[5] == '/')
		return to;
	tree = working_tree(arena, source->root);
	if (*source->config->folder)
		tree = path_join(arena, tree, source->config->folder);
	return arena_format(arena, "file:%s",
			    path_normal(arena, path_join(arena, tree, to + strlen("file:"))));
}

static int expand_into(struct arena *arena, const struct assets_source *source, const char *name,
		       const char **value, struct error *err)
{
	const char *text = object_text(&source->step->object, name);

	*value = text ? expand_text(arena, text, source->values, err) : NULL;
	return text && !*value ? -1 : 0;
}

int assets_limit_parse(const char *text, struct assets_limit *limit, struct error *err)
{
	char *end;
	long long number;

	*limit = (struct assets_limit){.number = -1, .percent = 50};
	if (!text)
		return 0;
	number = strtoll(text, &end, 10);
	if (end == text || number < 0 || (*end && strcmp(end, "%") != 0)) {
		error_set(err, "'%s' is neither a number of objects nor a percentage", text);
		return error_code(err, EXIT_USAGE);
	}
	*limit = (struct assets_limit){.number = *end ? -1 : number, .percent = *end ? number : -1};
	return 0;
}

static const char *somebody(struct arena *arena)
{
	const char *deployer = getenv("SHIPIT_DEPLOYER");
	char host[256] = "";

	gethostname(host, sizeof(host) - 1);
	return deployer ? arena_format(arena, "%s on %s", deployer, host)
			: arena_string(arena, host);
}

int assets_of_step(struct arena *arena, const struct assets_source *source,
		   struct assets_options *options, struct error *err)
{
	const struct step_config *step = source->step;
	const struct object *object = &step->object;
	const char *from = object_text(object, "from");

	options->arena = arena;
	options->to = place_of(arena, source, err);
	options->line = (struct index_line){
		.app = source->config->app,
		.env = source->config->env,
		.from = from ? path_normal(arena, path_join(arena, step->dir, from)) : NULL,
	};
	options->keep = object_integer(object, "keep");
	options->grace = object_duration(object, "grace");
	options->concurrency = object_integer(object, "concurrency");
	options->older_than = -1;
	options->who = somebody(arena);
	options->now = clock_now(&clock_system);
	if (from && source->directory)
		options->folder = path_join(arena, source->directory, from);
	if (!options->to || expand_into(arena, source, "endpoint", &options->endpoint, err) < 0 ||
	    expand_into(arena, source, "region", &options->region, err) < 0 ||
	    assets_limit_parse(object_text(object, "max_delete"), &options->limit, err) < 0)
		return -1;
	return asset_rules_read(arena, object, step->place, &options->rules, err);
}

static const char *grouped(char text[32], long long number)
{
	char plain[32];
	int length = snprintf(plain, sizeof(plain), "%lld", number), out = 0;

	for (int i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			text[out++] = ',';
		text[out++] = plain[i];
	}
	text[out] = 0;
	return text;
}

const char *assets_progress_words(struct arena *arena, const struct assets *assets,
				  int64_t milliseconds)
{
	const struct assets_progress *progress = assets_progress(assets);
	long long files = atomic_load(&progress->files);
	long long total = atomic_load(&progress->files_total);
	long long bytes = atomic_load(&progress->bytes);
	long long all = atomic_load(&progress->bytes_total);
	char done[32], wanted[32], sent[32], size[32], speed[32], left[32];
	int64_t rest = files ? milliseconds * (total - files) / files : 0;

	if (!total)
		return NULL;
	if (bytes && all)
		rest = milliseconds * (all - bytes) / bytes;
	if (!milliseconds)
		milliseconds = 1;
	return arena_format(arena, "%s of %s files, %s of %s, %lld files/s, %s/s, %s left",
			    grouped(done, files), grouped(wanted, total), size_format(sent, bytes),
			    size_format(size, all), files * 1000 / milliseconds,
			    size_format(speed, bytes * 1000 / milliseconds),
			    duration_format(left, rest > 0 ? rest : 0));
}
