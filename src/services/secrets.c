/* One secret, read when it is asked for. */
#include "services/secrets.h"

#include "proc/child.h"

enum { TIMEOUT = 60000, MAXIMUM = 1 << 20 };

static const char *read_command(struct arena *arena, const struct secret_config *secret,
				const char *directory, struct error *err)
{
	struct text_list arguments = {0};
	struct child_result result;
	char *value = NULL;

	if (secret->command.shell) {
		vec_push(arena, &arguments, "sh");
		vec_push(arena, &arguments, "-euc");
		vec_push(arena, &arguments, secret->command.shell);
	}
	for (size_t i = 0; !secret->command.shell && i < secret->command.arguments.count; i++)
		vec_push(arena, &arguments, secret->command.arguments.items[i]);
	vec_push(arena, &arguments, NULL);
	const struct child_options options = {
		.arguments = arguments.items,
		.directory = directory,
		.timeout = TIMEOUT,
		.same_session = true,
		.errors_shown = true,
		.output_maximum = MAXIMUM,
	};
	if (child_run_ok(&options, &result, err)) {
		error_wrap(err, "the command of the secret %s", secret->name);
	} else if (result.output.overflowed) {
		error_set(err, "the command of the secret %s prints too much", secret->name);
	} else {
		size_t length = result.output.length;
		while (length && (result.output.data[length - 1] == '\n' ||
				  result.output.data[length - 1] == '\r'))
			length--;
		value = arena_bytes(arena, result.output.data, length);
	}
	child_result_release(&result);
	return value;
}

const char *secret_read(struct arena *arena, const struct config *config, const char *directory,
			const char *name, struct error *err)
{
	const struct secret_config *secret = config_secret(config, name);
	const char *value = NULL;

	if (!secret) {
		error_set(err, "there is no secret '%s'", name);
		error_hint(err, "name it below 'secrets' in %s", config->file);
	} else if (secret->env) {
		value = getenv(secret->env);
		if (!value)
			error_set(err,
				  "the secret %s is read from the variable %s, which is not set",
				  name, secret->env);
	} else if (secret->command.place.line) {
		value = read_command(arena, secret, directory, err);
	} else {
		error_set(err, "the secret %s is sealed, which this version cannot open", name);
	}
	return value;
}
