/* The keys of markers: one row a service. */
#include "config/keys.h"

#define ENDPOINT PLAIN("endpoint", TYPE_TEXT, KEY_EXPANDS, "in place of the vendor's address")
#define SECRET(n, h) PLAIN(n, TYPE_TEXT, KEY_REQUIRED | KEY_EXPANDS, h)
#define NEEDED(n, h) PLAIN(n, TYPE_SCALAR, KEY_REQUIRED | KEY_EXPANDS, h)
#define OPTIONAL(n, h) PLAIN(n, TYPE_SCALAR, KEY_EXPANDS, h)

static const char *const region_choices[] = {"us", "eu", NULL};
static const struct key newrelic_keys[] = {
	NEEDED("entity", "the entity's GUID"),
	SECRET("key", "a user key"),
	{.name = "region",
	 .types = TYPE_CHOICE,
	 .fallback = "us",
	 .choices = region_choices,
	 .help = "where the account is"},
	ENDPOINT,
	END,
};
static const struct key datadog_keys[] = {
	NEEDED("service", "the service's name"),
	SECRET("key", "an API key"),
	DEFAULT("site", TYPE_TEXT, 0, "datadoghq.com", "the account's site"),
	ENDPOINT,
	END,
};
static const struct key sentry_keys[] = {
	NEEDED("org", "the organization"),
	NEEDED("project", "the project"),
	SECRET("token", "an auth token"),
	OPTIONAL("repository", "the repository as Sentry knows it"),
	ENDPOINT,
	END,
};
static const struct key honeycomb_keys[] = {
	NEEDED("dataset", "the dataset, or __all__"),
	SECRET("key", "an API key"),
	ENDPOINT,
	END,
};
static const struct key fill_row = {.types = TYPE_TEXT, .flags = KEY_FILLS};
static const struct key grafana_keys[] = {
	SECRET("endpoint", "Grafana's address"),
	SECRET("token", "a service account's token"),
	ONE_OR_LIST("tags", TYPE_TEXT, KEY_FILLS, fill_row, "tags of the annotation"),
	END,
};
static const struct key appsignal_keys[] = {
	NEEDED("app", "the application's name"),
	SECRET("key", "the push key"),
	ENDPOINT,
	END,
};
static const struct key rollbar_keys[] = {
	SECRET("token", "a token for deploys"),
	ENDPOINT,
	END,
};
static const struct key otlp_keys[] = {
	OPTIONAL("endpoint", "the collector; default: OTEL_EXPORTER_OTLP_ENDPOINT"),
	MAP("headers", KEY_EXPANDS, key_expanding_row, "headers of each request"),
	END,
};
static const struct key http_keys[] = {
	SECRET("url", "the address"),
	DEFAULT("method", TYPE_TEXT, 0, "POST", "the request's method"),
	MAP("headers", KEY_EXPANDS, key_expanding_row, "headers of the request"),
	PLAIN("json", TYPE_ANY, KEY_EXPANDS | KEY_FILLS, "the body, as JSON"),
	END,
};
const struct key marker_keys[] = {
	OBJECT("newrelic", KEY_CHOICE, newrelic_keys, "New Relic's change tracking"),
	OBJECT("datadog", KEY_CHOICE, datadog_keys, "Datadog's DORA deployments and events"),
	OBJECT("sentry", KEY_CHOICE, sentry_keys, "Sentry's releases and deploys"),
	OBJECT("honeycomb", KEY_CHOICE, honeycomb_keys, "Honeycomb's markers"),
	OBJECT("grafana", KEY_CHOICE, grafana_keys, "Grafana's annotations"),
	OBJECT("appsignal", KEY_CHOICE, appsignal_keys, "AppSignal's markers"),
	OBJECT("rollbar", KEY_CHOICE, rollbar_keys, "Rollbar's deploys"),
	OBJECT("otlp", KEY_CHOICE, otlp_keys, "a trace of the deploy, by OTLP"),
	OBJECT("http", KEY_CHOICE, http_keys, "any other service"),
	END,
};
const struct key markers_row = {.types = TYPE_OBJECT, .flags = KEY_ONE_OF, .keys = marker_keys};
