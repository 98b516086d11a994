/* Kind release: a tree beside the earlier ones, and a link that is switched to it. */
#include "base/file.h"
#include "base/text.h"
#include "proc/loop.h"
#include "proc/machine.h"
#include "steps/check.h"
#include "steps/kinds_internal.h"
#include "steps/release_step.h"
#include "steps/rollout.h"

/* The work is done on another thread, with nothing but what stands in here. */
struct running {
	const struct step_request *request;
	enum release_act act;
	struct release_step step;
	const char *deploy; /* ID */
	int64_t files, bytes, removed;
	struct error err;
	int result;
	struct step_check *check;
};

static void work(void *context)
{
	struct running *running = context;
	const struct release_tree *tree = &running->step.tree;
	struct error *err = &running->err;

	if (running->act == ACT_MAKE || running->act == ACT_MAKE_AND_SWITCH)
		running->result = release_tree_make(tree, &running->files, &running->bytes, err);
	if (running->result == 0 &&
	    (running->act == ACT_SWITCH || running->act == ACT_MAKE_AND_SWITCH))
		running->result = release_tree_switch(tree->to, tree->id, running->deploy, err);
	if (running->act == ACT_SWITCH_BACK)
		running->result =
			release_tree_switch_back(tree->to, tree->id, running->deploy, err);
	if (running->act == ACT_PRUNE)
		running->result =
			release_tree_prune(tree->to, running->step.keep, &running->removed, err);
}

static const char *place(const struct running *running)
{
	char host[MACHINE_HOST];

	return arena_format(running->request->arena, "%s:%s/releases/%s", machine_host(host),
			    running->step.tree.to, running->step.tree.id);
}

static void say(const struct running *running)
{
	static const char *const words[] = {
		[ACT_MAKE] = "made",
		[ACT_SWITCH] = "current is",
		[ACT_MAKE_AND_SWITCH] = "current is",
		[ACT_SWITCH_BACK] = "current is no longer",
		[ACT_PRUNE] = "pruned below",
	};
	const struct step_request *request = running->request;
	const char *text;

	if (running->act == ACT_PRUNE)
		text = arena_format(request->arena, "%lld old releases removed\n",
				    (long long)running->removed);
	else
		text = arena_format(request->arena, "%s %s/releases/%s%s\n", words[running->act],
				    running->step.tree.to, running->step.tree.id,
				    running->files ? arena_format(request->arena, ", %lld files",
								  (long long)running->files)
						   : "");
	request->output(request->context, CHILD_STDOUT, text, strlen(text));
}

static void end(struct running *running, const char *failure)
{
	const struct step_request *request = running->request;
	bool made = running->act == ACT_MAKE || running->act == ACT_MAKE_AND_SWITCH;
	struct step_outcome outcome = {
		.ok = !failure,
		.exit = {.code = -1},
		.reason = failure,
		.place = made && !failure ? place(running) : NULL,
	};

	request->done(request->context, &outcome);
}

static void checked(void *context, const char *failure)
{
	struct running *running = context;

	running->check = NULL;
	end(running, failure);
}

static void worked(void *context)
{
	struct running *running = context;
	bool switched = running->act == ACT_SWITCH || running->act == ACT_MAKE_AND_SWITCH;
	struct error err = {0};

	if (running->result < 0) {
		end(running, arena_string(running->request->arena, running->err.message));
		return;
	}
	say(running);
	if (!switched || !running->request->step->check.place.line) {
		end(running, NULL);
		return;
	}
	running->check = step_check_start(running->request, checked, running, &err);
	if (!running->check)
		end(running, arena_string(running->request->arena, err.message));
}

/* Both kinds of running begin with their request: `stop` tells them apart by it. */
static void *start(const struct step_request *request, enum release_act act, struct error *err)
{
	struct running *running;

	if (rollout_has_hosts(request->step))
		return release_hosts_start(request, act, err);
	running = arena_new(request->arena, struct running);
	running->request = request;
	running->act = act;
	running->deploy = request->id;
	if (release_step_read(request, &running->step, err) < 0 ||
	    loop_work(request->loop, work, worked, running, err) < 0)
		return NULL;
	return running;
}

void *release_start(const struct step_request *request, struct error *err)
{
	static const enum release_act acts[] = {
		[STEP_WHOLE] = ACT_MAKE_AND_SWITCH,
		[STEP_PREPARE] = ACT_MAKE,
		[STEP_PUBLISH] = ACT_SWITCH,
	};

	return start(request, acts[request->half], err);
}

void *release_undo(const struct step_request *request, struct error *err)
{
	return start(request, ACT_SWITCH_BACK, err);
}

void *release_prune(const struct step_request *request, struct error *err)
{
	return start(request, ACT_PRUNE, err);
}

void release_stop(void *context)
{
	struct running *running = context;

	if (rollout_has_hosts(running->request->step)) {
		release_hosts_stop(context);
		return;
	}
	atomic_store(&running->step.stopped, true);
	if (running->check)
		step_check_stop(running->check);
}

bool release_kept(const struct step_request *request, const char *kept_at, struct error *err)
{
	const char *to;

	if (rollout_has_hosts(request->step))
		return release_hosts_kept(request, err);
	to = release_step_to(request, err);
	if (!to)
		return false;
	if (release_tree_whole(to, request->release))
		return true;
	error_set(err, "%s/releases/%s is not here%s%s", to, request->release,
		  kept_at ? "; it was kept at " : "", kept_at ? kept_at : "");
	return false;
}

void release_check(const struct step_config *step, struct diagnostics *diagnostics)
{
	static const char *const for_hosts[] = {"batch", "max_fail", "host_timeout", "user",
						"options", "link"};
	const char *to = object_text(&step->object, "to");

	for (size_t i = 0; i < sizeof(for_hosts) / sizeof(*for_hosts); i++) {
		if (!object_has(&step->object, for_hosts[i]) || rollout_has_hosts(step))
			continue;
		diagnostics_add(diagnostics, step->place,
				"release: '%s' is for hosts, and the step names none",
				for_hosts[i]);
		diagnostics_hint(diagnostics, "without 'hosts' the release is made on this "
					      "machine");
	}
	if (!to || *to == '/' || text_starts_with(to, "${") || rollout_has_hosts(step))
		return;
	diagnostics_add(diagnostics, step->place,
			"release: 'to' must be an absolute path, not '%s'", to);
}

void release_describe(const struct step_config *step, struct buffer *out)
{
	const char *from = object_text(&step->object, "from");

	buffer_add_format(out, "%s to ", from ? from : "the commit's tree");
	if (rollout_has_hosts(step)) {
		rollout_describe(step, out);
		buffer_add_char(out, ':');
	}
	buffer_add_text(out, object_text(&step->object, "to"));
}
