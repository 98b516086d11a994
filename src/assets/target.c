/* The table of targets. */
#include "assets/target.h"

#include "base/text.h"

static const struct target_kind *const kinds[] = {&target_file, &target_s3};

struct asset_target *target_open(const struct target_options *options, struct error *err)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (text_starts_with(options->to, kinds[i]->prefix))
			return kinds[i]->open(options, err);
	error_set(err, "cannot sync assets to '%s'", options->to);
	error_hint(err, "write s3://BUCKET/PREFIX or file:/absolute/folder");
	error_code(err, EXIT_USAGE);
	return NULL;
}

void target_free(struct asset_target *target)
{
	if (target)
		target->kind->free(target);
}

int target_check(const struct asset_target *target, struct error *err)
{
	return atomic_load(target->options->stopped) ? error_set(err, "stopped") : 0;
}
