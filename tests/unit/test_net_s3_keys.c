/* The S3 client finds its credentials by itself, and others when those are over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "s3_world.h"

static int begin(void **state)
{
	*state = world_strict(NULL);
	return 0;
}

static int end(void **state)
{
	world_free(*state);
	return 0;
}

/* A client that is given nothing; whose files say `config`. */
static void use_config(struct world *world, const char *config)
{
	static const char *const variables[] = {
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE",
		"AWS_REGION",        "AWS_DEFAULT_REGION",    "AWS_ENDPOINT_URL",
	};
	const char *path = path_join(&world->arena, world->folder, "config");
	const struct s3_options options = {.bucket = "strict", .retry_delay = 20};
	struct error err = {0};

	for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++)
		unsetenv(variables[i]);
	setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
	setenv("AWS_CONFIG_FILE", path, 1);
	setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null", 1);
	assert_int_equal(file_write(path, config, strlen(config), 0600, &err), 0);
	s3_free(world->s3);
	world->s3 = s3_new(world->loop, &options, &err);
	if (!world->s3)
		fail_msg("%s", err.message);
}

static void from_the_profile(void **state)
{
	struct world *world = *state;

	use_config(world, arena_format(&world->arena,
				       "[default]\nregion = %s\nendpoint_url = %s\n"
				       "aws_access_key_id = TESTER\n"
				       "aws_secret_access_key = tester-secret\n",
				       world->region, world->endpoint));
	assert_int_equal(world_crowd(world, 100).failed, 0);
	assert_int_equal(s3_totals(world->s3).requests, 100);
}

/* A process that gives expired keys at first. */
static void others_when_they_expired(void **state)
{
	static const char script[] =
		"#!/bin/sh\n"
		"key=EXPIRED secret=expired-secret\n"
		"if [ -e \"$0.again\" ]; then key=TESTER secret=tester-secret; fi\n"
		"echo >>\"$0.again\"\n"
		"echo '{\"Version\": 1, \"AccessKeyId\": \"'$key'\", \"SecretAccessKey\": "
		"\"'$secret'\"}'\n";
	struct world *world = *state;
	const char *path = path_join(&world->arena, world->folder, "keys");
	struct error err = {0};
	struct crowd crowd;

	assert_int_equal(file_write(path, script, strlen(script), 0700, &err), 0);
	use_config(world, arena_format(&world->arena,
				       "[default]\nregion = %s\nendpoint_url = %s\n"
				       "credential_process = %s\n",
				       world->region, world->endpoint, path));
	crowd = world_crowd(world, 100);
	if (crowd.failed)
		fail_msg("%s (%s)", crowd.failure.message, crowd.failure.hint);
	WORKS(world, world_get(world, "crowd/99"));
	assert_int_equal(world->answer.tries, 1);
}

static void none_at_all(void **state)
{
	struct world *world = *state;
	struct crowd crowd;

	use_config(world, arena_format(&world->arena, "[default]\nregion = %s\nendpoint_url = %s\n",
				       world->region, world->endpoint));
	crowd = world_crowd(world, 10);
	assert_int_equal(crowd.failed, 10);
	assert_int_equal(s3_totals(world->s3).requests, 0);
	assert_non_null(strstr(crowd.failure.message, "credentials"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(from_the_profile),
		cmocka_unit_test(others_when_they_expired),
		cmocka_unit_test(none_at_all),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
