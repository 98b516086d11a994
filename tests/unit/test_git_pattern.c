/* Patterns: by hand, against git check-ignore on thousands of random cases, and the index against
 * the plain matcher. */
#include "git_fixture.h"

#include "base/clock.h"
#include "base/text.h"
#include "git/command.h"
#include "git/glob.h"
#include "git/pattern.h"

static uint32_t seed = 20261123;

static uint32_t pick(uint32_t limit)
{
	seed = seed * 1664525U + 1013904223U;
	return (seed >> 8) % limit;
}

static void compile(struct arena *arena, struct pattern_list *list, const char *folder,
		    const char *const *patterns)
{
	struct pattern_texts texts = {.folder = folder};
	struct error err = {0};

	for (; *patterns; patterns++)
		vec_push(arena, &texts.list, (struct pattern_text) {.text = *patterns});
	expect_ok(pattern_list_compile(arena, &texts, list, &err), &err);
}

static bool matches(const char *pattern, const char *path)
{
	CLEANUP(arena_release) struct arena arena = ARENA_INIT;
	struct pattern_list list;

	compile(&arena, &list, "", (const char *[]) {pattern, NULL});
	return pattern_list_matches(&list, path, false);
}

static void by_hand(void **state)
{
	(void)state;
	assert_true(matches("frontend/**", "frontend/a/b.js"));
	assert_true(matches("frontend", "frontend/a/b.js"));
	assert_true(matches("frontend/", "frontend/a/b.js"));
	assert_false(matches("frontend/", "frontend"));
	assert_false(matches("frontend/**", "frontend"));
	assert_true(matches("*.lock", "a/b/yarn.lock"));
	assert_true(matches("/*.lock", "yarn.lock"));
	assert_false(matches("/*.lock", "a/yarn.lock"));
	assert_true(matches("**/migrations/**", "shop/migrations/0001.py"));
	assert_true(matches("**/migrations/**", "migrations/0001.py"));
	assert_false(matches("api/*.py", "api/v1/a.py"));
	assert_true(matches("api/**/cache_keys.py", "api/cache_keys.py"));
	assert_true(matches("a/**/b", "a/x/y/b/c"));
	assert_true(matches("[[:digit:]]*.sql", "db/0001.sql"));
	assert_true(matches("\\!important", "important") == false);
	assert_true(matches("\\!important", "!important"));
	assert_true(matches("caf\xe9", "caf\xe9/x"));
	assert_true(matches("name ", "name"));
	assert_true(matches("name\\ ", "name "));
}

static void last_one_wins(void **state)
{
	CLEANUP(arena_release) struct arena arena = ARENA_INIT;
	struct pattern_list list;

	(void)state;
	compile(&arena, &list, "", (const char *[]) {"api/", "!api/docs/", "api/docs/x.py", NULL});
	assert_true(pattern_list_matches(&list, "api/a.py", false));
	assert_false(pattern_list_matches(&list, "api/docs/a.py", false));
	assert_true(pattern_list_matches(&list, "api/docs/x.py", false));
	compile(&arena, &list, "api/category", (const char *[]) {"*.py", "//settings.py", NULL});
	assert_true(pattern_list_matches(&list, "api/category/deep/a.py", false));
	assert_false(pattern_list_matches(&list, "api/a.py", false));
	assert_true(pattern_list_matches(&list, "settings.py", false));
	assert_false(pattern_list_matches(&list, "api/category/settings.txt", false));
}

static void refuses_bad_ones(void **state)
{
	static const char *const bad[] = {"", "!", "/", "a[", "a\\", "[[:nope:]]", "./a", "../a",
					  "a//b", "#a", "  "};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct error err = {0};

		if (pattern_check(bad[i], &err) == 0)
			fail_msg("'%s' was accepted", bad[i]);
		assert_non_null(strstr(err.message, "pattern"));
	}
}

static void globs(void **state)
{
	(void)state;
	assert_true(glob_match("*", "feature/x"));
	assert_true(glob_match("release/*", "release/1/2"));
	assert_false(glob_match("release/*", "release"));
	assert_true(glob_match("*-hot*fix", "a-hot-b-fix"));
	assert_false(glob_match("master", "master2"));
}

static const char *random_name(struct arena *arena)
{
	static const char *const names[] = {
		"a",      "b",         "ab",  "foo",     "foobar", "bar", "a.py", "b.lock",
		"foo.py", "x y",       "[x]", "a*b",     "\\",     "!a",  "m",    "test_a",
		"A",      "f\xc3\xb6", "a-b", ".hidden", "]",      "aa"};

	(void)arena;
	return names[pick(sizeof(names) / sizeof(*names))];
}

static const char *random_path(struct arena *arena)
{
	const char *path = random_name(arena);

	for (uint32_t depth = pick(4); depth > 0; depth--)
		path = arena_format(arena, "%s/%s", path, random_name(arena));
	return path;
}

static const char *random_piece(struct arena *arena)
{
	static const char *const pieces[] = {"*", "**", "a*", "*b", "*.py", "?", "f?o", "[ab]",
		"[!a]*", "[^b-z]", "[a-c]b", "foo*bar", "**a", "a**", "\\*", "\\a", "[[:alpha:]]",
		"test_*", "*o*", "***", "[]]", "[]a-]", "a\\*b", "[\\]]", "*?", "?*", "**foo**"};

	if (pick(2))
		return random_name(arena);
	return pieces[pick(sizeof(pieces) / sizeof(*pieces))];
}

static const char *random_pattern(struct arena *arena)
{
	for (;;) {
		struct error err = {0};
		const char *pattern = random_piece(arena);

		for (uint32_t depth = pick(4); depth > 0; depth--)
			pattern = arena_format(arena, "%s%s%s", pattern, pick(9) ? "/" : "",
					       random_piece(arena));
		pattern = arena_format(arena, "%s%s%s", pick(4) ? "" : "/", pattern,
				       pick(4) ? "" : "/");
		if (*pattern != '!' && pattern_check(pattern, &err) == 0)
			return pattern;
	}
}

#define PATTERNS 600
#define PATHS 40

static void ask_git(const char *folder, const struct buffer *input, struct child_result *result)
{
	struct error err = {0};
	struct git_options options = {
		.folder = folder,
		.arguments = (const char *[]) {"check-ignore", "--no-index", "-z", "-v", "-n",
			"--stdin", NULL},
		.environment = (const char *[]) {"GIT_CONFIG_GLOBAL=/dev/null", NULL},
		.input = input->data,
		.input_length = input->length,
	};

	expect_ok(git_run(&options, result, &err), &err);
}

/* git's answers: source NUL line NUL pattern NUL path NUL; the source is empty when nothing
 * matched. Returns where those on the next pattern begin. */
static const char *compare_answers(struct arena *arena, size_t i, const char *pattern,
				   const char *const *paths, const char *at, size_t *wrong,
				   size_t *hits)
{
	struct pattern_list list;

	compile(arena, &list, arena_format(arena, "p%zu", i), (const char *[]) {pattern, NULL});
	for (size_t j = 0; j < PATHS; j++) {
		bool theirs = *at != '\0';

		for (int field = 0; field < 3; field++)
			at += strlen(at) + 1;
		*hits += theirs;
		if (pattern_list_matches(&list, at, false) != theirs) {
			(*wrong)++;
			print_error("pattern '%s' path '%s': git says %d\n", pattern, paths[j],
				    theirs);
		}
		at += strlen(at) + 1;
	}
	return at;
}

/* git's own answers: one .gitignore in a folder of its own for each pattern. */
static void like_git(void **state)
{
	CLEANUP(arena_release) struct arena arena = ARENA_INIT;
	const char *folder = make_folder(&arena), *patterns[PATTERNS], *paths[PATHS];
	struct buffer input;
	struct error err = {0};
	struct child_result result;
	size_t wrong = 0, hits = 0;
	const char *at;

	(void)state;
	run_script(&arena, folder, "git init -q .");
	buffer_init(&input, (size_t)64 << 20);
	for (size_t i = 0; i < PATHS; i++)
		paths[i] = random_path(&arena);
	for (size_t i = 0; i < PATTERNS; i++) {
		char *own = arena_format(&arena, "%s/p%zu", folder, i);

		patterns[i] = random_pattern(&arena);
		expect_ok(folder_make(own, 0755, &err), &err);
		expect_ok(file_write(arena_format(&arena, "%s/.gitignore", own), patterns[i],
				     strlen(patterns[i]), 0644, &err), &err);
		for (size_t j = 0; j < PATHS; j++) {
			buffer_add_format(&input, "p%zu/%s", i, paths[j]);
			buffer_add_char(&input, '\0');
		}
	}
	ask_git(folder, &input, &result);
	at = result.output.data;
	for (size_t i = 0; i < PATTERNS; i++)
		at = compare_answers(&arena, i, patterns[i], paths, at, &wrong, &hits);
	assert_int_equal(at - result.output.data, (ptrdiff_t)result.output.length);
	assert_true(hits > 1000);
	assert_int_equal(wrong, 0);
	child_result_release(&result);
	buffer_release(&input);
	remove_folder(folder);
}

static int compare_texts(const void *one, const void *other)
{
	return strcmp(*(const char *const *)one, *(const char *const *)other);
}

static size_t random_paths(struct arena *arena, struct pattern_path *paths, size_t count)
{
	const char **texts = arena_array(arena, count, sizeof(char *));
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		texts[i] = random_path(arena);
	qsort(texts, count, sizeof(*texts), compare_texts);
	for (size_t i = 0; i < count; i++)
		if (!kept || strcmp(paths[kept - 1].path, texts[i]))
			paths[kept++] = (struct pattern_path) {texts[i], pick(20) == 0};
	return kept;
}

static void check_list(struct arena *arena, struct pattern_index *index,
		       const struct pattern_path *paths, size_t count)
{
	const char *texts[6] = {0};
	struct pattern_list list;
	struct pattern_hit hit;
	const char *first = NULL;
	size_t hits = 0, *places;

	for (uint32_t i = pick(5) + 1; i-- > 0;)
		texts[i] = arena_format(arena, "%s%s", pick(4) ? "" : "!", random_pattern(arena));
	compile(arena, &list, pick(3) ? "" : random_name(arena), texts);
	for (size_t i = 0; i < count; i++) {
		if (!pattern_list_matches(&list, paths[i].path, paths[i].is_folder))
			continue;
		if (!hits++)
			first = paths[i].path;
	}
	pattern_index_match(index, &list, &hit);
	if (hit.count != hits)
		fail_msg("'%s' '%s' ...: %zu by the index, %zu one by one", texts[0],
			 texts[1] ? texts[1] : "", hit.count, hits);
	assert_ptr_equal(hit.path, first);
	assert_int_equal(pattern_index_paths(index, arena, &list, &places), hits);
}

static void index_is_the_same(void **state)
{
	(void)state;
	for (int round = 0; round < 20; round++) {
		CLEANUP(arena_release) struct arena arena = ARENA_INIT;
		struct pattern_path paths[300];
		size_t count = random_paths(&arena, paths, 300);
		struct pattern_index *index = pattern_index_new(paths, count);

		for (int list = 0; list < 200; list++)
			check_list(&arena, index, paths, count);
		pattern_index_free(index);
	}
}

/* 20,000 rules against 20,000 files within a second (here far from it, to hold on any machine). */
static void many_rules(void **state)
{
	CLEANUP(arena_release) struct arena arena = ARENA_INIT;
	size_t count = 20000, hits = 0;
	struct pattern_path *paths = arena_array(&arena, count, sizeof(*paths));
	int64_t start;

	(void)state;
	for (size_t i = 0; i < count; i++)
		paths[i].path = arena_format(&arena, "dir%03zu/sub%02zu/file%05zu.%s", i / 100,
					     i / 10 % 10, i, i % 3 ? "py" : "js");
	start = clock_monotonic();
	struct pattern_index *index = pattern_index_new(paths, count);

	for (size_t i = 0; i < count; i++) {
		struct pattern_list list;
		struct pattern_hit hit;
		char *text = NULL;

		switch (i % 7) {
		case 0: text = arena_format(&arena, "dir%03zu/**", i % 200); break;
		case 1: text = arena_format(&arena, "**/file%05zu.py", i); break;
		case 2: text = arena_format(&arena, "*%04zu.js", i % 10000); break;
		case 3: text = arena_format(&arena, "dir%03zu/*/file*.py", i % 200); break;
		case 4: text = arena_format(&arena, "**/sub%02zu/**", i % 20); break;
		case 5: text = arena_format(&arena, "/dir%03zu/sub01/", i % 200); break;
		default: text = arena_format(&arena, "file%05zu*", i); break;
		}
		compile(&arena, &list, "", (const char *[]) {text, NULL});
		pattern_index_match(index, &list, &hit);
		hits += hit.count;
	}
	pattern_index_free(index);
	print_message("20,000 rules x 20,000 files: %d ms, %zu hits\n",
		      (int)(clock_monotonic() - start), hits);
	assert_true(hits > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_hand),
		cmocka_unit_test(last_one_wins),
		cmocka_unit_test(refuses_bad_ones),
		cmocka_unit_test(globs),
		cmocka_unit_test(like_git),
		cmocka_unit_test(index_is_the_same),
		cmocka_unit_test(many_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
