/* The journal, a step's log and its outputs: what is written is what is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "proc/loop.h"
#include "run/journal.h"
#include "run/run_internal.h"
#include "run/step_log.h"

static struct arena folder_arena;

static int open_folder(void **state)
{
	struct error err;
	*state = folder_temporary(&folder_arena, &err);
	return *state ? chdir(*state) : -1;
}

static int remove_folder(void **state)
{
	struct error err;
	int result = chdir("/") || tree_remove(*state, &err);
	arena_release(&folder_arena);
	return result;
}

struct seen {
	int count;
	uint64_t last;
};

static int note(void *context, const struct event *event)
{
	struct seen *seen = context;
	seen->count++;
	seen->last = event->seq;
	return 0;
}

static void stop(void *context)
{
	loop_stop(context);
}

static void test_journal_round_trip(void **state)
{
	(void)state;
	struct error err = {0};
	struct event_hub hub = {0};
	struct journal *journal = journal_open("events.ndjson", &err);
	assert_non_null(journal);
	event_hub_add(&hub, journal_sink(journal));
	for (int i = 0; i < 3; i++) {
		struct event event = {.type = EVENT_STEP_STARTED, .stage = "a", .step = "b\n\"",
				      .attempt = 1, .exit_code = -1};
		event_emit(&hub, &event);
	}
	struct loop *loop = loop_new(&err);
	journal_sync(journal, loop, stop, loop);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(journal_check(journal, &err), 0);
	journal_close(journal);
	loop_free(loop);

	struct buffer bytes;
	struct seen seen = {0};
	size_t bad = 0;
	buffer_init(&bytes, 1 << 20);
	assert_int_equal(file_read("events.ndjson", &bytes, &err), 0);
	assert_int_equal(journal_read(bytes.data, bytes.length - 1, &bad, note, &seen), 0);
	assert_int_equal(seen.count, 3);	/* torn just before its end */
	seen = (struct seen){0};
	assert_int_equal(journal_read(bytes.data, bytes.length - 2, &bad, note, &seen), 0);
	assert_int_equal(seen.count, 2);
	assert_int_equal(bad, 0);
	seen = (struct seen){0};
	buffer_add_text(&bytes, "not json\n{\"ts\":\"torn");
	assert_int_equal(journal_read(bytes.data, bytes.length, &bad, note, &seen), 0);
	assert_int_equal(seen.count, 3);
	assert_int_equal(seen.last, 3);
	assert_int_equal(bad, 1);
	buffer_release(&bytes);
}

struct screen {
	struct event_sink sink;
	int lines_on_disk;	/* when it was last called */
};

static void look_at_disk(struct event_sink *sink, const struct event *event)
{
	struct screen *screen = (struct screen *)sink;
	struct error err = {0};
	struct seen seen = {0};
	struct buffer bytes;

	(void)event;
	buffer_init(&bytes, 1 << 20);
	assert_int_equal(file_read("events.ndjson", &bytes, &err), 0);
	assert_int_equal(journal_read(bytes.data, bytes.length, NULL, note, &seen), 0);
	screen->lines_on_disk = seen.count;
	buffer_release(&bytes);
}

static void test_disk_before_screen(void **state)
{
	(void)state;
	struct error err = {0};
	struct event_hub hub = {0};
	struct screen one = {.sink.event = look_at_disk}, other = one;
	struct journal *journal = journal_open("events.ndjson", &err);

	assert_non_null(journal);
	event_hub_add(&hub, &one.sink);
	event_hub_add(&hub, &other.sink);
	event_hub_add_first(&hub, journal_sink(journal));
	assert_ptr_equal(hub.sinks[1], &one.sink);
	assert_ptr_equal(hub.sinks[2], &other.sink);
	event_message(&hub, LEVEL_INFO, "a word");
	assert_int_equal(one.lines_on_disk, 1);
	assert_int_equal(other.lines_on_disk, 1);
	journal_close(journal);
}

static void test_full_disk_is_told(void **state)
{
	(void)state;
	struct error err = {0};
	struct event_hub hub = {0};
	if (access("/dev/full", W_OK))
		skip();
	struct journal *journal = journal_open("/dev/full", &err);
	event_hub_add(&hub, journal_sink(journal));
	struct event event = {.type = EVENT_GO_LIVE, .commit = "x", .exit_code = -1};
	event_emit(&hub, &event);
	assert_int_equal(journal_check(journal, &err), -1);
	assert_non_null(strstr(err.message, "No space left"));
	journal_close(journal);
}

static void read_log(struct buffer *bytes)
{
	struct error err = {0};
	buffer_clear(bytes);
	assert_int_equal(file_read("step.log", bytes, &err), 0);
}

static void write_numbers(int first, int last)
{
	struct step_log log;
	step_log_init(&log, "step.log");
	log.head = 100;
	log.tail = 100;
	for (int i = first; i <= last; i++) {
		char line[16];
		step_log_add(&log, line, (size_t)snprintf(line, sizeof(line), "%08d\n", i));
	}
	step_log_close(&log);
	assert_int_equal(log.errnum, 0);
}

static void test_log_is_cut_in_the_middle(void **state)
{
	(void)state;
	struct buffer bytes;
	buffer_init(&bytes, 1 << 20);
	write_numbers(0, 99);
	read_log(&bytes);
	assert_memory_equal(bytes.data, "00000000\n00000001\n", 18);
	assert_non_null(strstr(bytes.data, "cut 700 bytes out of the middle"));
	assert_string_equal(bytes.data + bytes.length - 99, "00000089\n00000090\n00000091\n"
			    "00000092\n00000093\n00000094\n00000095\n00000096\n00000097\n"
			    "00000098\n00000099\n");
	assert_null(strstr(bytes.data, "00000050"));
	buffer_release(&bytes);
}

static void test_cut_log_is_gone_on_with(void **state)
{
	(void)state;
	struct buffer bytes;
	buffer_init(&bytes, 1 << 20);
	write_numbers(0, 1099);
	write_numbers(2000, 2001);
	read_log(&bytes);
	assert_memory_equal(bytes.data, "00000000\n00000001\n", 18);
	assert_string_equal(bytes.data + bytes.length - 36,
			    "00001098\n00001099\n00002000\n00002001\n");
	assert_in_range(bytes.length, 200, 300);
	buffer_release(&bytes);
}

/* The ring is in the file as soon as it is saved, for who was killed; who goes on does so there. */
static void test_what_is_saved_outlives_a_kill(void **state)
{
	(void)state;
	struct step_log log;
	struct buffer bytes;
	buffer_init(&bytes, 1 << 20);
	for (int kill = 0; kill < 2; kill++) {
		step_log_init(&log, "step.log");
		log.head = 10;
		log.tail = 20;
		step_log_add(&log, kill ? "mnopqrs" : "0123456789abcdef", kill ? 7 : 16);
		assert_true(step_log_unsaved(&log));
		step_log_save(&log);
		assert_false(step_log_unsaved(&log));
		step_log_add(&log, kill ? "?" : "ghijkl", kill ? 1 : 6);
		if (!kill)
			step_log_save(&log);
		read_log(&bytes);
		assert_string_equal(bytes.data, kill ? "0123456789abcdefghijklmnopqrs"
						     : "0123456789abcdefghijkl");
		close(log.fd);
		free(log.ring);
	}
	step_log_init(&log, "step.log");
	log.head = 10;
	log.tail = 20;
	step_log_add(&log, "tuvw", 4);
	step_log_save(&log);
	read_log(&bytes);
	assert_string_equal(bytes.data, "0123456789uvwdefghijklmnopqrst");
	step_log_close(&log);
	read_log(&bytes);
	assert_non_null(strstr(bytes.data, "cut 3 bytes"));
	assert_string_equal(bytes.data + bytes.length - 20, "defghijklmnopqrstuvw");
	buffer_release(&bytes);
}

/* Pieces of all sizes, saved now and then: what is read is the same as of one piece. */
static void test_pieces_make_no_difference(void **state)
{
	(void)state;
	char text[600];
	struct buffer bytes;
	buffer_init(&bytes, 1 << 20);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)('a' + i % 23);
	for (size_t length = 1; length < sizeof(text); length += 7)
		for (size_t part = 1; part < 90; part += 4) {
			struct step_log log;
			step_log_init(&log, "step.log");
			log.head = 50;
			log.tail = 40;
			for (size_t at = 0; at < length; at += part) {
				step_log_add(&log, text + at,
					     length - at < part ? length - at : part);
				if (at % 3 == 0)
					step_log_save(&log);
			}
			step_log_close(&log);
			read_log(&bytes);
			size_t tail = length > 90 ? 40 : length > 50 ? length - 50 : 0;
			assert_memory_equal(bytes.data, text, length < 50 ? length : 50);
			assert_memory_equal(bytes.data + bytes.length - tail,
					    text + length - tail, tail);
			if (length <= 90)
				assert_int_equal(bytes.length, length);
			unlink("step.log");
		}
	buffer_release(&bytes);
}

static void test_short_log_is_whole(void **state)
{
	(void)state;
	struct step_log log;
	struct buffer bytes;
	buffer_init(&bytes, 1 << 20);
	for (int attempt = 0; attempt < 2; attempt++) {
		step_log_init(&log, "step.log");
		step_log_add(&log, "line\n", 5);
		step_log_close(&log);
	}
	read_log(&bytes);
	assert_string_equal(bytes.data, "line\nline\n");
	buffer_release(&bytes);
}

static int parse(struct arena *arena, const char *text, struct variables *outputs)
{
	struct error err = {0};
	return outputs_parse(arena, text, strlen(text), outputs, &err);
}

static void test_outputs(void **state)
{
	(void)state;
	struct arena arena = ARENA_INIT;
	struct variables outputs = {0};
	assert_int_equal(
		parse(&arena, "A=1\nB<<EOF\none\ntwo=2\nEOF\nA=x=y\nE<<END\nEND\n", &outputs), 0);
	assert_int_equal(outputs.list.count, 3);
	assert_string_equal(outputs.list.items[0].value, "x=y");
	assert_string_equal(outputs.list.items[1].value, "one\ntwo=2");
	assert_string_equal(outputs.list.items[2].value, "");
	const char *const bad[] = {"PATH=x", "LD_PRELOAD=x", "DYLD_X=1", "SHIPIT_ID=1", "1A=2",
				   "no equals", "A<<EOF\nnever", "=x"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(parse(&arena, bad[i], &outputs), -1);
	arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_journal_round_trip, open_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(test_disk_before_screen, open_folder,
						remove_folder),
		cmocka_unit_test(test_full_disk_is_told),
		cmocka_unit_test_setup_teardown(test_cut_log_is_gone_on_with, open_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(test_log_is_cut_in_the_middle, open_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(test_what_is_saved_outlives_a_kill, open_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(test_pieces_make_no_difference, open_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(test_short_log_is_whole, open_folder,
						remove_folder),
		cmocka_unit_test(test_outputs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
