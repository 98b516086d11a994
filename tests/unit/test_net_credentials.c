/* Where credentials are looked for on this machine, and in which order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "aws_world.h"

#define KEYS(name) "aws_access_key_id = " name "\naws_secret_access_key = " name "-s3cr3t\n"

static void environment_put(const char *token)
{
	setenv("AWS_ACCESS_KEY_ID", "ENV", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "env-s3cr3t", 1);
	if (token)
		setenv("AWS_SESSION_TOKEN", token, 1);
}

static void test_environment(void **state)
{
	struct world *world = *state;

	environment_put(NULL);
	struct credentials found = load_as(world, NULL);
	assert_string_equal(found.access_key, "ENV");
	assert_string_equal(found.secret_key, "env-s3cr3t");
	assert_null(found.token);
	assert_true(!found.expires);
	credentials_release(&found);

	setenv("AWS_SESSION_TOKEN", "token-s3cr3t", 1);
	setenv("AWS_CREDENTIAL_EXPIRATION", "2026-11-24T01:00:00Z", 1);
	found = load_as(world, NULL);
	assert_string_equal(found.token, "token-s3cr3t");
	assert_true(found.expires == NOW + 3600000);
	credentials_release(&found);

	setenv("AWS_CREDENTIAL_EXPIRATION", "2026-11-23T23:59:59Z", 1);
	assert_no_key(world, NULL, 0, "over since 2026-11-23", "AWS_SESSION_TOKEN anew");
	setenv("AWS_CREDENTIAL_EXPIRATION", "soon", 1);
	assert_no_key(world, NULL, 0, "AWS_CREDENTIAL_EXPIRATION", "");
	unsetenv("AWS_CREDENTIAL_EXPIRATION");
	setenv("AWS_SECRET_ACCESS_KEY", "env-s3cr3t\n", 1);
	assert_no_key(world, NULL, 0, "the secret key of the environment holds", "copied");
	setenv("AWS_SECRET_ACCESS_KEY", "", 1);
	assert_no_key(world, NULL, 0, "AWS_SECRET_ACCESS_KEY is not", "Set both");
}

static void test_files(void **state)
{
	struct world *world = *state;

	config_put(world, "[default]\n" KEYS("CONFIG") "[profile only]\n" KEYS("ONLY"), "");
	assert_key(world, NULL, "CONFIG", ".aws/config");
	assert_key(world, "only", "ONLY", "the profile 'only'");
	config_put(world, "[default]\n" KEYS("CONFIG"),
		   "[default]\n" KEYS("SHARED") "[shop]\n" KEYS(
			   "SHOP") "aws_session_token = shop-token\n");
	assert_key(world, NULL, "SHARED", ".aws/credentials");
	struct credentials found = load_as(world, "shop");
	assert_string_equal(found.token, "shop-token");
	credentials_release(&found);

	setenv("AWS_PROFILE", "shop", 1);
	assert_key(world, NULL, "SHOP", "the profile 'shop'");
	environment_put(NULL);
	assert_key(world, NULL, "ENV", "the environment");
	assert_key(world, "default", "SHARED", "the profile 'default'");
}

static void test_files_elsewhere(void **state)
{
	struct world *world = *state;

	config_put(world, "[default]\n" KEYS("HOME"), "");
	file_put(world, ".aws/other", "[default]\n" KEYS("OTHER"), 0600);
	file_put(world, ".aws/third", "[default]\n" KEYS("THIRD"), 0600);
	setenv("AWS_CONFIG_FILE", "~/.aws/other", 1);
	assert_key(world, NULL, "OTHER", ".aws/other");
	setenv("AWS_SHARED_CREDENTIALS_FILE", in_home(world, ".aws/third"), 1);
	assert_key(world, NULL, "THIRD", ".aws/third");
	setenv("AWS_CONFIG_FILE", "/nowhere", 1);
	setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere/either", 1);
	assert_no_key(world, NULL, 0, "of /nowhere/either or /nowhere,", "aws configure");
}

static void test_profile_default_goes_before_default(void **state)
{
	struct world *world = *state;

	config_put(world, "[profile default]\n" KEYS("LONG") "[default]\n" KEYS("SHORT"), "");
	assert_key(world, NULL, "LONG", "config");
}

static void test_broken_files(void **state)
{
	struct world *world = *state;

	config_put(world, "[default]\nregion = x\ns3cr3t\n", "");
	assert_no_key(world, NULL, 3, "neither a [section]", "");
	config_put(world, "", "[default]\n\naws_access_key_id = A\n");
	assert_no_key(world, NULL, 3, "no aws_secret_access_key", "");
	config_put(world, "[default]\naws_access_key_id = A\naws_secret_access_key = b\n c\n", "");
	assert_no_key(world, NULL, 0, "the secret key of the profile 'default'", "copied");
	config_put(world, "", "[default]\n" KEYS("two words"));
	assert_no_key(world, NULL, 0, "the access key of the profile 'default'", "copied");
	config_put(world, "[default]\nlogin_session = arn:x\n", "");
	assert_no_key(world, NULL, 2, "aws login", "export-credentials --profile default");
	environment_put(NULL);
	assert_key(world, NULL, "ENV", "the environment");
}

static void test_missing_profiles(void **state)
{
	struct world *world = *state;

	config_put(world, "[profile shop]\n[profile \"x y\"]\n[bare]\n", "[stage]\n" KEYS("S"));
	assert_no_key(world, "shpo", 0, "no profile 'shpo' in ", "Did you mean 'shop'?");
	assert_no_key(world, "stag", 0, ".aws/credentials", "Did you mean 'stage'?");
	assert_no_key(world, "zzzzzz", 0, "", "The profiles there: shop, x y, stage.");
	assert_no_key(world, "bare", 0, "", "must be [profile bare], not [bare]");
	setenv("AWS_DEFAULT_PROFILE", "shpo", 1);
	assert_no_key(world, NULL, 0, "AWS_DEFAULT_PROFILE is wrong: there is no profile 'shpo'",
		      "shop");
	assert_no_key(world, "shop", 0, "not in the profile 'shop'", "AWS_PROFILE");
	config_put(world, "", "");
	assert_no_key(world, "shop", 0, "", "aws configure --profile shop");
}

static void test_nothing(void **state)
{
	struct world *world = *state;

	assert_no_key(world, NULL, 0,
		      "not from a container, not from an EC2 instance "
		      "(AWS_EC2_METADATA_DISABLED is set)",
		      "AWS_ACCESS_KEY_ID");
	unsetenv("AWS_EC2_METADATA_DISABLED");
	setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1", 1);
	assert_no_key(world, NULL, 0, "instance (nobody answers where it would)", "");
}

/* ---- credential_process ---- */

#define ANSWER "{\"Version\": 1, \"AccessKeyId\": \"PROCESS\", \"SecretAccessKey\": \"p-s3cr3t\""

static void process_put(struct world *world, const char *script)
{
	file_put(world, "a tool", arena_format(&world->arena, "#!/bin/sh\n%s\n", script), 0755);
	config_put(world,
		   arena_format(&world->arena,
				"[default]\ncredential_process = \"%s/a tool\" one 'two  three' "
				"$HOME\n",
				world->home),
		   "");
}

static void test_process(void **state)
{
	struct world *world = *state;

	process_put(world, "[ \"$#$1$2$3\" = '3onetwo  three$HOME' ] && echo '" ANSWER
			   ", \"SessionToken\": \"t\", \"Expiration\": \"2026-11-24T01:00:00Z\"}'");
	struct credentials found = load_as(world, NULL);
	assert_string_equal(found.access_key, "PROCESS");
	assert_string_equal(found.token, "t");
	assert_true(found.expires == NOW + 3600000);
	credentials_release(&found);
	process_put(world, "echo '" ANSWER "}'");
	assert_key(world, NULL, "PROCESS", "credential_process of the profile 'default'");

	process_put(world, "echo '" ANSWER ", \"Expiration\": \"2020-11-24T01:00:00Z\"}'");
	assert_no_key(world, NULL, 0, "are over since 2020", "a tool");
	process_put(world, "echo s3cr3t; echo 'log in first' >&2; exit 3");
	assert_no_key(world, NULL, 2, "log in first", "");
	process_put(world, "echo '{\"Version\": 2}'");
	assert_no_key(world, NULL, 2, "another \"Version\"", "");
	process_put(world, "echo '{\"Version\": 1, \"AccessKeyId\": \"s3cr3t\"}'");
	assert_no_key(world, NULL, 2, "no SecretAccessKey", "");
	process_put(world, "echo s3cr3t");
	assert_no_key(world, NULL, 2, "no JSON object", "");
	process_put(world, "head -c 100000 /dev/zero | tr '\\0' ' '; echo '" ANSWER "}'");
	assert_no_key(world, NULL, 2, "no JSON object", "");
	config_put(world, "[default]\ncredential_process = /nowhere/tool\n", "");
	assert_no_key(world, NULL, 2, "'/nowhere/tool'", "");
	config_put(world, "[default]\ncredential_process = 'tool\n", "");
	assert_no_key(world, NULL, 2, "does not end", "");
	config_put(world, "[default]\ncredential_process = 'tool\n", "[default]\n" KEYS("SHARED"));
	assert_key(world, NULL, "SHARED", "credentials");
}

/* ---- settings ---- */

static void assert_endpoint(const char *profile, const char *service, const char *wanted)
{
	const struct credentials_options options = {.profile = profile};
	char *url = credentials_endpoint(&options, service);

	if (wanted) {
		assert_non_null(url);
		assert_string_equal(url, wanted);
	} else {
		assert_null(url);
	}
	free(url);
}

static void test_settings(void **state)
{
	struct world *world = *state;
	static const char *const variables[] = {"AWS_REGION", "AWS_DEFAULT_REGION", NULL};
	const struct credentials_options options = {.profile = "p"};

	config_put(world,
		   "[profile p]\nregion = eu-1\noutput = text\n"
		   "services = local\nendpoint_url = http://all\n"
		   "[services local]\ns3 =\n  endpoint_url = http://s3\n  x = y\n",
		   "[p]\noutput = json\n");
	char *region = credentials_setting(&options, variables, "region");
	assert_string_equal(region, "eu-west-9");
	free(region);
	unsetenv("AWS_REGION");
	region = credentials_setting(&options, variables, "region");
	assert_string_equal(region, "eu-1");
	free(region);
	char *output = credentials_setting(&options, NULL, "output");
	assert_string_equal(output, "json");
	free(output);
	assert_null(credentials_setting(&options, NULL, "nothing"));

	assert_endpoint("p", "s3", "http://s3");
	assert_endpoint("p", "dynamo", "http://all");
	assert_endpoint("q", "s3", NULL);
	setenv("AWS_ENDPOINT_URL", "http://env", 1);
	assert_endpoint("p", "s3", "http://env");
	setenv("AWS_ENDPOINT_URL_S3", "http://own", 1);
	assert_endpoint("p", "s3", "http://own");
	setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true", 1);
	assert_endpoint("p", "s3", NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, world_reset)
	const struct CMUnitTest tests[] = {
		TEST(test_environment),     TEST(test_files),
		TEST(test_files_elsewhere), TEST(test_profile_default_goes_before_default),
		TEST(test_broken_files),    TEST(test_missing_profiles),
		TEST(test_nothing),         TEST(test_process),
		TEST(test_settings),
	};

	return cmocka_run_group_tests_name("credentials", tests, world_make, world_remove);
}
