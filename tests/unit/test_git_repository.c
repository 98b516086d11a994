/* Opening repositories of every sort, names of commits, the remote, the checkout. */
#include "git_fixture.h"

#include "base/text.h"
#include "git/command.h"
#include "git/worktree.h"

/* libgit2 1.5 loses a little for each setting of a repository of format 1 that it looks at. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libpcre2-8\n";
}

static struct repository *open_one(struct arena *arena, const char *folder)
{
	struct error err = {0};
	struct repository *repository = repository_open(arena, folder, &err);

	expect_ok(repository ? 0 : -1, &err);
	return repository;
}

static void expect_refusal(const char *folder, const char *words)
{
	CLEANUP(arena_release) struct arena arena = ARENA_INIT;
	struct error err = {0};
	struct repository *repository = repository_open(&arena, folder, &err);

	assert_null(repository);
	assert_int_equal(err.exit_code, EXIT_USAGE);
	if (!strstr(err.message, words))
		fail_msg("'%s' does not say '%s'", err.message, words);
}

static void names_what_is_wrong(void **state)
{
	CLEANUP(arena_release) struct arena arena = ARENA_INIT;
	const char *folder = make_folder(&arena);
	struct head head;
	struct error err = {0};

	(void)state;
	run_script(&arena, folder, "mkdir plain; git init -q --bare bare; git init -q unborn\n"
		   "git init -q --object-format=sha256 sha256; mkdir -p unborn/deep/er");
	expect_refusal(arena_format(&arena, "%s/none", folder), "does not exist");
	expect_refusal(arena_format(&arena, "%s/plain", folder), "not in a git repository");
	expect_refusal(arena_format(&arena, "%s/bare", folder), "is bare");
	expect_refusal(arena_format(&arena, "%s/sha256", folder), "SHA-256");
	struct repository *unborn = open_one(&arena, arena_format(&arena, "%s/unborn/deep/er",
								  folder));

	assert_int_equal(repository_head(unborn, &arena, &head, &err), -1);
	assert_non_null(strstr(err.message, "no commit yet"));
	repository_close(&unborn);
	remove_folder(folder);
}

static const char pair[] =
	"git init -q --bare -b master remote.git\n"
	"git init -q -b master one; cd one; git remote add origin ../remote.git\n"
	"echo 1 > f; echo node_modules > .gitignore; git add -A; git commit -qm one; git tag -a v1 "
	"-m x\n"
	"git push -q origin master\n"
	"git checkout -q -b 'feature/$(x)-é'\n"
	"echo 2 > f; git commit -qam two; git push -q origin HEAD\n"
	"git checkout -q master; echo 3 > f; git commit -qam three\n"
	"git remote set-head origin master\n";

static void names_of_commits(void **state)
{
	CLEANUP(arena_release) struct arena arena = ARENA_INIT;
	const char *folder = make_folder(&arena);
	char id[COMMIT_TEXT], tip[COMMIT_TEXT];
	struct error err = {0};
	struct text_list branches;
	struct choice choice;

	(void)state;
	run_script(&arena, folder, pair);
	struct repository *repository = open_one(&arena, arena_format(&arena, "%s/one", folder));
	struct choice_options options = {.remote = "origin"};

	assert_string_equal(repository_default_branch(repository, &arena, "origin"), "master");
	expect_ok(repository_choose(repository, &arena, &options, &choice, &err), &err);
	assert_string_equal(choice.from, "origin/master");
	assert_int_equal(repository_remote_tip(repository, "origin", "master", tip), 1);
	assert_string_equal(choice.id, tip);
	options.branch = "*";
	expect_ok(repository_choose(repository, &arena, &options, &choice, &err), &err);
	assert_string_equal(choice.from, "HEAD");
	assert_string_equal(choice.branch, "master");
	expect_ok(repository_branches_with(repository, &arena, "origin", NULL, choice.id, &branches,
					   &err), &err);
	assert_int_equal(branches.count, 0);	/* not pushed */
	expect_ok(repository_branches_with(repository, &arena, "origin", "*", tip, &branches, &err),
		  &err);
	assert_int_equal(branches.count, 2);
	assert_int_equal(repository_count(repository, tip, choice.id), 1);
	assert_int_equal(repository_is_ancestor(repository, tip, choice.id), 1);
	assert_int_equal(repository_is_ancestor(repository, choice.id, tip), 0);
	options.ref = "v1";
	expect_ok(repository_choose(repository, &arena, &options, &choice, &err), &err);
	assert_string_equal(choice.id, tip);
	assert_int_equal(repository_resolve(repository, "mastr", "origin", id, &err), -1);
	assert_non_null(strstr(err.hint, "master"));
	assert_int_equal(err.exit_code, EXIT_USAGE);
	assert_int_equal(repository_resolve(repository, "--upload-pack=x", "origin", id, &err), -1);
	repository_close(&repository);
	remove_folder(folder);
}

static void shallow_fetches(void **state)
{
	CLEANUP(arena_release) struct arena arena = ARENA_INIT;
	const char *folder = make_folder(&arena);
	struct error err = {0};

	(void)state;
	run_script(&arena, folder, pair);
	const char *first = run_script(&arena, folder, "cd one; git push -q origin master; "
				       "git rev-parse master~1 | tr -d '\\n'");

	run_script(&arena, folder, "git clone -q --depth 1 \"file://$PWD/remote.git\" two");
	struct repository *repository = open_one(&arena, arena_format(&arena, "%s/two", folder));

	assert_true(repository->shallow);
	assert_false(repository_has_commit(repository, first));
	expect_ok(git_fetch_commit(repository, "origin", first, false, &err), &err);
	assert_true(repository_has_commit(repository, first));
	assert_int_equal(git_fetch_commit(repository, "origin",
			 "0123456789012345678901234567890123456789", false, &err), -1);
	assert_string_equal(git_ask_default_branch(repository, &arena, "origin", &err), "master");
	repository_close(&repository);
	remove_folder(folder);
}

static void clean_checkout(void **state)
{
	CLEANUP(arena_release) struct arena arena = ARENA_INIT;
	const char *folder = make_folder(&arena), *path;
	struct error err = {0};
	struct worktree_options options = {.env = "prod/eu"};

	(void)state;
	run_script(&arena, folder, pair);
	run_script(&arena, folder,
		   "printf '#!/bin/sh\\ntouch hooked\\n' > one/.git/hooks/post-checkout; "
		   "chmod +x one/.git/hooks/post-checkout");
	setenv("SHIPIT_WORKTREES", arena_format(&arena, "%s/trees", folder), 1);
	struct repository *repository = open_one(&arena, arena_format(&arena, "%s/one", folder));

	options.commit = run_script(&arena, folder, "git -C one rev-parse master | tr -d '\\n'");
	path = worktree_prepare(repository, &arena, &options, &err);
	expect_ok(path ? 0 : -1, &err);
	assert_string_equal(run_script(&arena, path, "cat f; ls; git status --porcelain"),
			    "3\nf\n");
	run_script(&arena, path, "echo changed > f; mkdir -p stale node_modules; touch stale/x "
		   "node_modules/kept; touch \"$(git rev-parse --git-dir)/index.lock\"");
	options.commit = run_script(&arena, folder, "git -C one rev-parse master~1 | tr -d '\\n'");
	path = worktree_prepare(repository, &arena, &options, &err);
	expect_ok(path ? 0 : -1, &err);
	assert_string_equal(run_script(&arena, path, "cat f; ls"), "1\nf\nnode_modules\n");
	options.clean_all = true;
	run_script(&arena, path, "echo broken > .git");	/* made anew */
	path = worktree_prepare(repository, &arena, &options, &err);
	expect_ok(path ? 0 : -1, &err);
	assert_string_equal(run_script(&arena, path, "cat f; ls"), "1\nf\n");
	assert_string_equal(run_script(&arena, folder, "git -C one branch --show-current"),
			    "master\n");
	repository_close(&repository);
	remove_folder(folder);
}

/* What stands before the library's name while libgit2 starts (start.c) is out of the way then. */
int mbedtls_x509_crt_parse_file(void *chain, const char *path);
static void certificates_are_read_again(void **state)
{
	CLEANUP(arena_release) struct arena arena = ARENA_INIT;
	const char *folder = make_folder(&arena);
	struct repository *repository;

	(void)state;
	run_script(&arena, folder, "git init -q .");
	repository = open_one(&arena, folder);
	assert_true(mbedtls_x509_crt_parse_file(arena_alloc(&arena, 4096), "/nowhere/at/all") < 0);
	repository_close(&repository);
	remove_folder(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(certificates_are_read_again),
		cmocka_unit_test(names_what_is_wrong),
		cmocka_unit_test(names_of_commits),
		cmocka_unit_test(shallow_fetches),
		cmocka_unit_test(clean_checkout),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
