/* The keys of all step kinds of the contract; those of later parts are checked already. */
#include "config/keys.h"

#define HOSTS ONE_OR_LIST("hosts", TYPE_TEXT, 0, key_text_row, "groups of hosts, or hosts")
#define MAX_FAIL DEFAULT("max_fail", TYPE_INTEGER, 0, "0", "how many hosts may fail")
#define HOST_TIMEOUT \
	PLAIN("host_timeout", TYPE_DURATION, 0, "how long one host may take before it has failed")
#define BATCH \
	PLAIN("batch", TYPE_INTEGER | TYPE_PERCENT, 0, \
	      "how many hosts at once, or how many percent")
#define CHECK \
	PLAIN("check", TYPE_COMMAND, 0, \
	      "a command or URL after each batch; failing stops the roll-out")
#define USER PLAIN("user", TYPE_TEXT, KEY_EXPANDS, "the user on the hosts")
#define OPTIONS ONE_OR_LIST("options", TYPE_TEXT, 0, key_text_row, "arguments for ssh")
#define EXCLUDE ONE_OR_LIST("exclude", TYPE_PATTERN, 0, key_pattern_row, "files that are left out")

static const struct key ssh_keys[] = {
	ONE_OR_LIST("hosts", TYPE_TEXT, KEY_REQUIRED, key_text_row, "groups of hosts, or hosts"),
	PLAIN("run", TYPE_COMMAND, KEY_REQUIRED, "the command"),
	BATCH,
	CHECK,
	PLAIN("jitter", TYPE_DURATION, 0, "spreads the starts over so long"),
	MAX_FAIL,
	HOST_TIMEOUT,
	DEFAULT("once", TYPE_BOOL, 0, "false", "on one host of the group only"),
	USER,
	OPTIONS,
	END,
};
static const struct key release_keys[] = {
	HOSTS,
	PLAIN("to", TYPE_TEXT, KEY_REQUIRED | KEY_EXPANDS,
	      "the folder that holds releases/ and current"),
	PLAIN("from", TYPE_TEXT, 0, "a folder; default: the commit's tree"),
	EXCLUDE,
	ONE_OR_LIST("shared", TYPE_TEXT, 0, key_text_row, "paths that all releases share"),
	{.name = "keep",
	 .types = TYPE_INTEGER,
	 .fallback = "5",
	 .minimum = 1,
	 .help = "how many releases are kept"},
	DEFAULT("link", TYPE_BOOL, 0, "false",
		"on hosts, unchanged files are links to those of the release before, not copies"),
	BATCH,
	CHECK,
	MAX_FAIL,
	HOST_TIMEOUT,
	USER,
	OPTIONS,
	END,
};
static const struct key slug_keys[] = {
	EXCLUDE,
	PLAIN("push", TYPE_TEXT, KEY_CHOICE | KEY_EXPANDS, "a git remote to push it to"),
	PLAIN("branch", TYPE_TEXT, KEY_EXPANDS,
	      "with push: the remote's branch; default: its default branch"),
	PLAIN("tarball", TYPE_TEXT, KEY_CHOICE | KEY_EXPANDS, "a file to write it to"),
	PLAIN("heroku", TYPE_TEXT, KEY_CHOICE | KEY_EXPANDS,
	      "an app: built before, released at go-live"),
	PLAIN("key", TYPE_TEXT, KEY_EXPANDS, "Heroku's API key"),
	PLAIN("endpoint", TYPE_TEXT, KEY_EXPANDS, "in place of https://api.heroku.com"),
	END,
};
static const struct key rule_keys[] = {
	ONE_OR_LIST("match", TYPE_PATTERN, KEY_REQUIRED, key_pattern_row, "the files"),
	PLAIN("cache_control", TYPE_TEXT, 0, "their Cache-Control"),
	PLAIN("content_type", TYPE_TEXT, 0, "their Content-Type"),
	ONE_OR_LIST("encode", TYPE_TEXT, 0, key_text_row, "br, gzip: compressed copies"),
	DEFAULT("last", TYPE_BOOL, 0, "false", "go up after all others, at go-live"),
	END,
};
static const struct key rule_row = {.types = TYPE_OBJECT, .keys = rule_keys};
static const struct key assets_sync_keys[] = {
	PLAIN("from", TYPE_TEXT, KEY_REQUIRED, "the folder"),
	PLAIN("to", TYPE_TEXT, KEY_REQUIRED | KEY_EXPANDS, "s3://BUCKET/PREFIX or file:DIR"),
	LIST("rules", KEY_EMPTY, rule_row, "how files are served"),
	EXCLUDE,
	DEFAULT("grace", TYPE_DURATION, 0, "4h", "how long dead assets stay"),
	{.name = "keep",
	 .types = TYPE_INTEGER,
	 .fallback = "3",
	 .help = "how many published releases keep their assets"},
	{.name = "concurrency",
	 .types = TYPE_INTEGER,
	 .fallback = "64",
	 .minimum = 1,
	 .maximum = 1024,
	 .help = "how many transfers at once"},
	PLAIN("endpoint", TYPE_TEXT, KEY_EXPANDS, "the S3 service's address"),
	PLAIN("region", TYPE_TEXT, KEY_EXPANDS, "the S3 region"),
	END,
};
static const struct key assets_prune_keys[] = {
	PLAIN("to", TYPE_TEXT, KEY_REQUIRED | KEY_EXPANDS, "s3://BUCKET/PREFIX or file:DIR"),
	DEFAULT("grace", TYPE_DURATION, 0, "4h", "how long dead assets stay"),
	{.name = "keep",
	 .types = TYPE_INTEGER,
	 .fallback = "3",
	 .help = "how many published releases keep their assets"},
	PLAIN("max_delete", TYPE_INTEGER | TYPE_PERCENT, 0, "refuses to delete more"),
	PLAIN("endpoint", TYPE_TEXT, KEY_EXPANDS, "the S3 service's address"),
	PLAIN("region", TYPE_TEXT, KEY_EXPANDS, "the S3 region"),
	END,
};
static const struct key scale_row = {.types = TYPE_INTEGER};
static const struct key heroku_keys[] = {
	PLAIN("app", TYPE_TEXT, KEY_REQUIRED | KEY_EXPANDS, "the app"),
	PLAIN("key", TYPE_TEXT, KEY_EXPANDS, "the API key; default: the secret HEROKU_API_KEY"),
	PLAIN("release", TYPE_ANY, KEY_CHOICE, "releases what a slug step built"),
	MAP("scale", KEY_CHOICE, scale_row, "process types and how many"),
	PLAIN("maintenance", TYPE_ANY, KEY_CHOICE, "on or off"),
	PLAIN("restart", TYPE_ANY, KEY_CHOICE, "restarts all or one process type"),
	PLAIN("endpoint", TYPE_TEXT, KEY_EXPANDS, "in place of https://api.heroku.com"),
	END,
};
static const struct key expect_keys[] = {
	{.name = "status",
	 .types = TYPE_INTEGER,
	 .minimum = 100,
	 .maximum = 599,
	 .help = "the answer's status"},
	ONE_OR_LIST("contains", TYPE_SCALAR, 0, key_scalar_row,
		    "text that the answer must contain"),
	MAP("json", 0, key_scalar_row, "values that a JSON answer must have, by path"),
	END,
};
static const struct key http_keys[] = {
	PLAIN("url", TYPE_TEXT, KEY_REQUIRED | KEY_EXPANDS, "the address"),
	PLAIN("method", TYPE_TEXT, 0, "the request's method; default: GET, with a body POST"),
	MAP("headers", KEY_EXPANDS, key_expanding_row, "headers of the request"),
	PLAIN("json", TYPE_ANY, KEY_EXPANDS | KEY_FILLS, "the body, as JSON"),
	PLAIN("body", TYPE_TEXT, KEY_EXPANDS | KEY_FILLS, "the body"),
	OBJECT("expect", 0, expect_keys, "what is expected of the answer"),
	END,
};
static const struct key wait_for_keys[] = {
	PLAIN("get", TYPE_TEXT, KEY_CHOICE | KEY_EXPANDS, "a page that must answer well"),
	PLAIN("run", TYPE_COMMAND, KEY_CHOICE, "a command that must succeed"),
	OBJECT("expect", 0, expect_keys, "what is expected of the page"),
	DEFAULT("within", TYPE_DURATION, 0, "5m", "how long to wait"),
	DEFAULT("every", TYPE_DURATION, 0, "2s", "how often to look"),
	END,
};
static const struct key warm_keys[] = {
	ONE_OR_LIST("urls", TYPE_TEXT, KEY_REQUIRED | KEY_EXPANDS, key_expanding_row, "the pages"),
	{.name = "parallel",
	 .types = TYPE_INTEGER,
	 .fallback = "8",
	 .minimum = 1,
	 .maximum = 256,
	 .help = "how many at once"},
	END,
};
static const struct key cron_keys[] = {
	HOSTS, PLAIN("file", TYPE_TEXT, KEY_REQUIRED, "the crontab in the repository"),
	USER,  OPTIONS,
	END,
};
static const struct key heartbeat_keys[] = {
	PLAIN("url", TYPE_TEXT, KEY_REQUIRED | KEY_EXPANDS, "the switch's address"),
	END,
};
static const struct key ota_keys[] = {
	PLAIN("from", TYPE_TEXT, KEY_REQUIRED, "the folder with the bundle"),
	ONE_OR_LIST("platforms", TYPE_TEXT, 0, key_text_row, "ios, android"),
	PLAIN("runtime", TYPE_SCALAR, KEY_REQUIRED, "the runtime version that it fits"),
	DEFAULT("channel", TYPE_TEXT, KEY_EXPANDS, "production", "the channel"),
	PLAIN("to", TYPE_TEXT, KEY_REQUIRED | KEY_EXPANDS, "s3://BUCKET/PREFIX or file:DIR"),
	DEFAULT("protocol", TYPE_TEXT, 0, "expo", "the clients' protocol"),
	PLAIN("key", TYPE_TEXT, KEY_EXPANDS, "the signing key"),
	PLAIN("rollout", TYPE_PERCENT, 0, "how many clients get it"),
	PLAIN("url", TYPE_TEXT, KEY_EXPANDS, "where clients get it from"),
	PLAIN("endpoint", TYPE_TEXT, KEY_EXPANDS, "the S3 service's address"),
	PLAIN("region", TYPE_TEXT, KEY_EXPANDS, "the S3 region"),
	END,
};

#define KIND(n, k, h) \
	{ \
		.row = OBJECT(n, KEY_LATER, k, h) \
	}
#define ACTING(n, k, h) \
	{ \
		.row = OBJECT(n, KEY_LATER, k, h), .acts = ACTS \
	}

const struct step_kind_keys step_kinds_known[] = {
	{.row = PLAIN("run", TYPE_COMMAND, 0,
		      "a command: a string for sh -eu -c, or a list of arguments")},
	{.row = PLAIN("publish", TYPE_TEXT, 0, "publishes here what STAGE.STEP prepared"),
	 .acts = ACTS},
	KIND("ssh", ssh_keys, "a command on hosts, over OpenSSH"),
	KIND("release", release_keys, "puts a tree on hosts and switches to it"),
	{.row = {.name = "slug",
		 .types = TYPE_OBJECT,
		 .flags = KEY_LATER | KEY_ONE_OF,
		 .keys = slug_keys,
		 .help = "the commit's tree less what is excluded"},
	 .acts = "push"},
	KIND("assets_sync", assets_sync_keys, "a folder to S3 or to a folder"),
	ACTING("assets_prune", assets_prune_keys, "removes dead assets"),
	{.row = {.name = "heroku",
		 .types = TYPE_OBJECT,
		 .flags = KEY_LATER | KEY_ONE_OF,
		 .keys = heroku_keys,
		 .help = "Heroku's platform API"},
	 .acts = ACTS},
	KIND("http", http_keys, "one request, with what is expected of the answer"),
	{.row = {.name = "wait_for",
		 .types = TYPE_OBJECT,
		 .flags = KEY_LATER | KEY_ONE_OF,
		 .keys = wait_for_keys,
		 .help = "polls until it holds"}},
	KIND("warm", warm_keys, "gets a list of pages"),
	ACTING("cron", cron_keys, "installs a crontab as its own marked block"),
	KIND("heartbeat", heartbeat_keys, "pings a dead-man switch"),
	{.row = {.name = "mark",
		 .types = TYPE_OBJECT | TYPE_LIST,
		 .flags = KEY_LATER,
		 .keys = marker_keys,
		 .each = &markers_row,
		 .help = "tells markers here"}},
	KIND("notify", notify_keys, "tells people here"),
	{.row = {.name = "smoke",
		 .types = TYPE_OBJECT,
		 .flags = KEY_LATER,
		 .keys = smoke_keys,
		 .help = "a smoke test here"}},
	{.row = {.name = "sound",
		 .types = TYPE_TEXT,
		 .flags = KEY_LATER,
		 .help = "plays a sound: a built-in name or a file"}},
	KIND("ota_publish", ota_keys, "an app bundle, signed, over the air"),
};
const size_t step_kinds_known_count = sizeof(step_kinds_known) / sizeof(step_kinds_known[0]);
