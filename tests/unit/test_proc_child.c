/* Children: what they print, how they end, what they leave behind. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/file.h"
#include "proc/child.h"
#include "proc/loop.h"

static void test_run_captures(void **state)
{
	(void)state;
	struct child_result result;
	struct error err = {0};
	const char *const arguments[] = {"sh", "-c", "cat; echo bad >&2; exit 3", NULL};
	struct child_options options = {
		.arguments = arguments, .input = "hello", .input_length = 5};
	assert_int_equal(child_run(&options, &result, &err), 0);
	assert_string_equal(result.output.data, "hello");
	assert_string_equal(result.errors.data, "bad\n");
	assert_int_equal(result.exit.code, 3);
	child_result_release(&result);
	assert_int_equal(child_run_ok(&options, &result, &err), -1);
	assert_non_null(strstr(err.message, "exit code 3: bad"));
	child_result_release(&result);
}

static void test_run_large_input_and_closed_stdin(void **state)
{
	(void)state;
	size_t length = (size_t)4 << 20;
	char *bytes = calloc(1, length);
	struct child_result result;
	struct error err = {0};
	const char *const copy[] = {"cat", NULL}, *const ignore[] = {"true", NULL};
	struct child_options options = {.arguments = copy, .input = bytes, .input_length = length};
	assert_int_equal(child_run(&options, &result, &err), 0);
	assert_int_equal(result.output.length, length);
	child_result_release(&result);
	options.output_maximum = 1000;
	assert_int_equal(child_run(&options, &result, &err), 0);
	assert_int_equal(result.output.length, 1000);
	assert_true(result.output.overflowed);
	child_result_release(&result);
	options.arguments = ignore;
	assert_int_equal(child_run(&options, &result, &err), 0);
	assert_int_equal(result.exit.code, 0);
	child_result_release(&result);
	free(bytes);
}

static void test_run_times_out(void **state)
{
	(void)state;
	struct child_result result;
	struct error err = {0};
	const char *const arguments[] = {"sh", "-c", "trap '' TERM; sleep 20 & wait; sleep 20",
					 NULL};
	struct child_options options = {.arguments = arguments, .timeout = 100, .grace = 100};
	assert_int_equal(child_run(&options, &result, &err), 0);
	assert_true(result.exit.timed_out);
	assert_int_equal(result.exit.signal, SIGKILL);
	child_result_release(&result);
}

static void assert_fails(const char *program, const char *directory, const char *words)
{
	struct child_result result;
	struct error err = {0};
	const char *const arguments[] = {program, NULL};
	struct child_options options = {.arguments = arguments, .directory = directory};
	assert_int_equal(child_run(&options, &result, &err), -1);
	if (!strstr(err.message, words))
		fail_msg("'%s' lacks '%s'", err.message, words);
	child_result_release(&result);
}

static void test_names_what_is_missing(void **state)
{
	(void)state;
	assert_fails("no-such-command", NULL, "there is no such command in PATH");
	assert_fails("./no-such-file", "/", "there is no such file");
	assert_fails("true", "/no/such/folder", "in the folder '/no/such/folder'");
	assert_fails("true", "/etc/passwd", "not a folder");
	assert_fails("./passwd", "/etc", "not an executable file");
}

struct watched {
	struct loop *loop;
	struct buffer output;
	struct child_exit ended;
	int left;
};

static void keep_output(void *context, enum child_stream stream, const char *bytes, size_t length)
{
	struct watched *watched = context;
	(void)stream;
	buffer_add(&watched->output, bytes, length);
}

static void note_end(void *context, const struct child_exit *ended)
{
	struct watched *watched = context;
	watched->ended = *ended;
	if (!--watched->left)
		loop_stop(watched->loop);
}

static struct child *start(struct watched *watched, const char *script, int64_t grace)
{
	struct error err = {0};
	const char *const arguments[] = {"sh", "-c", script, NULL};
	struct child_options options = {.arguments = arguments, .output = keep_output,
					.done = note_end, .context = watched, .grace = grace};
	struct child *child = child_start(watched->loop, &options, &err);
	assert_non_null(child);
	watched->left++;
	return child;
}

static int watched_open(void **state)
{
	static struct watched watched;
	struct error err;
	child_adopt_strays();
	watched = (struct watched){.loop = loop_new(&err)};
	buffer_init(&watched.output, 1 << 20);
	*state = &watched;
	return 0;
}

static int watched_close(void **state)
{
	struct watched *watched = *state;
	child_stop_strays(200);
	loop_free(watched->loop);
	buffer_release(&watched->output);
	return 0;
}

static void test_loop_many(void **state)
{
	struct watched *watched = *state;
	for (int i = 0; i < 50; i++)
		start(watched, "echo x", 100);
	assert_int_equal(loop_run(watched->loop), 0);
	assert_int_equal(watched->output.length, 100);
	assert_int_equal(watched->ended.code, 0);
}

static void stop_child(void *context)
{
	child_stop(context);
}

static void test_loop_stop_ends_the_group(void **state)
{
	struct watched *watched = *state;
	struct child *child =
		start(watched, "trap '' TERM; sleep 30 & echo $!; wait; sleep 30", 50);
	assert_true(process_runs(child_pid(child), child_started(child)));
	struct loop_timer *timer = loop_timer_start(watched->loop, 100, 0, stop_child, child);
	assert_int_equal(loop_run(watched->loop), 0);
	loop_timer_stop(timer);
	child_stop_strays(100);
	assert_int_equal(watched->ended.signal, SIGKILL);
	assert_int_not_equal(kill((pid_t)atoi(watched->output.data), 0), 0);
}

static void test_background_process_ends_with_its_step(void **state)
{
	struct watched *watched = *state;
	start(watched, "sleep 30 & echo $!", 100);
	assert_int_equal(loop_run(watched->loop), 0);
	assert_int_equal(watched->ended.code, 0);
	child_stop_strays(100);
	assert_int_not_equal(kill((pid_t)atoi(watched->output.data), 0), 0);
}

static void test_strays_are_ended(void **state)
{
	struct watched *watched = *state;
#ifdef __linux__
	start(watched, "mkfifo $$.fifo; setsid sh -c 'echo $$; echo >'$$'.fifo; exec sleep 30 "
		       ">/dev/null 2>&1' & read x <$$.fifo; rm $$.fifo", 100);
	assert_int_equal(loop_run(watched->loop), 0);
	child_stop_strays(100);
	assert_true(watched->output.length > 0);
	assert_int_not_equal(kill((pid_t)atoi(watched->output.data), 0), 0);
#else
	(void)watched;
#endif
}

/* Waits for the log to say so much more; what it says in the end. */
static void read_log(const char *path, struct buffer *out, size_t more)
{
	struct error err = {0};
	size_t wanted = out->length + more;
	for (int tries = 0; tries < 500 && out->length < wanted; tries++) {
		const struct timespec pause = {.tv_nsec = 10000000};
		nanosleep(&pause, NULL);
		buffer_clear(out);
		assert_int_equal(file_read(path, out, &err), 0);
	}
	assert_true(out->length >= wanted);
}

static void test_daemons_outlive_us(void **state)
{
	struct watched *watched = *state;
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;
	struct error err = {0};
	struct buffer text;
	const char *log = path_join(&arena, folder_temporary(&arena, &err), "log");
	const char *const arguments[] = {
		"sh", "-c", "(while :; do echo x; sleep 0.01; done) & echo $!", NULL};
	struct child_options options = {.arguments = arguments, .done = note_end, .grace = 50,
					.context = watched, .log = log, .starts_daemons = true};
	buffer_init(&text, 1 << 20);
	watched->left++;
	assert_non_null(child_start(watched->loop, &options, &err));
	assert_int_equal(loop_run(watched->loop), 0);
	assert_int_equal(watched->ended.code, 0);
	child_stop_strays(50);
	read_log(log, &text, 1);
	int pid = atoi(text.data + strspn(text.data, "x\n"));
	read_log(log, &text, 10);
	assert_int_equal(kill(pid, SIGKILL), 0);
	buffer_release(&text);
	assert_int_equal(tree_remove(path_folder(&arena, log), &err), 0);
}

struct leaving {
	struct watched *watched;
	struct child *other;
};

static void leave_the_other(void *context, const struct child_exit *ended)
{
	struct leaving *leaving = context;
	child_leave(leaving->other);
	note_end(leaving->watched, ended);
}

/* The one whose end is told first lets go of one that the loop looks at next. */
static void test_one_end_leaves_another(void **state)
{
	struct watched *watched = *state;
	struct error err = {0};
	struct leaving leaving = {.watched = watched};
	const char *const sleeps[] = {"sleep", "5", NULL}, *const ends[] = {"true", NULL};
	struct child_options options = {.arguments = sleeps, .log = "/dev/null",
					.done = note_end, .context = watched};
	leaving.other = child_start(watched->loop, &options, &err);
	assert_non_null(leaving.other);
	pid_t pid = (pid_t)child_pid(leaving.other);
	options.arguments = ends;
	options.done = leave_the_other;
	options.context = &leaving;
	watched->left++;
	assert_non_null(child_start(watched->loop, &options, &err));
	assert_int_equal(loop_run(watched->loop), 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_run_captures),
		cmocka_unit_test(test_run_large_input_and_closed_stdin),
		cmocka_unit_test(test_run_times_out),
		cmocka_unit_test(test_names_what_is_missing),
		cmocka_unit_test_setup_teardown(test_loop_many, watched_open, watched_close),
		cmocka_unit_test_setup_teardown(test_loop_stop_ends_the_group, watched_open,
						watched_close),
		cmocka_unit_test_setup_teardown(test_background_process_ends_with_its_step,
						watched_open, watched_close),
		cmocka_unit_test_setup_teardown(test_strays_are_ended, watched_open, watched_close),
		cmocka_unit_test_setup_teardown(test_daemons_outlive_us, watched_open,
						watched_close),
		cmocka_unit_test_setup_teardown(test_one_end_leaves_another, watched_open,
						watched_close),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
