/* The keys of pipelines/NAME.yml and deploy.tasks.yml. */
#include "config/keys.h"

static const struct key cache_keys[] = {
	ONE_OR_LIST("inputs", TYPE_PATTERN, 0, key_pattern_row, "files that the outputs depend on"),
	ONE_OR_LIST("outputs", TYPE_TEXT, 0, key_text_row, "files and folders that the step makes"),
	ONE_OR_LIST("env", TYPE_TEXT, 0, key_text_row, "variables that the outputs depend on"),
	PLAIN("key", TYPE_COMMAND, 0, "a command whose output the outputs depend on"),
	END,
};

#define STEP_KEYS \
	PLAIN("name", TYPE_SCALAR, KEY_NAMES, "how it is called; default: its kind"), \
		PLAIN("dir", TYPE_TEXT, 0, "the folder that it runs in, from the stage's"), \
		KEY_ENV("variables"), \
		ONE_OR_LIST("secrets", TYPE_TEXT, 0, key_text_row, \
			    "secrets that it gets as variables"), \
		PLAIN("timeout", TYPE_DURATION, 0, \
		      "how long it may take; default: 10m before go-live, none after"), \
		PLAIN("idle_timeout", TYPE_DURATION, 0, "how long it may print nothing"), \
		{.name = "retries", \
		 .types = TYPE_INTEGER, \
		 .fallback = "0", \
		 .maximum = 100, \
		 .help = "how often it is tried again, with backoff"}, \
		KEY_IF_CHANGED("runs only if one of these files changed"), \
		OBJECT("cache", KEY_LATER, cache_keys, \
		       "its outputs are kept and restored when its inputs are the same"), \
		ONE_OR_LIST("uses", TYPE_TEXT, 0, key_text_row, \
			    "STAGE.STEP whose outputs it reads"), \
		PLAIN("undo", TYPE_COMMAND, 0, "undoes it when the go-live stage fails half-way"), \
		PLAIN("rollback", TYPE_COMMAND, 0, "what a rollback runs instead, or skip"), \
		DEFAULT("irreversible", TYPE_BOOL, 0, "false", "a rollback must not pass it"), \
		DEFAULT("idempotent", TYPE_BOOL, 0, "false", \
			"may be run again when nobody knows whether it finished"), \
		DEFAULT("always", TYPE_BOOL, 0, "false", \
			"runs even after a failure, if its stage had started"), \
		DEFAULT("allow_failure", TYPE_BOOL, 0, "false", "its failure fails nothing else"), \
		DEFAULT("interactive", TYPE_BOOL, 0, "false", "gets the terminal"), \
		DEFAULT("early", TYPE_BOOL, 0, "false", "may change production before go-live"), \
		PLAIN("explain", TYPE_TEXT, 0, "what a trainee is told before it")

static const struct key step_keys[] = {STEP_KEYS, END};
static const struct key task_keys[] = {
	STEP_KEYS,
	DEFAULT("deferred", TYPE_BOOL, 0, "false", "runs after the verdict and cannot change it"),
	END,
};
const struct key step_row = {.types = TYPE_OBJECT, .flags = KEY_STEP, .keys = step_keys};
const struct key task_row = {.types = TYPE_OBJECT, .flags = KEY_STEP, .keys = task_keys};

static const struct key stage_keys[] = {
	LIST("steps", KEY_REQUIRED, step_row, "what it runs, one after another"),
	ONE_OR_LIST("needs", TYPE_TEXT, KEY_EMPTY, key_text_row,
		    "stages that must be done before it"),
	KEY_IF_CHANGED("selected only if one of these files changed"),
	DEFAULT("go_live", TYPE_BOOL, 0, "false", "exactly one stage: the sync point"),
	DEFAULT("parallel", TYPE_BOOL, 0, "false", "its steps run at once"),
	KEY_ENV("variables of its steps"),
	PLAIN("dir", TYPE_TEXT, 0, "the folder that its steps run in"),
	END,
};
static const struct key stage_row = {.types = TYPE_OBJECT, .keys = stage_keys};

static const struct key ask_keys[] = {
	PLAIN("prompt", TYPE_TEXT, 0, "the question"),
	PLAIN("default", TYPE_SCALAR, 0, "the answer when none is given"),
	PLAIN("match", TYPE_REGEX, 0, "what an answer must match"),
	ONE_OR_LIST("choices", TYPE_SCALAR, 0, key_scalar_row, "the only answers"),
	END,
};
static const struct key ask_row = {
	.types = TYPE_TEXT | TYPE_OBJECT,
	.flags = KEY_EMPTY,
	.keys = ask_keys,
};

static const struct key pipeline_keys[] = {
	MAP("stages", KEY_REQUIRED | KEY_NAMES, stage_row,
	    "stages with no 'needs' between them run in parallel"),
	MAP("tasks", KEY_NAMES, task_row, "run after a passed smoke test, in parallel"),
	LIST("on_failure", KEY_EMPTY, step_row, "steps that run when a deploy failed"),
	MAP("ask", KEY_VARIABLES, ask_row, "values asked for at the start (--set NAME=VALUE)"),
	PLAIN("deadline", TYPE_DURATION, 0, "bounds what comes before go-live"),
	END,
};
const struct key pipeline_file = {
	.types = TYPE_OBJECT,
	.keys = pipeline_keys,
	.help = "pipelines/NAME.yml: how",
};

static const struct key tasks_keys[] = {
	MAP("tasks", KEY_REQUIRED | KEY_NAMES, task_row,
	    "post-deploy tasks; patterns and dir start at the file's folder"),
	END,
};
const struct key tasks_file = {
	.types = TYPE_OBJECT,
	.keys = tasks_keys,
	.help = "deploy.tasks.yml: post-deploy tasks beside the code that needs them",
};

static const struct key offered_keys[] = {
	PLAIN("step", TYPE_TEXT, 0, "the step that failed"),
	PLAIN("output", TYPE_REGEX, 0, "matches its output"),
	END,
};
static const struct key offered_row = {.types = TYPE_OBJECT, .keys = offered_keys};
static const char *const danger_choices[] = {"none", "low", "medium", "high", NULL};
static const struct key play_answer_keys[] = {
	PLAIN("playbook", TYPE_TEXT, 0, "goes on with another playbook"),
	PLAIN("say", TYPE_TEXT, 0, "text to show"),
	END,
};
static const struct key play_step_keys[] = {
	PLAIN("say", TYPE_TEXT, KEY_CHOICE, "text to show"),
	PLAIN("run", TYPE_COMMAND, KEY_CHOICE, "a command, shown and confirmed before it runs"),
	PLAIN("ask", TYPE_TEXT, KEY_CHOICE, "a question to answer with yes or no"),
	PLAIN("check", TYPE_COMMAND, KEY_CHOICE, "a command that must succeed to go on"),
	OBJECT("yes", 0, play_answer_keys, "what follows a yes"),
	OBJECT("no", 0, play_answer_keys, "what follows a no"),
	PLAIN("explain", TYPE_TEXT, 0, "what the command does"),
	{.name = "danger",
	 .types = TYPE_CHOICE,
	 .fallback = "none",
	 .choices = danger_choices,
	 .help = "high: the environment's name must be typed"},
	END,
};
static const struct key play_step_row = {
	.types = TYPE_OBJECT,
	.flags = KEY_ONE_OF,
	.keys = play_step_keys,
};
static const struct key playbook_keys[] = {
	PLAIN("title", TYPE_TEXT, KEY_REQUIRED, "what it is good for, in a few words"),
	PLAIN("summary", TYPE_TEXT, 0, "when to use it"),
	LIST("offered_if", 0, offered_row, "shown by itself when a deploy fails like this"),
	ONE_OR_LIST("needs", TYPE_TEXT, 0, key_text_row, "variables that must be set"),
	MAP("asks", KEY_VARIABLES, ask_row, "values that are asked for"),
	LIST("steps", KEY_REQUIRED, play_step_row, "what is done, one after another"),
	END,
};
const struct key playbook_file = {
	.types = TYPE_OBJECT,
	.keys = playbook_keys,
	.help = "playbooks/NAME.yml",
};
