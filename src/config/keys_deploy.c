/* deploy.yml's keys. */
#include "config/keys.h"

const struct key key_text_row = {.types = TYPE_TEXT};
const struct key key_scalar_row = {.types = TYPE_SCALAR};
const struct key key_pattern_row = {.types = TYPE_PATTERN};
const struct key key_expanding_row = {.types = TYPE_SCALAR, .flags = KEY_EXPANDS};

static const struct key live_commit_keys[] = {
	PLAIN("url", TYPE_TEXT, KEY_REQUIRED | KEY_EXPANDS,
	      "where production tells its commit: a URL, or a path below the environment's url"),
	DEFAULT("match", TYPE_REGEX, 0, "([0-9a-f]{7,40})",
		"finds the commit in the answer (its first group)"),
	PLAIN("header", TYPE_TEXT, 0, "the answer's header to look in, instead of its body"),
	PLAIN("json", TYPE_TEXT, 0,
	      "the path of the value to look in (app.commit), when the answer is JSON"),
	DEFAULT("timeout", TYPE_DURATION, 0, "5s", "how long to wait for the answer"),
	END,
};

static const char *const on_fail_choices[] = {"rollback", "stop", "ask", NULL};
static const char *const redirects_choices[] = {"follow", "forbid", NULL};

static const struct key commit_keys[] = {
	PLAIN("match", TYPE_REGEX, KEY_REQUIRED,
	      "finds the commit in a page (its first group); 7 digits or more count"),
	PLAIN("of", TYPE_SCALAR, 0, "the stage whose commit must show; default: the go-live stage"),
	END,
};
static const struct key smoke_check_keys[] = {
	PLAIN("get", TYPE_TEXT, KEY_CHOICE | KEY_EXPANDS,
	      "a page: a URL, or a path below the environment's url"),
	PLAIN("run", TYPE_COMMAND, KEY_CHOICE, "a command that must succeed (a browser test, say)"),
	PLAIN("name", TYPE_SCALAR, 0, "how messages call the check; default: what it gets or runs"),
	{.name = "status",
	 .types = TYPE_INTEGER,
	 .fallback = "200",
	 .minimum = 100,
	 .maximum = 599,
	 .help = "the status that the answer must have"},
	ONE_OR_LIST("contains", TYPE_SCALAR, 0, key_scalar_row, "text that the page must contain"),
	ONE_OR_LIST("absent", TYPE_SCALAR, 0, key_scalar_row,
		    "text that the page must not contain"),
	MAP("header", 0, key_scalar_row,
	    "headers that the answer must have, and what each must contain"),
	MAP("json", 0, key_scalar_row,
	    "values that a JSON answer must have, by path: {checks.db: ok}"),
	PLAIN("max", TYPE_DURATION, 0, "how long the answer may take"),
	DEFAULT("timeout", TYPE_DURATION, 0, "10s", "how long one attempt may take"),
	{.name = "redirects",
	 .types = TYPE_CHOICE,
	 .fallback = "follow",
	 .choices = redirects_choices,
	 .help = "follow redirects, or take them as the answer"},
	DEFAULT("commit", TYPE_BOOL, 0, "true", "whether smoke.commit holds for this page"),
	MAP("request", KEY_EXPANDS, key_scalar_row, "headers that are sent with the request"),
	PLAIN("dir", TYPE_TEXT, 0, "the folder that the command runs in"),
	KEY_ENV("variables of the command"),
	ONE_OR_LIST("secrets", TYPE_TEXT, 0, key_text_row, "secrets that the command gets"),
	END,
};
static const struct key smoke_check_row = {
	.types = TYPE_OBJECT,
	.flags = KEY_ONE_OF,
	.keys = smoke_check_keys,
};
static const struct key tripwire_keys[] = {
	DEFAULT("sigma", TYPE_NUMBER, 0, "3",
		"how many standard deviations slower than its history is an alert"),
	DEFAULT("samples", TYPE_INTEGER, 0, "5", "how often each page is measured"),
	ONE_OR_LIST("urls", TYPE_TEXT, KEY_EXPANDS, key_text_row, "the pages that are measured"),
	END,
};
static const struct key watch_sentry_keys[] = {
	DEFAULT("new_issues", TYPE_INTEGER, 0, "0", "how many new issues are accepted"),
	END,
};
static const struct key watch_http_keys[] = {
	PLAIN("url", TYPE_TEXT, KEY_REQUIRED | KEY_EXPANDS, "the address that tells the number"),
	PLAIN("json", TYPE_TEXT, KEY_REQUIRED, "the path of the number in the answer"),
	PLAIN("max", TYPE_NUMBER, KEY_REQUIRED, "the largest number that is fine"),
	END,
};
static const struct key watch_keys[] = {
	PLAIN("for", TYPE_DURATION, 0, "how long to keep looking"),
	OBJECT("sentry", 0, watch_sentry_keys, "watches Sentry for new issues"),
	OBJECT("http", 0, watch_http_keys, "watches a number"),
	END,
};
static const struct key watch_row = {.types = TYPE_DURATION | TYPE_OBJECT, .keys = watch_keys};
static const struct key alarm_keys[] = {
	PLAIN("get", TYPE_TEXT, KEY_REQUIRED | KEY_EXPANDS, "a page that fails on purpose"),
	PLAIN("expect_in", TYPE_TEXT, KEY_REQUIRED, "where the alarm must ring"),
	DEFAULT("within", TYPE_DURATION, 0, "2m", "how soon it must ring"),
	END,
};
static const struct key alarm_row = {.types = TYPE_OBJECT, .keys = alarm_keys};

const struct key smoke_keys[] = {
	DEFAULT("within", TYPE_DURATION, 0, "60s",
		"how long production may take to come up: checks are retried until then"),
	{.name = "parallel",
	 .types = TYPE_INTEGER,
	 .fallback = "8",
	 .minimum = 1,
	 .maximum = 256,
	 .help = "how many checks run at once"},
	OBJECT("commit", 0, commit_keys, "every page must show the commit that went live"),
	LIST("checks", KEY_EMPTY, smoke_check_row, "pages to get and commands to run"),
	{.name = "on_fail",
	 .types = TYPE_CHOICE,
	 .fallback = "rollback",
	 .choices = on_fail_choices,
	 .help = "when production is not well: make the release before live again, or not"},
	OBJECT("tripwire", KEY_LATER, tripwire_keys,
	       "alerts when a page is slower than its own history"),
	{.name = "watch_for",
	 .types = TYPE_DURATION | TYPE_OBJECT | TYPE_LIST,
	 .flags = KEY_LATER,
	 .keys = watch_keys,
	 .each = &watch_row,
	 .help = "how long to keep looking after the verdict, and at what"},
	LIST("alarms", KEY_LATER, alarm_row,
	     "test endpoints that make an alarm ring (check --alarms)"),
	END,
};

const struct key sounds_keys[] = {
	DEFAULT("go_live", TYPE_TEXT, 0, "foghorn",
		"played when go-live starts: a built-in name, a file, or none"),
	DEFAULT("success", TYPE_TEXT, 0, "none", "played when a deploy succeeded"),
	DEFAULT("failure", TYPE_TEXT, 0, "none", "played when a deploy failed"),
	END,
};

static const char *const risk_choices[] = {"low", "medium", "high", NULL};
static const struct key friday_keys[] = {
	DEFAULT("from", TYPE_TEXT, 0, "Fri 00:00", "when the weekend begins: a day and a time"),
	DEFAULT("to", TYPE_TEXT, 0, "Sun 24:00", "when it ends"),
	DEFAULT("timezone", TYPE_TEXT, 0, "UTC", "whose clock counts: Europe/Berlin"),
	{.name = "refuse",
	 .types = TYPE_CHOICE,
	 .fallback = "medium",
	 .choices = risk_choices,
	 .help = "risk is refused from here up"},
	END,
};
static const struct key freeze_keys[] = {
	PLAIN("from", TYPE_SCALAR, KEY_REQUIRED, "first day, or a time"),
	PLAIN("to", TYPE_SCALAR, KEY_REQUIRED, "last day (all of it), or a time"),
	PLAIN("timezone", TYPE_TEXT, 0, "whose clock counts; default: friday.timezone, else UTC"),
	PLAIN("reason", TYPE_TEXT, 0, "why nothing is deployed then"),
	END,
};
static const struct key freeze_row = {.types = TYPE_OBJECT, .keys = freeze_keys};
static const struct key size_keys[] = {
	DEFAULT("warn", TYPE_INTEGER, 0, "500", "lines changed from which the plan warns"),
	DEFAULT("refuse", TYPE_INTEGER, 0, "5000", "lines changed from which a deploy is refused"),
	ONE_OR_LIST("ignore", TYPE_PATTERN, KEY_EMPTY, key_pattern_row,
		    "files whose lines do not count"),
	END,
};
static const struct key risky_keys[] = {
	ONE_OR_LIST("high", TYPE_PATTERN, KEY_EMPTY, key_pattern_row,
		    "files whose change is a high risk"),
	ONE_OR_LIST("medium", TYPE_PATTERN, KEY_EMPTY, key_pattern_row,
		    "files whose change is a medium risk"),
	END,
};
static const struct key count_row = {.types = TYPE_INTEGER};
static const struct key ci_keys[] = {
	PLAIN("github", TYPE_TEXT, KEY_CHOICE, "OWNER/REPOSITORY whose checks must be green"),
	PLAIN("gitlab", TYPE_TEXT, KEY_CHOICE, "GROUP/PROJECT whose pipeline must be green"),
	PLAIN("command", TYPE_COMMAND, KEY_CHOICE,
	      "a command that succeeds when the commit is green"),
	PLAIN("endpoint", TYPE_TEXT, KEY_EXPANDS, "the service's address, when it is self-hosted"),
	PLAIN("token", TYPE_TEXT, KEY_EXPANDS, "the service's token"),
	END,
};
static const struct key guards_keys[] = {
	OBJECT("friday", 0, friday_keys, "no risky deploys before the weekend"),
	LIST("freezes", KEY_EMPTY, freeze_row, "times in which nothing is deployed"),
	OBJECT("size", 0, size_keys, "large changes warn or are refused"),
	OBJECT("risky", 0, risky_keys, "files whose change is risky"),
	MAP("approvals", 0, count_row, "how many co-signatures an environment needs"),
	{.name = "ci",
	 .types = TYPE_OBJECT,
	 .flags = KEY_ONE_OF,
	 .keys = ci_keys,
	 .help = "the commit's checks must be green"},
	END,
};

static const char *const role_choices[] = {"trained", "trainee", "machine", NULL};
static const struct key person_keys[] = {
	{.name = "role",
	 .types = TYPE_CHOICE,
	 .flags = KEY_REQUIRED,
	 .choices = role_choices,
	 .help = "trained: deploys alone; trainee: while a trained one is online, or approves"},
	PLAIN("key", TYPE_TEXT, 0, "the public key, which proves who it is (shipit keygen)"),
	ONE_OR_LIST("git", TYPE_TEXT, 0, key_text_row, "e-mail addresses in git"),
	PLAIN("slack", TYPE_TEXT, 0, "the member's ID in Slack"),
	END,
};
static const struct key person_row = {.types = TYPE_OBJECT, .keys = person_keys};

static const struct key needed_if_keys[] = {
	ONE_OR_LIST("changed", TYPE_PATTERN, 0, key_pattern_row, "files one of which changed"),
	PLAIN("adds", TYPE_REGEX, 0, "matches a line that the diff adds to them"),
	END,
};
static const struct key needed_if_row = {.types = TYPE_OBJECT, .keys = needed_if_keys};
static const struct key page_keys[] = {
	PLAIN("on", TYPE_COMMAND, 0, "shows the page"),
	PLAIN("off", TYPE_COMMAND, 0, "takes it away"),
	PLAIN("heroku", TYPE_BOOL, KEY_LATER, "Heroku's own page"),
	END,
};
static const struct key halt_keys[] = {
	PLAIN("stop", TYPE_COMMAND, KEY_CHOICE,
	      "a command that stops it; start and running_if go with it"),
	PLAIN("start", TYPE_COMMAND, 0,
	      "a command that starts it again; what it leaves running goes on"),
	PLAIN("running_if", TYPE_COMMAND, 0,
	      "a command that succeeds while it runs: only what ran is started again"),
	MAP("heroku", KEY_CHOICE | KEY_LATER, count_row, "process types and how many of each stay"),
	ONE_OR_LIST("systemd", TYPE_TEXT, KEY_CHOICE, key_text_row,
		    "units of systemd; those that were active are started again"),
	PLAIN("cron", TYPE_ANY, KEY_CHOICE | KEY_LATER, "a crontab block that is taken out"),
	PLAIN("app", TYPE_TEXT, KEY_EXPANDS | KEY_LATER, "the Heroku app"),
	PLAIN("hosts", TYPE_TEXT, KEY_LATER, "the group of hosts"),
	DEFAULT("timeout", TYPE_DURATION, 0, "60s",
		"how long it may take to stop, and to start, until running_if agrees"),
	END,
};
static const struct key halt_row = {
	.types = TYPE_OBJECT,
	.flags = KEY_ONE_OF,
	.keys = halt_keys,
};
static const char *const when_choices[] = {"auto", "never", "always", NULL};
static const char *const undo_choices[] = {"start", "hold", NULL};
static const struct key maintenance_keys[] = {
	{.name = "when",
	 .types = TYPE_CHOICE,
	 .fallback = "auto",
	 .choices = when_choices,
	 .help = "when production is halted for a deploy"},
	ONE_OR_LIST("hot_tables", TYPE_TEXT, KEY_EMPTY, key_text_row,
		    "tables that cannot be locked under traffic"),
	LIST("needed_if", KEY_EMPTY, needed_if_row,
	     "alternatives that make maintenance necessary"),
	OBJECT("page", 0, page_keys,
	       "shown before the first halt, taken away after the last start"),
	MAP("halts", KEY_NAMES, halt_row,
	    "what is stopped, in this order, and started again in reverse"),
	DEFAULT("together", TYPE_BOOL, 0, "false", "stop, and start, all halts at once"),
	{.name = "if_undo_fails",
	 .types = TYPE_CHOICE,
	 .fallback = "start",
	 .choices = undo_choices,
	 .help = "after a failed undo: start what was halted all the same, or hold it stopped"},
	END,
};

static const struct key config_changes_keys[] = {
	KEY_IF_CHANGED("files whose change is told"),
	PLAIN("link", TYPE_TEXT, KEY_FILLS | KEY_EXPANDS, "the link behind the message"),
	END,
};
static const struct key slack_keys[] = {
	PLAIN("webhook", TYPE_TEXT, KEY_CHOICE | KEY_EXPANDS, "an incoming webhook"),
	PLAIN("token", TYPE_TEXT, KEY_CHOICE | KEY_EXPANDS,
	      "a bot's token: one message, updated and threaded"),
	PLAIN("channel", TYPE_TEXT, KEY_EXPANDS, "the channel, with a token"),
	PLAIN("endpoint", TYPE_TEXT, KEY_EXPANDS, "in place of https://slack.com"),
	END,
};
static const struct key webhook_keys[] = {
	PLAIN("url", TYPE_TEXT, KEY_REQUIRED | KEY_EXPANDS, "its address"),
	MAP("headers", KEY_EXPANDS, key_expanding_row, "headers of each request"),
	PLAIN("json", TYPE_ANY, KEY_EXPANDS | KEY_FILLS,
	      "the body, with {event} and {text} beside what json knows elsewhere"),
	END,
};
static const struct key webhook_row = {.types = TYPE_OBJECT, .keys = webhook_keys};
const struct key notify_keys[] = {
	{.name = "slack",
	 .types = TYPE_OBJECT,
	 .flags = KEY_ONE_OF,
	 .keys = slack_keys,
	 .help = "tells a Slack channel"},
	LIST("webhooks", 0, webhook_row, "tells any other service, by POST"),
	PLAIN("command", TYPE_COMMAND, 0,
	      "a command that tells; SHIPIT_NOTICE_TEXT is the message"),
	PLAIN("text", TYPE_TEXT, KEY_FILLS, "as a step: the message"),
	OBJECT("config_changes", 0, config_changes_keys, "tells of changes to the infrastructure"),
	END,
};

static const struct key group_keys[] = {
	PLAIN("from", TYPE_COMMAND, KEY_REQUIRED, "a command that lists the hosts, one a line"),
	END,
};
static const struct key group_row = {
	.types = TYPE_TEXT | TYPE_LIST | TYPE_OBJECT,
	.flags = KEY_EMPTY,
	.keys = group_keys,
	.each = &key_text_row,
};

static const struct key member_keys[] = {
	MAP("vars", KEY_VARIABLES, key_scalar_row, "the member's own variables"),
	PLAIN("url", TYPE_TEXT, 0, "the member's address"),
	END,
};
static const struct key member_row = {.types = TYPE_OBJECT, .keys = member_keys};

static const struct key environment_keys[] = {
	PLAIN("branch", TYPE_SCALAR, 0,
	      "what may be deployed here (a glob); default: the remote's default branch"),
	PLAIN("url", TYPE_TEXT, KEY_EXPANDS, "its address, for smoke tests and messages"),
	PLAIN("protected", TYPE_BOOL, 0,
	      "guards refuse; false: they warn. Default: true for 'production'"),
	MAP("vars", KEY_VARIABLES, key_scalar_row, "variables of every step, and for ${NAME}"),
	OBJECT("live_commit", 0, live_commit_keys, "asks production itself which commit is live"),
	MAP("members", KEY_LATER | KEY_NAMES, member_row, "makes the environment a pool of these"),
	OBJECT("maintenance", KEY_OVERLAY, maintenance_keys,
	       "on top of what stands outside"),
	OBJECT("smoke", KEY_OVERLAY, smoke_keys, "on top of what stands outside"),
	{.name = "markers",
	 .types = TYPE_LIST,
	 .flags = KEY_OVERLAY | KEY_EMPTY,
	 .each = &markers_row,
	 .help = "in place of what stands outside"},
	OBJECT("notify", KEY_OVERLAY, notify_keys, "on top of what stands outside"),
	OBJECT("guards", KEY_OVERLAY, guards_keys, "on top of what stands outside"),
	OBJECT("sounds", KEY_OVERLAY, sounds_keys, "on top of what stands outside"),
	MAP("hosts", KEY_OVERLAY | KEY_NAMES, group_row,
	    "on top of what stands outside"),
	END,
};
static const struct key environment_row = {
	.types = TYPE_OBJECT,
	.flags = KEY_EMPTY,
	.keys = environment_keys,
};

static const struct key role_row = {.types = TYPE_CHOICE, .choices = role_choices};
static const struct key sealed_keys[] = {
	{.name = "for",
	 .types = TYPE_CHOICE | TYPE_LIST,
	 .choices = role_choices,
	 .each = &role_row,
	 .help = "the roles that can open it; default: all"},
	END,
};
static const struct key secret_keys[] = {
	PLAIN("env", TYPE_TEXT, KEY_CHOICE, "a variable of shipit's own environment"),
	PLAIN("command", TYPE_COMMAND, KEY_CHOICE, "a command that prints it"),
	OBJECT("sealed", KEY_CHOICE, sealed_keys, "sealed in secrets.sealed.yml"),
	END,
};
static const char *const sealed_choices[] = {"sealed", NULL};
static const struct key secret_row = {
	.types = TYPE_OBJECT | TYPE_CHOICE,
	.flags = KEY_ONE_OF,
	.keys = secret_keys,
	.choices = sealed_choices,
};
static const struct key patterns_row = {
	.types = TYPE_PATTERN | TYPE_LIST,
	.each = &key_pattern_row,
};

static const struct key keep_keys[] = {
	{.name = "deploys",
	 .types = TYPE_INTEGER,
	 .fallback = "200",
	 .minimum = 1,
	 .help = "how many local records are kept"},
	{.name = "days",
	 .types = TYPE_INTEGER,
	 .fallback = "90",
	 .help = "for how many days; whichever keeps more"},
	END,
};
static const struct key cache_keys[] = {
	PLAIN("store", TYPE_TEXT, KEY_EXPANDS,
	      "where outputs of steps are shared: s3://BUCKET/PREFIX or file:DIR"),
	DEFAULT("max", TYPE_SIZE, 0, "5GiB", "how large it may become"),
	PLAIN("endpoint", TYPE_TEXT, KEY_EXPANDS, "the S3 service's address"),
	PLAIN("region", TYPE_TEXT, KEY_EXPANDS, "the S3 region"),
	END,
};

static const char *const workspace_choices[] = {"worktree", "here", NULL};
static const char *const clean_choices[] = {"all", "untracked", NULL};

static const struct key deploy_keys[] = {
	PLAIN("app", TYPE_SCALAR, KEY_REQUIRED, "the application's name"),
	PLAIN("pipeline", TYPE_SCALAR, KEY_REQUIRED,
	      "how it is deployed: a name (pipelines/NAME.yml, or a built-in one) or a path"),
	DEFAULT("remote", TYPE_TEXT, 0, "origin", "the git remote"),
	DEFAULT("state", TYPE_TEXT, 0, "git",
		"where records are shared: git, git+branch, file:DIR or s3://BUCKET/PREFIX"),
	{.name = "workspace",
	 .types = TYPE_CHOICE,
	 .fallback = "worktree",
	 .choices = workspace_choices,
	 .help = "deploy a clean checkout of the commit, or the working tree"},
	{.name = "clean",
	 .types = TYPE_CHOICE,
	 .choices = clean_choices,
	 .help = "all: ignored files in the checkout go too (default in CI)"},
	DEFAULT("lease", TYPE_DURATION, 0, "2m",
		"how long a silent deploy keeps its lease"),
	OBJECT("keep", 0, keep_keys, "how many local records are kept, and how long"),
	MAP("environments", KEY_REQUIRED | KEY_NAMES, environment_row,
	    "where it is deployed; the first is the default"),
	MAP("secrets", KEY_VARIABLES, secret_row,
	    "read before go-live, handed to the steps that name them, never printed"),
	MAP("fingerprints", KEY_VARIABLES, patterns_row, "hashes of files, as SHIPIT_HASH_<NAME>"),
	OBJECT("guards", KEY_OVERLAY, guards_keys, "what warns of a deploy or refuses it"),
	MAP("roster", KEY_NAMES | KEY_EMPTY, person_row,
	    "who may deploy; without keys in it, everybody"),
	OBJECT("maintenance", KEY_OVERLAY, maintenance_keys,
	       "what is halted while a deploy goes live"),
	OBJECT("smoke", KEY_OVERLAY, smoke_keys, "how production proves that it is well"),
	{.name = "markers",
	 .types = TYPE_LIST,
	 .flags = KEY_OVERLAY | KEY_EMPTY,
	 .each = &markers_row,
	 .help = "services that are told of each deploy"},
	OBJECT("notify", KEY_OVERLAY, notify_keys,
	       "people who are told of each deploy"),
	MAP("hosts", KEY_OVERLAY | KEY_NAMES, group_row, "groups of hosts"),
	OBJECT("cache", KEY_LATER, cache_keys, "where outputs of steps are kept"),
	OBJECT("sounds", KEY_OVERLAY, sounds_keys, "what is played when"),
	END,
};

const struct key deploy_file = {
	.types = TYPE_OBJECT,
	.keys = deploy_keys,
	.help = "deploy.yml: who and where",
};
