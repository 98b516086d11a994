/* Any bytes as deploy.yml and as its pipeline: parsed, checked, read; never a crash or a hang. */
#include <stdint.h>

#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *data;
	size_t size;
};

static int read_input(void *context, const char *path, struct buffer *out, struct error *err)
{
	static const char deploy[] = "app: a\npipeline: p\nenvironments: {production: {}}\n";
	const struct input *input = context;
	bool is_deploy = strcmp(path, "deploy.yml") == 0;

	(void)err;
	if (is_deploy && input->size % 2)
		return buffer_add_text(out, deploy) < 0 ? -1 : 1;
	return buffer_add(out, input->data, input->size) < 0 ? -1 : 1;
}

static int list_input(void *context, struct arena *arena, const char *name,
		      struct text_list *paths, struct error *err)
{
	(void)context, (void)err;
	const char *path = arena_format(arena, "api/%s", name);

	vec_push(arena, paths, path);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;
	struct input input = { data, size };
	struct config_source source = { read_input, list_input, &input, "fuzz" };
	struct config_options options = { .source = &source, .path = "deploy.yml",
					  .every_environment = true };
	struct diagnostics diagnostics;
	struct buffer out CLEANUP(buffer_release);
	struct error err;
	struct config *config;

	buffer_init(&out, 1 << 20);
	diagnostics_init(&diagnostics, &arena);
	config = config_load(&arena, &options, &diagnostics, &err);
	diagnostics_write(&diagnostics, &out);
	if (config)
		node_write(config->environment, &out);
	return 0;
}
