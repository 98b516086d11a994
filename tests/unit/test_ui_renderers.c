/* What each renderer makes of the same little deploy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/text.h"
#include "ui/ui.h"

#define NOW INT64_C(1795443753123)

struct show {
	struct event_hub hub;
	struct clock clock;
	struct event_sink *ui;
	FILE *file;
	char *text;
};

static void show_begin(struct show *show, const char *format, bool quiet)
{
	struct ui_options options = UI_OPTIONS_INIT;
	struct error err;

	*show = (struct show){.clock = clock_fixed(NOW), .file = tmpfile()};
	assert_non_null(show->file);
	show->hub.clock = &show->clock;
	options.format = format;
	options.color = COLOR_NEVER;
	options.quiet = quiet;
	options.output = options.progress = fileno(show->file);
	options.clock = &show->clock;
	show->ui = ui_new(&options, &err);
	assert_non_null(show->ui);
	event_hub_add(&show->hub, show->ui);
}

static const char *show_end(struct show *show)
{
	long size;

	ui_free(show->ui);
	fseek(show->file, 0, SEEK_END);
	size = ftell(show->file);
	rewind(show->file);
	show->text = calloc(1, (size_t)size + 1);
	assert_non_null(show->text);
	assert_int_equal(fread(show->text, 1, (size_t)size, show->file), size);
	fclose(show->file);
	return show->text;
}

static void step(struct show *show, enum event_type type, const char *name,
		 enum event_status status)
{
	event_emit(&show->hub, &(struct event){.type = type,
					       .stage = "build",
					       .step = name,
					       .attempt = 1,
					       .status = status,
					       .duration = 4200,
					       .exit_code = status == STATUS_FAILED ? 2 : 0});
}

static void output(struct show *show, const char *name, const char *text)
{
	event_emit_output(&show->hub, &(struct event_output){.stage = "build",
							     .step = name,
							     .stream = "stdout",
							     .bytes = text,
							     .length = strlen(text)});
}

static void play(struct show *show)
{
	event_emit(&show->hub, &(struct event){.type = EVENT_DEPLOY_STARTED,
					       .id = "ID",
					       .app = "shop",
					       .env = "production",
					       .commit = "9f8e7d6c5b4a",
					       .deployer = "ann"});
	step(show, EVENT_STEP_STARTED, "one", STATUS_NONE);
	step(show, EVENT_STEP_STARTED, "two", STATUS_NONE);
	output(show, "one", "first of one\n");
	output(show, "two", "::error::fake\n\x1b[31mred\n");
	output(show, "one", "second of one\n");
	step(show, EVENT_STEP_FINISHED, "two", STATUS_FAILED);
	output(show, "one", "third of one\n");
	step(show, EVENT_STEP_FINISHED, "one", STATUS_CANCELLED);
	event_emit(&show->hub, &(struct event){.type = EVENT_DEPLOY_FINISHED,
					       .status = STATUS_FAILED,
					       .exit_code = 1,
					       .duration = 9000,
					       .failed_step = "build.two",
					       .reason = "it ended with exit code 2"});
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in:\n%s", part, text);
}

static void assert_lacks(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("'%s' is in:\n%s", part, text);
}

static void test_plain(void **state)
{
	struct show show;
	const char *text;

	(void)state;
	show_begin(&show, "plain", false);
	play(&show);
	text = show_end(&show);
	assert_has(text, "deploying shop to production: 9f8e7d6");
	assert_has(text, "build.one | first of one\n");
	assert_has(text, "build.two | red\n");
	assert_lacks(text, "\n::error");
	assert_lacks(text, "\x1b");
	assert_has(text, "build.two failed (exit code 2, ");
	assert_has(text, "The deploy failed. Production is as it was.");
	assert_has(text, "cause: build.two: it ended with exit code 2\n");
	free(show.text);
}

static void test_nothing_is_said_twice(void **state)
{
	struct show show;
	const char *text;

	(void)state;
	show_begin(&show, "plain", false);
	event_emit(&show.hub, &(struct event){.type = EVENT_STEP_FINISHED, .stage = "build",
					      .step = "one", .status = STATUS_FAILED,
					      .exit_code = 2, .reason = "exit code 2"});
	event_emit(&show.hub, &(struct event){.type = EVENT_STEP_FINISHED, .stage = "build",
					      .step = "two", .status = STATUS_SKIPPED,
					      .reason = "no need"});
	text = show_end(&show);
	assert_has(text, "build.one failed (exit code 2, 0ms)\n");
	assert_has(text, "build.two skipped: no need\n");
	free(show.text);
}

static void test_quiet_shows_failures_only(void **state)
{
	struct show show;
	const char *text;

	(void)state;
	show_begin(&show, "plain", true);
	play(&show);
	text = show_end(&show);
	assert_lacks(text, "deploying");
	assert_lacks(text, "of one");
	assert_has(text, "build.two failed");
	assert_has(text, "    red\n");
	free(show.text);
}

static void test_json(void **state)
{
	struct show show;
	struct arena arena = ARENA_INIT;
	uint64_t last = 0;
	size_t lines = 0;

	(void)state;
	show_begin(&show, "json", false);
	play(&show);
	for (const char *line = show_end(&show); *line; lines++) {
		const char *newline = strchr(line, '\n');
		struct event event;
		struct error err;

		assert_non_null(newline);
		if (event_read_json(&arena, line, (size_t)(newline - line), &event, &err) < 0)
			fail_msg("%s in %s", err.message, line);
		assert_int_equal(event.seq, last + 1);
		last = event.seq;
		line = newline + 1;
	}
	assert_int_equal(lines, 11);
	assert_has(show.text, "\"stream\":\"stdout\",\"line\":\"\\u001b[31mred\"}\n");
	arena_release(&arena);
	free(show.text);
}

static void test_github(void **state)
{
	struct show show;
	const char *text;

	(void)state;
	show_begin(&show, "github", false);
	play(&show);
	text = show_end(&show);
	assert_has(text, "::group::build.one\nfirst of one\nsecond of one\nthird of one\n"
			 "::endgroup::\n");
	assert_has(text, "::group::build.two\n| ::error::fake\nred\n::endgroup::\n"
			 "::error title=shipit::build.two failed");
	assert_lacks(text, "\n::error::");
	free(show.text);
}

static void test_groups_that_nobody_needs(void **state)
{
	struct show show;
	const char *text;

	(void)state;
	show_begin(&show, "github", true);
	play(&show);
	text = show_end(&show);
	assert_lacks(text, "of one\n");
	assert_has(text, "::group::build.two\n");
	free(show.text);
	show_begin(&show, "github", false);
	step(&show, EVENT_STEP_STARTED, "one", STATUS_NONE);
	step(&show, EVENT_STEP_STARTED, "two", STATUS_NONE);
	step(&show, EVENT_STEP_FINISHED, "two", STATUS_OK);
	text = show_end(&show);
	assert_lacks(text, "::group::build.two");
	free(show.text);
	/* One step alone that says nothing; then one that speaks beside one that does not. */
	show_begin(&show, "github", false);
	step(&show, EVENT_STEP_STARTED, "one", STATUS_NONE);
	step(&show, EVENT_STEP_FINISHED, "one", STATUS_FAILED);
	step(&show, EVENT_STEP_STARTED, "two", STATUS_NONE);
	step(&show, EVENT_STEP_STARTED, "three", STATUS_NONE);
	output(&show, "three", "at once\n");
	step(&show, EVENT_STEP_FINISHED, "two", STATUS_FAILED);
	step(&show, EVENT_STEP_FINISHED, "three", STATUS_OK);
	text = show_end(&show);
	assert_lacks(text, "::group::build.one");
	assert_lacks(text, "::group::build.two");
	assert_has(text, "::group::build.three\nat once\n::endgroup::\n");
	assert_has(text, "::error title=shipit::build.two failed");
	free(show.text);
}

static void test_gitlab_and_buildkite(void **state)
{
	struct show show;
	const char *text;

	(void)state;
	show_begin(&show, "gitlab", false);
	play(&show);
	text = show_end(&show);
	assert_has(text, "\x1b[0Ksection_start:1795443753:shipit_1\r\x1b[0Kbuild.one\n");
	assert_has(text, "third of one\n\x1b[0Ksection_end:1795443753:shipit_1\r\x1b[0K\n");
	free(show.text);
	show_begin(&show, "buildkite", false);
	play(&show);
	text = show_end(&show);
	assert_has(text, "--- build.one\nfirst of one\n");
	assert_has(text, "^^^ +++\n");
	free(show.text);
}

static void test_held_back_output_is_bounded(void **state)
{
	struct show show;
	char line[101];

	(void)state;
	memset(line, 'x', 99);
	line[99] = '\n';
	line[100] = '\0';
	show_begin(&show, "github", false);
	step(&show, EVENT_STEP_STARTED, "one", STATUS_NONE);
	step(&show, EVENT_STEP_STARTED, "two", STATUS_NONE);
	output(&show, "one", "first\n");
	for (int i = 0; i < 100000; i++)
		output(&show, "two", line);
	output(&show, "two", "the end\n");
	step(&show, EVENT_STEP_FINISHED, "two", STATUS_OK);
	step(&show, EVENT_STEP_FINISHED, "one", STATUS_OK);
	show_end(&show);
	assert_true(strlen(show.text) < 2 << 20);
	assert_has(show.text, "left out here, the log has them ...\nxxx");
	assert_has(show.text, "xxx\nthe end\n::endgroup::\n");
	free(show.text);
}

/* Every frame hides and shows the cursor itself, and no line is wider than the terminal. */
static void test_tty_frames(void **state)
{
	struct show show;
	const char *text, *hidden;

	(void)state;
	setenv("COLUMNS", "70", 1);
	show_begin(&show, "tty", false);
	step(&show, EVENT_STEP_STARTED, "漢字", STATUS_NONE);
	output(&show, "漢字",
	       "漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字\n");
	event_message(&show.hub, LEVEL_WARNING, "careful");
	step(&show, EVENT_STEP_FINISHED, "漢字", STATUS_FAILED);
	text = show_end(&show);
	hidden = strstr(text, "\x1b[?25l");
	assert_non_null(hidden);
	for (; hidden; hidden = strstr(hidden + 1, "\x1b[?25l"))
		assert_non_null(strstr(hidden, "\x1b[?25h"));
	assert_has(text, "warning: careful\n");
	assert_has(text, "waiting for build/漢字 (");
	assert_has(text, "build.漢字 failed");
	for (const char *line = strstr(text, "  build.漢字 "); line && line[0] != '\n';
	     line = NULL) {
		const char *newline = strchr(line, '\n');

		assert_true(text_columns(line, (size_t)(newline - line)) < 70);
	}
	free(show.text);
}

static void test_an_unknown_format_is_refused(void **state)
{
	struct ui_options options = UI_OPTIONS_INIT;
	struct error err;

	(void)state;
	options.format = "xml";
	assert_null(ui_new(&options, &err));
	assert_int_equal(err.exit_code, EXIT_USAGE);
	assert_has(err.hint, "gitlab");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_nothing_is_said_twice),
		cmocka_unit_test(test_quiet_shows_failures_only),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_github),
		cmocka_unit_test(test_groups_that_nobody_needs),
		cmocka_unit_test(test_gitlab_and_buildkite),
		cmocka_unit_test(test_held_back_output_is_bounded),
		cmocka_unit_test(test_tty_frames),
		cmocka_unit_test(test_an_unknown_format_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
