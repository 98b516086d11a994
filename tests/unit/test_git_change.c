/* The walk between two trees against git diff, line counts against --numstat, commits, trailers,
 * task files, fingerprints. */
#include "git_fixture.h"

#include "git/change.h"
#include "git/treesource.h"

/* A history with odd names, links, modes, folders that become files, renames and a submodule. */
static const char history[] =
	"git init -q -b master .\n"
	"n=0; for d in a a/b a-b a.b 'with space' zz/deep/er; do mkdir -p \"$d\"\n"
	"for f in 1 2 3 4 5; do n=$((n+1)); seq $n $((n+30)) > \"$d/f$f.txt\"; done; done\n"
	"printf 'x\\0y' > binary; ln -s a link; mkdir turns; echo 1 > turns/x; echo 1 > becomes\n"
	"printf 'no newline' > tail; echo x > \"$(printf 'new\\nline')\"; echo '$(x)' > '$(touch "
	"y)'\n"
	"echo z > \"$(printf 'caf\\351')\"; echo d > -dash\n"
	"mkdir api; echo 'tasks: {}' > api/deploy.tasks.yml\n"
	"git add -A; git commit -qm 'first commit'\n"
	"rm -r turns; echo file > turns; rm becomes; mkdir becomes; echo 1 > becomes/y\n"
	"git mv a/f1.txt a/renamed.txt; rm link; echo nolink > link; chmod +x a/f2.txt\n"
	"sed -i.bak -e 3d -e 's/^7$/seven/' a/b/f3.txt; rm a/b/f3.txt.bak; echo more >> tail\n"
	"printf 'x\\0z' > binary; git rm -q 'with space/f1.txt'; echo new > zz/deep/new\n"
	"rm api/deploy.tasks.yml; mkdir -p web/cat; echo 'tasks: {}' > web/cat/deploy.tasks.yml\n"
	"git add -A; git commit -qm \"$(printf 'second\\n\\nbody\\n\\nDeploy-Task: reindex\\n')\n"
	"Deploy-Note: look at it\"\n"
	"git -c user.name=Bob commit -q --allow-empty --author 'Bob <bob@example.com>' -m third\n";

struct fixture {
	struct arena arena;
	const char *folder;
	struct repository *repository;
	char first[COMMIT_TEXT], last[COMMIT_TEXT];
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct error err = {0};

	fixture->folder = make_folder(&fixture->arena);
	run_script(&fixture->arena, fixture->folder, history);
	fixture->repository = repository_open(&fixture->arena, fixture->folder, &err);
	expect_ok(fixture->repository ? 0 : -1, &err);
	expect_ok(repository_resolve(fixture->repository, "HEAD~2", NULL, fixture->first, &err),
		  &err);
	expect_ok(repository_resolve(fixture->repository, "master", NULL, fixture->last, &err),
		  &err);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	repository_close(&fixture->repository);
	remove_folder(fixture->folder);
	arena_release(&fixture->arena);
	free(fixture);
	return 0;
}

static void read_change(struct fixture *fixture, const char *live, const char *target,
			struct change *change)
{
	struct change_options options = {.live = live, .target = target};
	struct error err = {0};

	expect_ok(change_read(fixture->repository, &fixture->arena, &options, change, &err), &err);
}

static void like_git_diff(void **state)
{
	struct fixture *fixture = *state;
	const char *ends[2][2] = {{fixture->first, fixture->last}, {fixture->last, fixture->first}};

	for (int way = 0; way < 2; way++) {
		struct change change;
		struct buffer ours;

		read_change(fixture, ends[way][0], ends[way][1], &change);
		buffer_init(&ours, 1 << 20);
		for (size_t i = 0; i < change.files.count; i++) {
			buffer_add_format(&ours, "%c", change.files.items[i].status);
			buffer_add_char(&ours, '\n');
			buffer_add_format(&ours, "%s\n", change.files.items[i].path);
		}
		assert_true(change.files.count > 10);
		assert_string_equal(
			ours.data,
			run_script(&fixture->arena, fixture->folder,
				   arena_format(&fixture->arena,
						"git diff --name-status --no-renames -z %s %s "
						"| tr '\\0' '\\n'",
						ends[way][0], ends[way][1])));
		buffer_release(&ours);
	}
}

static void like_numstat(void **state)
{
	struct fixture *fixture = *state;

	for (int round = 0; round < 2; round++) {	/* the second one from the cache */
		struct change change;
		struct error err = {0};
		struct buffer ours;

		read_change(fixture, fixture->first, fixture->last, &change);
		expect_ok(change_count_lines(fixture->repository, &change, NULL, 0, &err), &err);
		buffer_init(&ours, 1 << 20);
		for (size_t i = 0; i < change.files.count; i++) {
			const struct changed_file *file = &change.files.items[i];

			if (file->counted)
				buffer_add_format(&ours, "%u\t%u\t%s\n", file->added, file->removed,
						  file->path);
			else
				buffer_add_format(&ours, "-\t-\t%s\n", file->path);
		}
		assert_int_equal(change.binary, 1);
		assert_string_equal(ours.data, run_script(&fixture->arena, fixture->folder,
			arena_format(&fixture->arena, "git diff --numstat --no-renames -z %s %s "
				     "| tr '\\0' '\\n'", fixture->first, fixture->last)));
		buffer_release(&ours);
	}
	assert_true(file_exists(arena_format(&fixture->arena, "%s/.git/shipit/cache/lines",
					     fixture->folder)));
}

/* So much that helpers count, too. */
static const char large_history[] =
	"git init -q -b master .\n"
	"for i in $(seq 120); do seq $i 3000 > f$i; done; git add -A; git commit -qm first\n"
	"for i in $(seq 120); do sed -i.bak -e \"${i}d\" -e '/77$/s/^/x/' -e '5a new' f$i; done\n"
	"rm ./*.bak; git add -A; git commit -qm second\n";

static void like_numstat_by_many(void **state)
{
	CLEANUP(arena_release) struct arena arena = ARENA_INIT;
	struct fixture many = {.folder = make_folder(&arena)};
	struct change change;
	struct error err = {0};
	struct buffer ours;

	(void)state;
	run_script(&arena, many.folder, large_history);
	many.repository = repository_open(&arena, many.folder, &err);
	expect_ok(many.repository ? 0 : -1, &err);
	expect_ok(repository_resolve(many.repository, "HEAD~1", NULL, many.first, &err), &err);
	expect_ok(repository_resolve(many.repository, "HEAD", NULL, many.last, &err), &err);
	read_change(&many, many.first, many.last, &change);
	expect_ok(change_count_lines(many.repository, &change, NULL, 0, &err), &err);
	buffer_init(&ours, 1 << 20);
	for (size_t i = 0; i < change.files.count; i++)
		buffer_add_format(&ours, "%u\t%u\t%s\n", change.files.items[i].added,
				  change.files.items[i].removed, change.files.items[i].path);
	assert_string_equal(ours.data, run_script(&arena, many.folder, "git diff --numstat "
						  "--no-renames HEAD~1 HEAD"));
	buffer_release(&ours);

	run_script(&arena, many.folder, "rm -rf .git/shipit; id=$(git rev-parse HEAD:f60)\n"
		   "rm -f \".git/objects/$(echo $id | cut -c1-2)/$(echo $id | cut -c3-)\"");
	assert_int_equal(change_count_lines(many.repository, &change, NULL, 0, &err), -1);
	assert_non_null(strstr(err.message, "cannot read a changed file"));
	repository_close(&many.repository);
	arena_release(&many.arena);
	remove_folder(many.folder);
}

static void commits_and_trailers(void **state)
{
	struct fixture *fixture = *state;
	struct change change;

	read_change(fixture, fixture->first, fixture->last, &change);
	assert_int_equal(change.commit_count, 2);
	assert_string_equal(change.commits.items[0].subject, "third");
	assert_string_equal(change.commits.items[0].author, "Bob");
	assert_int_equal(change.authors.count, 2);
	assert_int_equal(change.tasks.count, 1);
	assert_string_equal(change.tasks.items[0].value, "reindex");
	assert_string_equal(change.notes.items[0].value, "look at it");
	assert_int_equal(change.undone, 0);
	assert_false(change.everything);
	read_change(fixture, fixture->last, fixture->first, &change);
	assert_int_equal(change.commit_count, 0);
	assert_int_equal(change.undone, 2);
}

static void first_and_unknown(void **state)
{
	struct fixture *fixture = *state;
	struct change change;

	read_change(fixture, NULL, fixture->last, &change);
	assert_true(change.everything);
	assert_false(change.live_unknown);
	assert_true(change.files.count > 30);
	assert_int_equal(change.files.items[0].status, 'A');
	read_change(fixture, "0123456789012345678901234567890123456789", fixture->last, &change);
	assert_true(change.everything);
	assert_true(change.live_unknown);
}

static void also_since_another(void **state)
{
	struct fixture *fixture = *state;
	struct change change, alone;
	struct change_options options = {.live = fixture->last, .also = fixture->first,
					 .target = fixture->last};
	struct error err = {0};

	expect_ok(change_read(fixture->repository, &fixture->arena, &options, &change, &err), &err);
	read_change(fixture, fixture->first, fixture->last, &alone);
	assert_int_equal(change.files.count, alone.files.count);
}

static void task_files(void **state)
{
	struct fixture *fixture = *state;
	const char *commits[] = {fixture->first, fixture->last, fixture->last, fixture->first};

	for (size_t i = 0; i < 4; i++) {	/* walked, by difference, from the cache, back */
		struct config_source source;
		struct text_list paths = {0};
		struct error err = {0};
		struct buffer bytes;

		expect_ok(config_source_commit(fixture->repository, &fixture->arena, commits[i],
					       &source, &err), &err);
		expect_ok(source.list(source.context, &fixture->arena, "deploy.tasks.yml", &paths,
				      &err), &err);
		assert_int_equal(paths.count, 1);
		assert_string_equal(paths.items[0], commits[i] == fixture->first ?
				    "api/deploy.tasks.yml" : "web/cat/deploy.tasks.yml");
		buffer_init(&bytes, 100);
		assert_int_equal(source.read(source.context, paths.items[0], &bytes, &err), 1);
		assert_string_equal(bytes.data, "tasks: {}\n");
		assert_int_equal(source.read(source.context, "nowhere/x", &bytes, &err), 0);
		assert_int_equal(source.read(source.context, "web", &bytes, &err), 0);
		buffer_release(&bytes);
	}
}

/* Whatever the index is like, it changes nothing but the time that the search takes. */
static void task_files_by_index(void **state)
{
	static const char *const scripts[] = {
		"git read-tree HEAD",
		"git update-index --index-version 4",
		"git update-index --index-version 3; git read-tree HEAD",
		"git read-tree HEAD~2",
		"mkdir -p own; echo 'tasks: {}' > own/deploy.tasks.yml; git add own",
		"git read-tree --empty",
		"rm .git/index",
		"printf 'DIRC\\0\\0\\0\\2\\0\\0\\0\\11 torn and far too short' > .git/index",
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(scripts) / sizeof(*scripts); i++) {
		struct config_source source;
		struct text_list paths = {0};
		struct error err = {0};

		run_script(&fixture->arena, fixture->folder, scripts[i]);
		run_script(&fixture->arena, fixture->folder, "rm -rf .git/shipit");
		expect_ok(config_source_commit(fixture->repository, &fixture->arena, fixture->last,
					       &source, &err), &err);
		expect_ok(source.list(source.context, &fixture->arena, "deploy.tasks.yml", &paths,
				      &err), &err);
		assert_int_equal(paths.count, 1);
		assert_string_equal(paths.items[0], "web/cat/deploy.tasks.yml");
	}
}

static void tips(void **state)
{
	struct fixture *fixture = *state;
	const struct repository *repository = fixture->repository;

	run_script(&fixture->arena, fixture->folder,
		   "git update-ref refs/remotes/origin/feature/a HEAD~2\n"
		   "git update-ref refs/remotes/origin/master HEAD");
	assert_true(repository_is_tip(repository, "origin", "master", fixture->last));
	assert_false(repository_is_tip(repository, "origin", "master", fixture->first));
	assert_true(repository_is_tip(repository, "origin", "feat*", fixture->first));
	assert_false(repository_is_tip(repository, "origin", "feat*", fixture->last));
	assert_true(repository_is_tip(repository, "origin", NULL, fixture->first));
	assert_false(repository_is_tip(repository, "elsewhere", NULL, fixture->first));
}

static void fingerprints(void **state)
{
	struct fixture *fixture = *state;
	struct pattern_texts texts = {.folder = ""};
	struct pattern_list list;
	struct error err = {0};
	const char *hash = NULL;

	vec_push(&fixture->arena, &texts.list, (struct pattern_text) {.text = "a/**"});
	expect_ok(pattern_list_compile(&fixture->arena, &texts, &list, &err), &err);
	expect_ok(commit_fingerprints(fixture->repository, &fixture->arena, fixture->last, &list, 1,
				      &hash, &err), &err);
	assert_string_equal(arena_format(&fixture->arena, "%s\n", hash),
		run_script(&fixture->arena, fixture->folder,
			"git ls-tree -r --format='%(path)%x00%(objectname)' master a/ "
			"| { sha256sum 2>/dev/null || shasum -a 256; } | cut -c1-16"));
}

static void uncommitted(void **state)
{
	struct fixture *fixture = *state;
	struct dirty dirty;

	dirty_check_finish(dirty_check_start(fixture->repository), &fixture->arena, -1, &dirty);
	assert_true(dirty.known);
	assert_int_equal(dirty.count, 0);
	run_script(&fixture->arena, fixture->folder, "echo more >> tail; echo x > 'an other'");
	dirty_check_finish(dirty_check_start(fixture->repository), &fixture->arena, -1, &dirty);
	assert_int_equal(dirty.count, 2);
	assert_string_equal(dirty.paths.items[0], "tail");
	assert_string_equal(dirty.paths.items[1], "an other");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(like_git_diff, set_up, tear_down),
		cmocka_unit_test_setup_teardown(like_numstat, set_up, tear_down),
		cmocka_unit_test(like_numstat_by_many),
		cmocka_unit_test_setup_teardown(commits_and_trailers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(first_and_unknown, set_up, tear_down),
		cmocka_unit_test_setup_teardown(also_since_another, set_up, tear_down),
		cmocka_unit_test_setup_teardown(task_files, set_up, tear_down),
		cmocka_unit_test_setup_teardown(task_files_by_index, set_up, tear_down),
		cmocka_unit_test_setup_teardown(tips, set_up, tear_down),
		cmocka_unit_test_setup_teardown(fingerprints, set_up, tear_down),
		cmocka_unit_test_setup_teardown(uncommitted, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
