/* shipit maintenance on|off|status: by hand what a deploy does around its go-live stage. */
#include "commands/maintenance.h"

#include <signal.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "commands/halted_note.h"
#include "commands/interrupted.h"
#include "commands/notices.h"
#include "proc/loop.h"
#include "proc/machine.h"
#include "run/journal.h"
#include "run/maintenance.h"
#include "run/run.h"
#include "ui/prompt.h"
#include "ui/ui.h"

static const struct option_row rows[] = {
	{ "message", 'm', "TEXT", "on: why, for who asks", 0 },
	{ NULL, 0, NULL, NULL, 0 },
};

/* One on or off, under the lease. */
struct work {
	struct session *session;
	struct holding holding;
	struct halted halted;
	struct event_hub hub;
	struct maintenance *maintenance;
	struct maintenance_options options;
	bool resumed;	/* the lease was that of one that died */
	int signal;
};

/* ---- what is shared ---- */

static json_t *halted_json(const struct session *session, const struct halted *halted)
{
	char since[32];
	bool on = json_array_size(halted->halts) > 0;

	return json_pack("{s:s, s:b, s:s?, s:s?, s:s?, s:s?, s:s?, s:o}", "env",
			 session->config->env, "on", on, "since",
			 on && halted->since ? time_format(since, halted->since) : NULL, "by",
			 halted->by, "host", halted->host, "reason", halted->reason, "id",
			 halted->id, "halts", on ? json_incref(halted->halts) : json_array());
}

static int answer(struct session *session, const struct halted *halted, int code,
		  struct error *err)
{
	if (session->call->json && call_print_json(halted_json(session, halted), err) != EXIT_DONE)
		return -1;
	return code;
}

static void add_start(struct listing *listing, const json_t *halt)
{
	struct buffer command;

	buffer_init(&command, (size_t)64 << 10);
	maintenance_command(halt, &command);
	buffer_add_text(&listing->out, "  ");
	listing_add_name(listing, json_string_value(json_object_get(halt, "halt")));
	buffer_add_text(&listing->out, " is started by: ");
	listing_add_name(listing, command.data);
	buffer_add_char(&listing->out, '\n');
	buffer_release(&command);
}

static int write_entry(struct work *work, struct error *err)
{
	const char *env = work->session->config->env;
	struct store *store = holding_borrow(&work->holding);
	int status = halted_put(store, env, &work->halted, err);

	holding_return(&work->holding);
	if (status == 1)
		return error_set(err, "somebody else changed the maintenance of '%s' just now",
				 env);
	return status;
}

static void on_signal(void *context, int signal)
{
	struct work *work = context;

	work->signal = signal;
	event_message(&work->hub, LEVEL_WARNING,
		      "interrupted: what was halted is started again%s",
		      work->options.announce ? "" : " first");
	maintenance_interrupt(work->maintenance);
}

char *maintenance_journal(const struct session *session, const char *env)
{
	return arena_format(session->arena, "%s/shipit/maintenance/%s/events.ndjson",
			    session->common_dir, env);
}

/* A new one: who begins has waited for what the last one left running. */
static int open_journal(struct work *work, struct error *err)
{
	const struct session *session = work->session;
	const char *path = maintenance_journal(session, session->config->env);

	work->options.logs = path_folder(session->arena, path);
	if (folder_make(work->options.logs, 0755, err) < 0)
		return -1;
	unlink(path);
	work->options.journal = journal_open(path, err);
	if (!work->options.journal)
		return -1;
	event_hub_add_first(&work->hub, journal_sink(work->options.journal));
	return 0;
}

/* It came to its end, and nothing of it is under way. */
static void close_journal(struct work *work)
{
	const struct session *session = work->session;

	if (!work->options.journal)
		return;
	event_hub_remove(&work->hub, journal_sink(work->options.journal));
	journal_close(work->options.journal);
	work->options.journal = NULL;
	unlink(maintenance_journal(session, session->config->env));
}

static int fill_options(struct work *work, struct error *err)
{
	struct session *session = work->session;
	const struct run_options run = {
		.arena = session->arena,
		.keeper = work->holding.keeper,
		.config = session->config,
		.identity = { .id = "maintenance", .app = session->config->app,
			      .env = session->config->env, .branch = session->branch,
			      .url = session->config->url, .deployer = session->deployer },
	};

	work->options.arena = session->arena;
	work->options.events = &work->hub;
	work->options.directory = session->root;
	work->options.context = work;
	work->options.environment = run_environment(NULL, &run, err);
	if (!work->options.environment)
		return -1;
	return open_journal(work, err);
}

/* Calls act with a loop, signals and somebody who reads the events. */
static int with_loop(struct work *work, int (*act)(struct work *work, struct error *err),
		     struct error *err)
{
	const struct call *call = work->session->call;
	struct ui_options look = UI_OPTIONS_INIT;
	struct event_sink *ui CLEANUP(ui_cleanup) = NULL;
	int result = -1;

	look.format = call->json ? "plain" : NULL;
	look.color = call->color;
	look.quiet = call->quiet;
	look.verbose = call->verbose;
	look.clock = call->clock;
	ui = ui_new(&look, err);
	work->options.loop = ui ? loop_new(err) : NULL;
	if (!work->options.loop)
		return -1;
	work->hub.clock = call->clock;
	event_hub_add(&work->hub, ui);
	if (fill_options(work, err) == 0 &&
	    loop_on_signal(work->options.loop, on_signal, work, err) == 0) {
		result = act(work, err);
		signals_hold();
		if (loop_on_signal(work->options.loop, NULL, NULL, err) < 0)
			result = -1;
	}
	close_journal(work);
	loop_free(work->options.loop);
	return result;
}

/* Starts what is stopped; what is left is what the entry says from then on. */
static int start_all(struct work *work, struct error *err)
{
	int result = maintenance_off(work->maintenance);

	halted_release(&work->halted);
	work->halted.halts = maintenance_json(work->maintenance);
	if (write_entry(work, err) < 0)
		return error_code(err, EXIT_ATTENTION);
	return result < 0 ? EXIT_ATTENTION : EXIT_DONE;
}

/* ---- on ---- */

/* What runs is known and will be stopped: from here on `maintenance off` knows how to start it,
 * whatever becomes of us. */
static int note_intent(void *context, struct error *err)
{
	struct work *work = context;
	struct session *session = work->session;
	char host[MACHINE_HOST];

	work->halted.by = session->deployer;
	work->halted.host = arena_string(session->arena, machine_host(host));
	work->halted.reason = options_value(&session->call->options, "message");
	work->halted.id = NULL;
	work->halted.since = clock_now(session->call->clock);
	work->halted.together = session->config->maintenance.together;
	halted_release(&work->halted);
	work->halted.halts = maintenance_json(work->maintenance);
	return write_entry(work, err);
}

static int stop_all(struct work *work, struct error *err)
{
	struct error problem = { 0 };
	int code;

	work->options.announce = note_intent;
	work->maintenance = maintenance_new(&work->session->config->maintenance, &work->options);
	if (maintenance_on(work->maintenance, err) == 0)
		return EXIT_DONE;
	work->options.announce = NULL;
	code = start_all(work, &problem);
	if (problem.message[0])
		event_message(&work->hub, LEVEL_ERROR, "%s", problem.message);
	if (work->signal && code == EXIT_DONE)
		return 128 + work->signal;
	if (!err->message[0])
		error_set(err, "interrupted, and not everything was started again");
	return error_code(err, code == EXIT_DONE ? EXIT_FAILED : EXIT_ATTENTION);
}

static int check_config(const struct config *config, struct error *err)
{
	const struct maintenance_config *maintenance = &config->maintenance;

	if (maintenance->halts.count || maintenance->page_on.place.line)
		return maintenance_check(maintenance, err);
	error_set(err, "%s names nothing to halt in '%s'", config->file, config->env);
	error_hint(err, "write it below maintenance.halts, or a page below maintenance.page");
	return error_code(err, EXIT_USAGE);
}

/* A message that cannot be sent ends nothing. */
static void tell_team(struct work *work, bool on)
{
	struct session *session = work->session;
	const char *reason = on ? options_value(&session->call->options, "message") : NULL;
	const struct notice notice = {
		.event = on ? "maintenance_on" : "maintenance_off",
		.text = arena_format(session->arena, "maintenance of %s in %s is %s, by %s%s%s",
				     session->config->app, session->config->env,
				     on ? "on" : "over",
				     session->deployer ? session->deployer : "somebody",
				     reason ? ": " : "", reason ? reason : ""),
		.status = on ? "on" : "off",
		.apart = true,
	};
	struct error err = { 0 };

	if (notice_tell(session, &notice, &err) < 0)
		call_note(session->call, "%s", err.message);
}

static int turn_on(struct work *work, struct error *err)
{
	struct session *session = work->session;
	int found = halted_look(&work->holding, &work->halted, err), code;

	if (found < 0)
		return -1;
	if (found && work->resumed) {
		holding_leave(&work->holding);
		error_set(err, "the last maintenance of %s was interrupted: of %s nobody knows "
			  "what runs", session->config->env,
			  halted_names(session->arena, &work->halted));
		error_hint(err, "start it first: shipit -e %s maintenance off",
			   session->config->env);
		return error_code(err, EXIT_REFUSED);
	}
	if (found) {
		call_note(session->call, "Maintenance of %s is on already: %s.",
			  session->config->env, halted_names(session->arena, &work->halted));
		return answer(session, &work->halted, EXIT_DONE, err);
	}
	code = with_loop(work, stop_all, err);
	if (code != EXIT_DONE)
		return code;
	if (json_array_size(work->halted.halts))
		tell_team(work, true);
	if (json_array_size(work->halted.halts))
		call_note(session->call, "Maintenance of %s is on: %s. shipit -e %s maintenance "
			  "off ends it.", session->config->env,
			  halted_names(session->arena, &work->halted), session->config->env);
	else
		call_note(session->call, "Nothing of it runs on %s: nothing was stopped.",
			  session->config->env);
	return answer(session, &work->halted, EXIT_DONE, err);
}

/* ---- off ---- */

static int start_noted(struct work *work, struct error *err)
{
	work->maintenance = maintenance_from_json(work->halted.halts, work->halted.together,
						  &work->options, err);
	if (!work->maintenance)
		return error_code(err, EXIT_ATTENTION);
	return start_all(work, err);
}

/* Commands of the state store that deploy.yml does not have are shown, and asked about. */
static int agree(struct work *work, struct error *err)
{
	struct session *session = work->session;
	const struct prompt prompt = { .assume_yes = session->call->yes,
				       .refuse = session->call->json, .flag = "--yes" };
	struct listing listing;
	const json_t *halt;
	size_t i, strange = 0;
	bool yes = true;
	int result = 0;

	listing_init(&listing, session->call);
	json_array_foreach(work->halted.halts, i, halt)
	{
		if (maintenance_knows(&session->config->maintenance, halt))
			continue;
		add_start(&listing, halt);
		strange++;
	}
	if (strange) {
		call_note(session->call, "The state store says what %s does not:\n%s",
			  session->config->file, listing.out.data);
		result = prompt_yes(&prompt, "Run that?", &yes, err);
	}
	buffer_release(&listing.out);
	if (result < 0 || yes)
		return result;
	error_set(err, "not started: you said no");
	return error_code(err, EXIT_REFUSED);
}

static int turn_off(struct work *work, struct error *err)
{
	struct session *session = work->session;
	int found = halted_look(&work->holding, &work->halted, err), code;

	if (found < 0)
		return -1;
	if (!found) {
		call_note(session->call, "Maintenance of %s is not on.", session->config->env);
		return answer(session, &work->halted, EXIT_DONE, err);
	}
	if (agree(work, err) < 0)
		return -1;
	code = with_loop(work, start_noted, err);
	if (code < 0)
		return -1;
	if (code == EXIT_DONE)
		tell_team(work, false);
	if (code == EXIT_DONE)
		call_note(session->call, "Maintenance of %s is off: everything runs.",
			  session->config->env);
	else
		call_note(session->call, "Maintenance of %s is still on: %s.",
			  session->config->env, halted_names(session->arena, &work->halted));
	return answer(session, &work->halted, code, err);
}

/* ---- status ---- */

static int show(struct session *session, struct error *err)
{
	struct halted halted CLEANUP(halted_release) = { 0 };
	struct lock_facts lock CLEANUP(lock_release) = { 0 };
	struct listing listing;
	const json_t *halt;
	size_t i;

	if (lock_read(session, session->config->env, &lock, err) < 0 ||
	    halted_now(session, session->config->env, &lock, &halted, err) < 0)
		return -1;
	if (session->call->json)
		return answer(session, &halted, EXIT_DONE, err);
	listing_init(&listing, session->call);
	listing_add_name(&listing, session->config->env);
	buffer_add_text(&listing.out, halted.halts ? ": " : ": no maintenance\n");
	if (halted.halts)
		halted_text(&listing, session->arena, &halted, clock_now(session->call->clock));
	json_array_foreach(halted.halts, i, halt)
	{
		add_start(&listing, halt);
	}
	return listing_end(&listing, err);
}

/* ---- the command ---- */

/* A `maintenance` that died before this one left its entry, and perhaps a command that still runs:
 * that has to end first. 1 it is to be taken on, 0, -1. */
static int take_on(struct session *session, struct error *err)
{
	struct interrupted found;
	int known = interrupted_find(session, session->config->env, &found, err);

	if (known <= 0)
		return known;
	known = text_equal(found.command, "maintenance");
	if (known && interrupted_end_survivors(&found, session->call, err) < 0)
		known = -1;
	interrupted_release(&found);
	return known;
}

static int under_lease(struct session *session, bool on, struct error *err)
{
	int resumed = take_on(session, err);
	struct work work = { .session = session, .resumed = resumed > 0 };
	const struct holding_options options = {
		.command = "maintenance",
		.reason = on ? "maintenance on" : "maintenance off",
		.phase = LEASE_MAINTENANCE,
		.past_hold = !on,
		.recovers = work.resumed,
	};
	int result = -1;

	if (resumed < 0)
		return -1;
	if (holding_take(session, &options, &work.holding, err) == 0)
		result = on ? turn_on(&work, err) : turn_off(&work, err);
	holding_end(&work.holding);
	halted_release(&work.halted);
	return result;
}

int maintenance_recover(struct session *session, struct error *err)
{
	return under_lease(session, false, err);
}

static int run_maintenance(struct call *call, struct error *err)
{
	struct session session CLEANUP(session_close) = { 0 };
	const struct session_options options = { 0 };
	const char *what = call->options.arguments.items[0];
	bool on = strcmp(what, "on") == 0;

	if (!on && strcmp(what, "off") != 0 && strcmp(what, "status") != 0) {
		error_set(err, "shipit maintenance takes on, off or status, not '%s'", what);
		return error_code(err, EXIT_USAGE);
	}
	if (session_open(&session, call, &options, err) < 0)
		return -1;
	if (strcmp(what, "status") == 0)
		return show(&session, err);
	if (on && check_config(session.config, err) < 0)
		return -1;
	return under_lease(&session, on, err);
}

const struct command command_maintenance = {
	.name = "maintenance",
	.arguments = "on|off|status",
	.summary = "stop by hand what a deploy halts, and start it again",
	.details = "Only what runs is stopped, and only that is started again. A deploy meanwhile "
		   "leaves it stopped.",
	.options = rows,
	.run = run_maintenance,
	.arguments_least = 1,
	.arguments_most = 1,
};
