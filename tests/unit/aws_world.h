/* A home folder, an environment without anything of Amazon's in it, and aws_identity.py. */
#pragma once
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "net/credentials.h"

#define NOW INT64_C(1795478400000) /* 2026-11-24T00:00:00Z */

extern char **environ;

struct world {
	struct arena arena;
	char *home;
	char url[64];
	pid_t server;
	int stdin_of_server;
	struct clock clock;
};

/* Keeps PATH and what the sanitizers need. */
static void environment_clear(void)
{
	for (char **entry = environ; *entry;) {
		char name[256];
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(*entry, "="), *entry);
		if (strncmp(name, "AWS_", 4) && !strstr(name, "proxy") && !strstr(name, "PROXY"))
			entry++;
		else
			unsetenv(name);
	}
	setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
	setenv("TZ", "UTC", 1);
}

static void server_start(struct world *world)
{
	int in[2], out[2];

	assert_int_equal(pipe(in) | pipe(out), 0);
	world->server = fork();
	if (!world->server) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		execlp("python3", "python3", "tests/servers/aws_identity.py", world->home,
		       (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	world->stdin_of_server = in[1];
	for (size_t i = 0; i + 1 < sizeof(world->url); i++)
		if (read(out[0], world->url + i, 1) != 1 || world->url[i] == '\n') {
			world->url[i] = '\0';
			break;
		}
	assert_true(*world->url != '\0');
	close(out[0]);
}

static int world_make(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct error err = {0};

	world->clock = clock_fixed(NOW);
	world->home = folder_temporary(&world->arena, &err);
	assert_non_null(world->home);
	server_start(world);
	*state = world;
	return 0;
}

static int world_remove(void **state)
{
	struct world *world = *state;
	struct error err = {0};

	close(world->stdin_of_server);
	waitpid(world->server, NULL, 0);
	assert_int_equal(tree_remove(world->home, &err), 0);
	arena_release(&world->arena);
	free(world);
	return 0;
}

static char *in_home(struct world *world, const char *name)
{
	return arena_format(&world->arena, "%s/%s", world->home, name);
}

static void file_put(struct world *world, const char *name, const char *text, mode_t mode)
{
	struct error err = {0};
	const char *path = in_home(world, name);

	assert_int_equal(folder_make(path_folder(&world->arena, path), 0755, &err), 0);
	assert_int_equal(file_write(path, text, strlen(text), mode, &err), 0);
}

/* Before each test: nothing but these files, and no proxy that anybody could reach. */
static int world_reset(void **state)
{
	struct world *world = *state;
	struct error err = {0};

	environment_clear();
	setenv("HOME", world->home, 1);
	setenv("AWS_REGION", "eu-west-9", 1);
	setenv("AWS_ENDPOINT_URL_STS", world->url, 1);
	setenv("AWS_ENDPOINT_URL_SSO", world->url, 1);
	setenv("AWS_ENDPOINT_URL_SSO_OIDC", world->url, 1);
	assert_int_equal(tree_remove(in_home(world, ".aws"), &err), 0);
	file_put(world, "requests.log", "", 0644);
	return 0;
}

static void config_put(struct world *world, const char *config, const char *shared)
{
	file_put(world, ".aws/config", config, 0600);
	file_put(world, ".aws/credentials", shared, 0600);
}

static struct credentials load_as(struct world *world, const char *profile)
{
	const struct credentials_options options = {.profile = profile, .clock = &world->clock};
	struct credentials found = {0};
	struct error err = {0};

	if (credentials_load(&options, &found, &err))
		fail_msg("%s:%d: %s (%s)", err.file, err.line, err.message, err.hint);
	return found;
}

static void assert_key(struct world *world, const char *profile, const char *key,
		       const char *source)
{
	struct credentials found = load_as(world, profile);

	assert_string_equal(found.access_key, key);
	assert_non_null(strstr(found.secret_key, "s3cr3t"));
	if (!strstr(found.source, source))
		fail_msg("'%s' lacks '%s'", found.source, source);
	assert_true(*found.renew != '\0');
	credentials_release(&found);
	assert_null(found.access_key);
}

/* The words of the message and of the hint, the line that it cites (0: none). */
static void assert_no_key(struct world *world, const char *profile, int line, const char *words,
			  const char *hint)
{
	const struct credentials_options options = {.profile = profile, .clock = &world->clock};
	struct credentials found = {0};
	struct error err = {0};

	if (!credentials_load(&options, &found, &err))
		fail_msg("found %s", found.access_key);
	assert_null(found.access_key);
	if (!strstr(err.message, words) || !strstr(err.hint, hint) || err.line != line)
		fail_msg("%s:%d '%s' / '%s' is not '%s' / '%s'", err.file, err.line, err.message,
			 err.hint, words, hint);
	if (strstr(err.message, "s3cr3t") || strstr(err.hint, "s3cr3t"))
		fail_msg("a secret in '%s' / '%s'", err.message, err.hint);
}
