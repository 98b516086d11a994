/* deploy.yml, pipelines and tasks as structs; overlays; what is wrong with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "config_files.h"

struct loaded {
	struct arena arena;
	struct diagnostics diagnostics;
	struct error err;
	struct config *config;
	struct buffer words;
};

static const struct step_kind_keys run_kind[] = {
	{ .row = { .name = "run", .types = TYPE_COMMAND } },
};

static void load(struct loaded *it, struct memory_file *files, const char *env)
{
	struct config_source source = memory_source(files);
	struct config_options options = {
		.source = &source, .path = "deploy.yml", .env = env, .kinds = run_kind,
		.kind_count = 1, .every_environment = true,
	};

	*it = (struct loaded){ 0 };
	diagnostics_init(&it->diagnostics, &it->arena);
	it->config = config_load(&it->arena, &options, &it->diagnostics, &it->err);
	buffer_init(&it->words, 1 << 16);
	diagnostics_write(&it->diagnostics, &it->words);
	if (!it->config)
		assert_int_equal(it->err.exit_code, EXIT_USAGE);
}

static void unload(struct loaded *it)
{
	buffer_release(&it->words);
	arena_release(&it->arena);
}

#define DEPLOY "app: shop\npipeline: web\nenvironments: {production: {}, staging: {}}\n"
#define PIPELINE "stages: {release: {go_live: true, steps: [run: 'true']}}\n"

static void whole_pipeline(const struct pipeline *pipeline);

static void whole(void **state)
{
	struct memory_file files[] = {
		{ "deploy.yml",
		  "app: shop\npipeline: web\nx-anchor: &vars {A: 1, B: on}\n"
		  "environments:\n"
		  "  production:\n    branch: master\n    url: 'https://${HOST}/x'\n"
		  "    vars: {<<: *vars, A: 2, HOST: shop.example.com}\n"
		  "    smoke: {within: 5s, commit: null}\n"
		  "  staging: {branch: '*', vars: {HOST: s}}\n"
		  "secrets: {KEY: {env: MY_KEY}, OTHER: sealed}\n"
		  "fingerprints: {CACHE: ['api/**', '!api/x']}\n"
		  "guards: {size: {warn: 3}}\n"
		  "smoke:\n  within: 60s\n  commit: {match: 'c=([0-9a-f]+)'}\n"
		  "  on_fail: stop\n"
		  "  checks:\n    - {get: /, contains: cart, max: 800ms, header: {x-a: b}}\n"
		  "    - {run: [npx, test]}\n" },
		{ "pipelines/web.yml",
		  "stages:\n  backend:\n    dir: api\n    env: {X: 1}\n    steps:\n"
		  "      - run: true\n      - run: [make, 1]\n        dir: sub\n"
		  "      - {name: run-2, run: x, timeout: 0, secrets: KEY, rollback: skip}\n"
		  "  release:\n    go_live: true\n    needs: backend\n    steps:\n"
		  "      - {run: migrate, undo: unmigrate, uses: [backend.run]}\n"
		  "tasks: {warm: {run: w, deferred: true}}\n"
		  "ask: {REASON: Why?, WHO: {default: me}}\ndeadline: 30m\n" },
		{ "api/category/deploy.tasks.yml",
		  "tasks:\n  categories: {if_changed: ['*.py', //top], run: go, dir: bin}\n" },
		{ NULL, NULL },
	};
	struct loaded it;

	(void)state;
	load(&it, files, NULL);
	assert_string_equal(it.words.data, "");
	assert_non_null(it.config);
	assert_string_equal(it.config->env, "production");
	assert_string_equal(it.config->url, "https://shop.example.com/x");
	assert_true(it.config->protected_);
	assert_false(it.config->environments.items[1].protected_);
	assert_string_equal(config_var(it.config, "A"), "2");
	assert_string_equal(config_var(it.config, "B"), "on");
	assert_int_equal(it.config->smoke.within, 5000);
	assert_null(it.config->smoke.commit_match);
	assert_int_equal(it.config->smoke.on_fail, SMOKE_STOP);
	assert_int_equal(it.config->smoke.checks.count, 2);
	assert_string_equal(it.config->smoke.checks.items[0].name, "GET /");
	assert_int_equal(it.config->smoke.checks.items[0].max, 800);
	assert_string_equal(it.config->smoke.checks.items[1].name, "npx test");
	assert_int_equal(it.config->guards.size_warn, 3);
	assert_int_equal(it.config->guards.size_refuse, 5000);
	assert_string_equal(it.config->sound_go_live, "foghorn");
	assert_string_equal(config_secret(it.config, "KEY")->env, "MY_KEY");
	assert_true(config_secret(it.config, "OTHER")->sealed);
	whole_pipeline(it.config->pipeline);
	unload(&it);
}

static void whole_pipeline(const struct pipeline *pipeline)
{
	const struct step_config *steps = pipeline->stages.items[0].steps.items;

	assert_int_equal(pipeline->stages.count, 2);
	assert_string_equal(steps[0].name, "run");
	assert_string_equal(steps[0].run.shell, "true");
	assert_string_equal(steps[0].dir, "api");
	assert_string_equal(steps[1].name, "run-3");
	assert_string_equal(steps[1].dir, "api/sub");
	assert_string_equal(steps[1].run.arguments.items[1], "1");
	assert_int_equal(steps[2].timeout, 0);
	assert_int_equal(steps[1].timeout, -1);
	assert_true(steps[2].rollback_skip);
	assert_string_equal(pipeline->stages.items[1].needs.items[0], "backend");
	assert_int_equal(pipeline->deadline, 1800000);
	assert_int_equal(pipeline->ask.count, 2);
	assert_string_equal(pipeline->ask.items[0].prompt, "Why?");
	assert_int_equal(pipeline->tasks.count, 2);
	assert_true(pipeline->tasks.items[0].step.deferred);
	assert_string_equal(pipeline->tasks.items[1].folder, "api/category");
	assert_string_equal(pipeline->tasks.items[1].step.dir, "api/category/bin");
	assert_string_equal(pipeline->tasks.items[1].step.if_changed.folder, "api/category");
}

/* Every text must be among the words that are shown. */
static void expect(const char *deploy, const char *pipeline, const char *const *texts)
{
	struct memory_file files[] = {
		{ "deploy.yml", deploy }, { "pipelines/web.yml", pipeline }, { NULL, NULL },
	};
	struct loaded it;

	load(&it, files, NULL);
	assert_null(it.config);
	for (; *texts; texts++)
		if (!strstr(it.words.data, *texts) && !strstr(it.err.message, *texts))
			fail_msg("'%s' is not in:\n%s%s", *texts, it.words.data, it.err.message);
	unload(&it);
}

#define EXPECT(deploy, pipeline, ...) \
	expect(deploy, pipeline, (const char *const[]){ __VA_ARGS__, NULL })

static void all_mistakes_at_once(void **state)
{
	(void)state;
	EXPECT(DEPLOY "remte: x\nworkspace: hre\nclean: 3\n", PIPELINE,
	       "deploy.yml:4:1: error: unknown key 'remte'; did you mean 'remote'?",
	       "    remte: x\n    ^", "'workspace' must be one of worktree, here, not 'hre'",
	       "did you mean 'here'?", "deploy.yml:6:8");
	EXPECT(DEPLOY, "stages:\n  a:\n    nedes: [b]\n    steps: [{rn: x}]\n",
	       "pipelines/web.yml:3:5: error: unknown key 'nedes'; did you mean 'needs'?",
	       "unknown key 'rn'; did you mean 'run'?");
	EXPECT("app: shop\n", NULL, "the key 'pipeline' is missing",
	       "the key 'environments' is missing");
	EXPECT("- a\n", NULL, "the file must be a mapping");
	EXPECT("", NULL, "the file is empty");
}

static void bad_values(void **state)
{
	(void)state;
	EXPECT(DEPLOY, "stages: {a: {steps: [{run: x, timeout: 30}]}}\n",
	       "'30' is not a duration");
	EXPECT(DEPLOY, "stages: {a: {steps: [{run: x, ssh: y}]}}\n", "exclude each other");
	EXPECT(DEPLOY, "stages: {a: {steps: [{name: x}]}}\n", "a step needs one kind");
	EXPECT(DEPLOY, "stages: {a: {steps: []}}\n", "is an empty list");
	EXPECT(DEPLOY, "stages: {a/b: {steps: [run: x]}}\n", "cannot be a name");
	EXPECT(DEPLOY, "stages: {a: {steps: [{run: x, name: n}, {run: y, name: n}]}}\n",
	       "two steps of one stage are named 'n'");
	EXPECT(DEPLOY, "stages: {a: {steps: [{run: x, secrets: [NO]}]}}\n",
	       "unknown secret 'NO'");
	EXPECT(DEPLOY, "stages: {a: {steps: [{run: x, dir: ../b}]}}\n", "leaves the repository");
	EXPECT(DEPLOY, "stages: {a: {steps: [{http: {url: 'http://${HOTS}'}}]}}\n",
	       "unknown variable '${HOTS}'");
	EXPECT(DEPLOY "smoke: {commit: {match: 'a(b'}}\n", PIPELINE,
	       "'a(b' is not a regular expression");
	EXPECT(DEPLOY "smoke: {checks: [{get: '/${X'}]}\n", PIPELINE, "without its '}'");
	EXPECT(DEPLOY "smoke: {checks: [{status: 20}]}\n", PIPELINE, "must be 100 or more");
	EXPECT("app: s\npipeline: nope\nenvironments: {production: {}}\n", PIPELINE,
	       "unknown pipeline 'nope'");
}

static void bad_yaml(void **state)
{
	(void)state;
	EXPECT("app: a\napp: b\n", NULL, "the key 'app' is here twice", "line 1");
	EXPECT("app:\n\tx: 1\n", NULL, "deploy.yml:2:1", "never tabs");
	EXPECT("app: [a\nb: 1\n", NULL, "this is not YAML");
	EXPECT("app: \xff\n", NULL, "this is not UTF-8", "deploy.yml:1:6");
	EXPECT("a: &a [*a]\n", NULL, "contains itself");
	EXPECT("a: *b\n", NULL, "has no anchor");
	EXPECT("a: 1\n---\nb: 1\n", NULL, "a second document");
	EXPECT("x-a: &a [1,1,1,1,1,1,1,1,1,1]\nx-b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
	       "x-c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nx-d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
	       "x-e: [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n",
	       NULL, "expands beyond 100000 nodes");
}

static void unknown_environment(void **state)
{
	struct memory_file files[] = {
		{ "deploy.yml", DEPLOY }, { "pipelines/web.yml", PIPELINE }, { NULL, NULL },
	};
	struct loaded it;

	(void)state;
	load(&it, files, "prodution");
	assert_null(it.config);
	assert_string_equal(it.err.message, "unknown environment 'prodution'");
	assert_string_equal(it.err.hint, "did you mean 'production'?");
	unload(&it);
	files[0].path = "other.yml";
	load(&it, files, NULL);
	assert_string_equal(it.err.message, "there is no deploy.yml in memory");
	unload(&it);
}

static void tasks_of_one_name(void **state)
{
	struct memory_file files[] = {
		{ "deploy.yml", DEPLOY }, { "pipelines/web.yml", PIPELINE },
		{ "a/deploy.tasks.yml", "tasks: {x: {run: a}}" },
		{ "b/deploy.tasks.yml", "tasks: {x: {run: a}}" }, { NULL, NULL },
	};
	struct loaded it;

	(void)state;
	load(&it, files, NULL);
	assert_null(it.config);
	assert_non_null(strstr(it.words.data, "b/deploy.tasks.yml:1:9: error: the task 'x' is "
					      "also in a/deploy.tasks.yml, line 1"));
	unload(&it);
}

static void later_parts_are_noted(void **state)
{
	struct memory_file files[] = {
		{ "deploy.yml", DEPLOY "cache: {max: 1GiB}\n" },
		{ "pipelines/web.yml", PIPELINE }, { NULL, NULL },
	};
	struct loaded it;

	(void)state;
	load(&it, files, NULL);
	assert_non_null(it.config);
	assert_int_equal(it.config->notes.count, 1);
	assert_string_equal(it.config->notes.items[0].key, "cache");
	unload(&it);
}

static void expansion(void **state)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;
	struct fill_values values = { .commit = "abc", .env = "production" };

	(void)state;
	assert_string_equal(fill_text(&arena, "{commit}-{env}-{previous}-{x}", &values),
			    "abc-production--{x}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole), cmocka_unit_test(all_mistakes_at_once),
		cmocka_unit_test(bad_values), cmocka_unit_test(bad_yaml),
		cmocka_unit_test(unknown_environment), cmocka_unit_test(tasks_of_one_name),
		cmocka_unit_test(later_parts_are_noted), cmocka_unit_test(expansion),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
