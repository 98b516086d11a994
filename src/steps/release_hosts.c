/* A release on hosts: what each has is asked, what it lacks is sent, all at once; switched to in
 * batches. */
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "proc/loop.h"
#include "services/hosts.h"
#include "steps/check.h"
#include "steps/release_hosts.h"
#include "steps/release_pack.h"
#include "steps/release_scripts.h"
#include "steps/release_step.h"
#include "steps/rollout.h"

enum phase { PHASE_PROBE, PHASE_SEND, PHASE_SWITCH, PHASE_SWITCH_BACK, PHASE_PRUNE };

struct running {
	const struct step_request *request; /* first: see release.c */
	enum release_act act;
	enum phase phase;
	struct release_step step;
	struct text_list names;
	struct fleet_hosts hosts;
	struct release_told *told; /* by host */
	struct release_bases bases;
	struct release_pack pack;
	char *folder; /* of the archives */
	char part[17];
	struct fleet *fleet;
	struct step_check *check;
	struct error err;
	int result;
	bool stopped, rolled_out;
};

static void begin_phase(struct running *running, enum phase phase);

static const char *place(const struct running *running)
{
	const struct fleet_hosts *hosts = &running->hosts;
	struct arena *arena = running->request->arena;
	struct text_list names = {0};

	for (size_t i = 0; i < hosts->count; i++)
		if (!hosts->items[i].failed)
			text_list_add(arena, &names, hosts->items[i].name);
	return arena_format(arena, "%s:%s/releases/%s", text_join(arena, &names, ","),
			    running->step.tree.to, running->step.tree.id);
}

static void end(struct running *running, const char *failure)
{
	const struct step_request *request = running->request;
	bool made = running->act == ACT_MAKE || running->act == ACT_MAKE_AND_SWITCH;
	struct step_outcome outcome = {0};
	struct error ignored = {0};

	rollout_outcome(request, &running->hosts, failure, &outcome);
	if (made && outcome.ok)
		outcome.place = place(running);
	if (running->folder)
		(void)!tree_remove(running->folder, &ignored);
	running->fleet = NULL;
	fleet_release(&running->hosts);
	request->done(request->context, &outcome);
}

static void say(struct running *running, const char *text)
{
	const struct step_request *request = running->request;

	request->output(request->context, CHILD_STDOUT, text, strlen(text));
}

/* "sent 23 of 2000 files (51.2 KiB) to 20 hosts" */
static void say_sent(struct running *running)
{
	char size[32];

	for (size_t i = 0; i < running->bases.count; i++) {
		const struct release_base *base = &running->bases.items[i];
		size_t hosts = running->bases.hosts[i];

		say(running, arena_format(running->request->arena,
					  "sending %lld of %lld files (%s) to %zu host%s\n",
					  (long long)base->sent, (long long)running->pack.files,
					  size_format(size, base->size), hosts,
					  hosts == 1 ? "" : "s"));
	}
}

static void prepare(void *context, const struct fleet_host *host, const char **command,
		    struct child_options *options)
{
	static const char *const scripts[] = {
		[PHASE_PROBE] = script_probe,
		[PHASE_SEND] = script_receive,
		[PHASE_SWITCH] = script_switch,
		[PHASE_SWITCH_BACK] = script_switch_back,
		[PHASE_PRUNE] = script_prune,
	};
	struct running *running = context;
	const struct release_tree *tree = &running->step.tree;
	const struct release_told *told = &running->told[host - running->hosts.items];
	struct release_values values = {
		.to = tree->to,
		.id = tree->id,
		.deploy = running->request->id,
		.part = arena_format(running->request->arena, ".%s.%s.part", tree->id,
				     running->part),
		.commit = tree->from ? "-" : tree->commit,
		.digest = running->pack.digest,
		.files = running->pack.files + 2, /* REVISION, release.json */
		.keep = running->step.keep,
		.link = running->step.link,
		.shared = &running->step.shared,
	};

	if (running->phase == PHASE_SEND) {
		const struct release_base *base = &running->bases.items[told->group];

		if (told->whole)
			return;
		values.base = base->usable ? told->base : NULL;
		values.kept = running->pack.files - base->sent;
		options->input_file = base->archive;
	}
	*command = release_command(running->request->arena, scripts[running->phase], &values);
}

static void pass_output(void *context, enum child_stream stream, const char *bytes, size_t length)
{
	const struct step_request *request = ((const struct running *)context)->request;

	request->output(request->context, stream, bytes, length);
}

static void pass_started(void *context, int64_t pid, int64_t pid_started)
{
	const struct step_request *request = ((const struct running *)context)->request;

	request->started(request->context, pid, pid_started);
}

static void packed(void *context)
{
	struct running *running = context;

	if (running->result < 0 || running->stopped) {
		end(running, running->stopped ? "stopped"
					      : arena_string(running->request->arena,
							     running->err.message));
		return;
	}
	say_sent(running);
	begin_phase(running, PHASE_SEND);
}

static void pack(void *context)
{
	struct running *running = context;

	running->result = release_pack(&running->pack, &running->err);
}

/* What hosts told decides which archives are made. */
static void pack_for_all(struct running *running)
{
	struct arena *arena = running->request->arena;
	struct error err = {0};

	for (size_t i = 0; i < running->hosts.count; i++)
		if (!running->hosts.items[i].failed)
			release_told_read(arena, &running->hosts.items[i].output,
					  &running->told[i]);
	release_bases_gather(arena, &running->hosts, running->told, &running->bases);
	running->folder = folder_temporary(arena, &err);
	for (size_t i = 0; running->folder && i < running->bases.count; i++)
		running->bases.items[i].archive =
			arena_format(arena, "%s/%zu.tar.gz", running->folder, i);
	running->pack = (struct release_pack){
		.tree = &running->step.tree,
		.bases = running->bases.items,
		.count = running->bases.count,
	};
	if (!running->folder ||
	    loop_work(running->request->loop, pack, packed, running, &err) < 0)
		end(running, arena_string(arena, err.message));
}

static void say_pruned(struct running *running)
{
	long long removed = 0;

	for (size_t i = 0; i < running->hosts.count; i++)
		if (running->hosts.items[i].did)
			removed += strtoll(running->hosts.items[i].output.data, NULL, 10);
	say(running, arena_format(running->request->arena, "%lld old releases removed\n",
				  removed));
}

static void batch_checked(void *context, const char *failure)
{
	struct running *running = context;

	running->check = NULL;
	if (running->rolled_out)
		end(running, failure);
	else
		fleet_go_on(running->fleet, failure);
}

static void check(struct running *running)
{
	struct error err = {0};

	running->check = step_check_start(running->request, batch_checked, running, &err);
	if (!running->check)
		batch_checked(running, arena_string(running->request->arena, err.message));
}

static void batch_done(void *context)
{
	check(context);
}

static void phase_done(void *context, const char *failure)
{
	struct running *running = context;

	if (failure) {
		end(running, failure);
	} else if (running->phase == PHASE_PROBE) {
		pack_for_all(running);
	} else if (running->phase == PHASE_SEND && running->act == ACT_MAKE_AND_SWITCH) {
		begin_phase(running, PHASE_SWITCH);
	} else if (running->phase == PHASE_SWITCH && running->request->step->check.place.line) {
		running->rolled_out = true;
		check(running);
	} else {
		if (running->phase == PHASE_PRUNE)
			say_pruned(running);
		end(running, NULL);
	}
}

static void begin_phase(struct running *running, enum phase phase)
{
	struct fleet_options options;
	struct error err = {0};

	running->phase = phase;
	if (running->stopped) {
		end(running, "stopped");
		return;
	}
	if (rollout_options(running->request, &running->hosts, &options, &err) < 0) {
		end(running, arena_string(running->request->arena, err.message));
		return;
	}
	if (phase != PHASE_SWITCH)
		options.batch = 0;
	else if (running->request->step->check.place.line)
		options.batch_done = batch_done;
	options.collect = phase == PHASE_PROBE || phase == PHASE_PRUNE;
	options.prepare = prepare;
	options.output = pass_output;
	options.started = pass_started;
	options.done = phase_done;
	options.context = running;
	running->fleet = fleet_start(&options, &err);
	if (!running->fleet)
		end(running, arena_string(running->request->arena, err.message));
}

static enum phase first_phase(enum release_act act)
{
	static const enum phase phases[] = {
		[ACT_MAKE] = PHASE_PROBE,
		[ACT_SWITCH] = PHASE_SWITCH,
		[ACT_MAKE_AND_SWITCH] = PHASE_PROBE,
		[ACT_SWITCH_BACK] = PHASE_SWITCH_BACK,
		[ACT_PRUNE] = PHASE_PRUNE,
	};

	return phases[act];
}

static void found(void *context, const struct text_list *names, const char *failure)
{
	struct running *running = context;
	const struct step_request *request = running->request;

	if (failure) {
		end(running, failure);
		return;
	}
	running->hosts = fleet_hosts_of(request->arena, request->services->hosts, names);
	running->told = arena_array(request->arena, names->count, sizeof(*running->told));
	/* A host that failed may have been switched before it did. */
	for (size_t i = 0; running->act == ACT_SWITCH_BACK && i < running->hosts.count; i++)
		running->hosts.items[i].failed = NULL;
	begin_phase(running, first_phase(running->act));
}

void *release_hosts_start(const struct step_request *request, enum release_act act,
			  struct error *err)
{
	struct running *running = arena_new(request->arena, struct running);

	running->request = request;
	running->act = act;
	random_hex(running->part, sizeof(running->part));
	running->names = rollout_names(request->arena, request->step);
	const struct hosts_query query = {
		.loop = request->loop,
		.arena = request->arena,
		.names = &running->names,
		.directory = request->root,
		.environment = request->environment,
		.done = found,
		.context = running,
	};
	if (release_step_read(request, &running->step, err) < 0 ||
	    hosts_find(request->services->hosts, &query, err) < 0)
		return NULL;
	return running;
}

void release_hosts_stop(void *context)
{
	struct running *running = context;

	running->stopped = true;
	atomic_store(&running->step.stopped, true);
	if (running->check)
		step_check_stop(running->check);
	if (running->fleet)
		fleet_stop(running->fleet);
}
