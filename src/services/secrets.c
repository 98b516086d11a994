/* One secret, read when it is asked for. */
#include "services/secrets.h"

#include "base/file.h"
#include "crypto/memory.h"
#include "crypto/sealed_file.h"
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

static const struct sealed_value *find_sealed(const struct secret_options *options,
					      const struct secret_config *secret,
					      const struct sealed_source *source, struct error *err)
{
	const struct sealed_entry *entry =
		source->file ? sealed_file_find(source->file, secret->name) : NULL;

	if (entry)
		return &entry->value;
	error_set(err, "the secret %s is not in %s", secret->name, source->where);
	error_hint(err, "shipit secrets set %s, then commit and push %s", secret->name,
		   path_join(options->arena, options->config->folder, SEALED_FILE));
	error_code(err, EXIT_USAGE);
	return NULL;
}

static const char *read_sealed(const struct secret_options *options,
			       const struct secret_config *secret, struct error *err)
{
	struct sealed_source source = {0};
	const struct sealed_value *sealed;
	const char *value = NULL;
	struct buffer out;

	if (!options->sealed) {
		error_set(err, "the secret %s is sealed, and cannot be opened here", secret->name);
		return NULL;
	}
	if (options->sealed(options->context, &source, err) < 0) {
		error_wrap(err, "the secret %s cannot be opened", secret->name);
		return NULL;
	}
	sealed = find_sealed(options, secret, &source, err);
	if (!sealed)
		return NULL;
	buffer_init(&out, SEAL_VALUE_MAXIMUM);
	if (seal_open(sealed, source.key, &out, err) == 0)
		value = arena_bytes(options->arena, out.data, out.length);
	else
		error_wrap(err, "%s", source.where);
	memory_wipe(out.data, out.length);
	buffer_release(&out);
	return value;
}

static const char *read_variable(const struct secret_config *secret, struct error *err)
{
	const char *value = getenv(secret->env);

	if (!value)
		error_set(err, "the secret %s is read from the variable %s, which is not set",
			  secret->name, secret->env);
	return value;
}

const char *secret_read(const struct secret_options *options, const char *name, struct error *err)
{
	const struct secret_config *secret = config_secret(options->config, name);

	memory_hide();
	if (!secret) {
		error_set(err, "there is no secret '%s'", name);
		error_hint(err, "name it below 'secrets' in %s", options->config->file);
		return NULL;
	}
	if (secret->env)
		return read_variable(secret, err);
	if (secret->command.place.line)
		return read_command(options->arena, secret, options->directory, err);
	return read_sealed(options, secret, err);
}
