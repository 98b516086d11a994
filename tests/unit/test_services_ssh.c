/* What hosts are told, and the archives that they are sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/text.h"
#include "config/config.h"
#include "proc/child.h"
#include "proc/loop.h"
#include "services/fleet.h"
#include "services/hosts.h"
#include "services/ssh.h"
#include "services/tarball.h"

struct end {
	struct loop *loop;
	struct child *child;
	struct buffer output;
	struct child_exit exit;
	const char *wait_for; /* then its stdin ends */
};

static void take(void *context, enum child_stream stream, const char *bytes, size_t length)
{
	struct end *end = context;
	(void)stream;
	buffer_add(&end->output, bytes, length);
	if (end->wait_for && strstr(end->output.data, end->wait_for))
		child_end_input(end->child);
}

static void ended(void *context, const struct child_exit *exit)
{
	struct end *end = context;
	end->exit = *exit;
	loop_stop(end->loop);
}

/* As a host would run it, with a shell of ours. */
static void run_script(struct end *end, const char *const *variables, const char *shell,
		       const char *const *arguments)
{
	static const char *const sh[] = {"/bin/sh", "-s", NULL};
	struct arena arena = ARENA_INIT;
	struct command_text command = {.shell = shell};
	struct buffer script;
	struct error err = {0};
	for (; arguments && *arguments; arguments++)
		text_list_add(&arena, &command.arguments, *arguments);
	buffer_init(&script, 1 << 20);
	buffer_init(&end->output, 1 << 20);
	ssh_script(&script, variables, &command);
	end->loop = loop_new(&err);
	const struct child_options options = {
		.arguments = sh, .input = script.data, .input_length = script.length,
		.input_held = true, .output = take, .done = ended, .context = end,
	};
	end->child = child_start(end->loop, &options, &err);
	assert_non_null(end->child);
	loop_run(end->loop);
	loop_free(end->loop);
	buffer_release(&script);
	arena_release(&arena);
}

static void test_values_are_words(void **state)
{
	(void)state;
	static const char *const variables[] = {
		"PLAIN=a", "QUOTES=it's \"$HOME\" `id` \\ $(id)", "LINES=one\ntwo\n", "EMPTY=",
		"EQUALS=a=b", NULL};
	struct end end = {0};
	run_script(&end, variables,
		   "printf '<%s>' \"$PLAIN\" \"$QUOTES\" \"$LINES\" \"$EMPTY\" \"$EQUALS\"; exit 7",
		   NULL);
	assert_string_equal(end.output.data,
			    "<a><it's \"$HOME\" `id` \\ $(id)><one\ntwo\n><><a=b>");
	assert_int_equal(end.exit.code, 7);
	buffer_release(&end.output);
}

static void test_arguments_are_words(void **state)
{
	(void)state;
	static const char *const arguments[] = {"printf", "<%s>", "a b", "$HOME;'", "", NULL};
	struct end end = {0};
	run_script(&end, NULL, NULL, arguments);
	assert_string_equal(end.output.data, "<a b><$HOME;'><>");
	assert_int_equal(end.exit.code, 0);
	buffer_release(&end.output);
}

/* Who asks is gone: what was started ends, its children too. */
static void test_end_of_input_ends_it(void **state)
{
	(void)state;
	struct end end = {.wait_for = "ready"};
	run_script(&end, NULL, "trap 'echo asked; exit 5' TERM; sleep 1000 & echo ready; "
			       "wait", NULL);
	assert_non_null(strstr(end.output.data, "asked"));
	assert_int_equal(end.exit.code, 5);
	buffer_release(&end.output);
}

static void test_input_from_a_file(void **state)
{
	(void)state;
	static const char *const cat[] = {"cat", NULL};
	struct arena arena = ARENA_INIT;
	struct error err = {0};
	struct end end = {.loop = loop_new(&err)};
	const char *folder = folder_temporary(&arena, &err);
	const char *path = path_join(&arena, folder, "input");
	struct child_options options = {
		.arguments = cat, .input_file = path, .output = take, .done = ended,
		.context = &end,
	};
	buffer_init(&end.output, 1 << 20);
	assert_null(child_start(end.loop, &options, &err));
	assert_non_null(strstr(err.message, "cannot read"));
	assert_int_equal(file_write(path, "hello", 5, 0644, &err), 0);
	end.child = child_start(end.loop, &options, &err);
	loop_run(end.loop);
	assert_string_equal(end.output.data, "hello");
	loop_free(end.loop);
	buffer_release(&end.output);
	assert_int_equal(tree_remove(folder, &err), 0);
	arena_release(&arena);
}

static void test_names_of_hosts(void **state)
{
	(void)state;
	static const char *const good[] = {"web1", "a@web1", "10.0.0.1", "::1", "web1:2222"};
	static const char *const bad[] = {"", "-oProxyCommand=x", "a b", "a\tb", "a\nb", "\x7f"};
	struct error err = {0};
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_int_equal(ssh_check_host(good[i], &err), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(ssh_check_host(bad[i], &err), -1);
}

static void test_failures_in_a_sentence(void **state)
{
	(void)state;
	struct arena arena = ARENA_INIT;
	struct hosts *hosts = hosts_new(NULL);
	struct text_list names = {0};
	struct fleet_hosts fleet;
	for (int i = 0; i < 12; i++)
		text_list_add(&arena, &names, arena_format(&arena, "web%d", i));
	hosts_leave_out(hosts, "web3", "no route");
	fleet = fleet_hosts_of(&arena, hosts, &names);
	assert_string_equal(fleet_failures(&arena, &fleet),
			    "1 of 12 hosts failed: web3 (left out, as before: no route)");
	for (int i = 0; i < 12; i++)
		fleet.items[i].failed = "gone";
	assert_non_null(strstr(fleet_failures(&arena, &fleet), "web7 (gone) and 4 more"));
	fleet_remember(&fleet, hosts);
	assert_string_equal(hosts_left_out(hosts, "web0"), "gone");
	assert_string_equal(hosts_left_out(hosts, "web3"), "no route");
	fleet_release(&fleet);
	hosts_free(hosts);
	arena_release(&arena);
}

/* What tar says of the archive is what was put in. */
static void test_archive(void **state)
{
	(void)state;
	struct arena arena = ARENA_INIT;
	struct error err = {0};
	const char *folder = folder_temporary(&arena, &err);
	const char *path = path_join(&arena, folder, "it.tar.gz");
	char name[300], link[400];
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = name[150] = 0;
	memset(link, 'l', sizeof(link) - 1);
	link[sizeof(link) - 1] = 0;
	const struct tarball_member members[] = {
		{.path = "a", .bytes = "hello", .length = 5, .time = 1000000000},
		{.path = name, .bytes = "", .executable = true, .time = 1000000000},
		{.path = "link", .link = link, .time = 1000000000},
	};
	struct tarball *tarball = tarball_new(path, 1, &err);
	int64_t size = 0;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(tarball_add(tarball, &members[i], &err), 0);
	assert_int_equal(tarball_finish(tarball, &size, &err), 0);
	assert_true(size > 0);
	const char *const list[] = {"tar", "-tvzf", path, NULL};
	const char *const environment[] = {"TZ=UTC", "LC_ALL=C", "PATH=/usr/bin:/bin", NULL};
	const struct child_options options = {.arguments = list, .environment = environment};
	struct child_result result;
	assert_int_equal(child_run_ok(&options, &result, &err), 0);
	assert_non_null(strstr(result.output.data, "-rw-r--r--"));
	assert_non_null(strstr(result.output.data, "-rwxr-xr-x"));
	assert_non_null(strstr(result.output.data, name));
	assert_non_null(strstr(result.output.data, link));
	assert_non_null(strstr(result.output.data, "2001"));
	child_result_release(&result);
	assert_null(tarball_new(path_join(&arena, folder, "none/it"), 1, &err));
	assert_int_equal(tree_remove(folder, &err), 0);
	arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values_are_words),
		cmocka_unit_test(test_arguments_are_words),
		cmocka_unit_test(test_end_of_input_ends_it),
		cmocka_unit_test(test_input_from_a_file),
		cmocka_unit_test(test_names_of_hosts),
		cmocka_unit_test(test_failures_in_a_sentence),
		cmocka_unit_test(test_archive),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
