/* The files ~/.aws/config and ~/.aws/credentials, and what a profile says. */
#include <ctype.h>
#include <errno.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "net/credentials_internal.h"

enum { FILE_MAXIMUM = 1 << 20 };

const char *environment_value(const char *variable)
{
	const char *value = getenv(variable);

	return value && *value ? value : NULL;
}

const char *environment_first(const char *const *variables)
{
	for (; *variables; variables++)
		if (environment_value(*variables))
			return environment_value(*variables);
	return NULL;
}

char *home_path(struct search *search, const char *path)
{
	const char *home = environment_value("HOME");
	struct passwd entry, *user = NULL;
	char text[4096];

	if (*path == '/' || (*path == '~' && path[1] != '/'))
		return arena_string(&search->arena, path);
	if (!home && !getpwuid_r(getuid(), &entry, text, sizeof(text), &user) && user)
		home = user->pw_dir;
	return arena_format(&search->arena, "%s/%s", home ? home : "",
			    *path == '~' ? path + 2 : path);
}

/* ---- reading ---- */

static int read_ini(struct search *search, const char *variable, const char *standard,
		    struct ini *ini, struct error *err)
{
	const char *named = environment_value(variable);
	struct buffer bytes;
	struct stat status;
	size_t length;

	if (named && *named != '~')
		ini->path = arena_string(&search->arena, named);
	else
		ini->path = home_path(search, named ? named : standard);
	if (stat(ini->path, &status) || !S_ISREG(status.st_mode))
		return 0;
	buffer_init(&bytes, FILE_MAXIMUM);
	int result = file_read(ini->path, &bytes, err);
	char *text = buffer_take(&bytes, &length);
	if (result) {
		secret_free(text);
		return -1;
	}
	return ini_parse(&search->arena, ini->path, text, length, ini, err);
}

int search_read(struct search *search, struct error *err)
{
	if (search->read)
		return 0;
	search->read = true;
	if (read_ini(search, "AWS_CONFIG_FILE", ".aws/config", &search->config, err))
		return -1;
	return read_ini(search, "AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials", &search->shared,
			err);
}

/* ---- finding ---- */

/* "b c" of [profile "b c"]; NULL: it is no such section. */
static const char *section_name(struct arena *arena, const char *section, const char *kind)
{
	struct text_list words = {0};
	struct error ignored = {0};

	if (!text_starts_with(section, kind) || words_split(arena, section, &words, &ignored) ||
	    words.count != 2 || strcmp(words.items[0], kind))
		return NULL;
	return words.items[1];
}

const struct ini_section *config_section(const struct search *search, const char *kind,
					 const char *name)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;

	for (size_t i = 0; i < search->config.sections.count; i++) {
		const struct ini_section *section = &search->config.sections.items[i];
		if (text_equal(section_name(&arena, section->name, kind), name))
			return section;
	}
	return NULL;
}

static const struct ini_section *profile_section(const struct search *search, const struct ini *ini,
						 const char *profile)
{
	const struct ini_section *section = NULL;

	if (ini == &search->shared)
		return ini_section(ini, profile);
	section = config_section(search, "profile", profile);
	if (!section && !strcmp(profile, "default"))
		section = ini_section(ini, "default");
	return section;
}

static const struct ini_entry *entry_of(const struct search *search, const struct ini *ini,
					const char *profile, const char *key)
{
	const struct ini_entry *entry = ini_entry(profile_section(search, ini, profile), key);

	return entry && *entry->value ? entry : NULL;
}

const struct ini_entry *profile_entry(const struct search *search, const char *profile,
				      const char *key, const struct ini **ini)
{
	const struct ini *files[] = {&search->shared, &search->config};

	for (int i = 0; i < 2; i++) {
		const struct ini_entry *entry = entry_of(search, files[i], profile, key);
		if (entry && ini)
			*ini = files[i];
		if (entry)
			return entry;
	}
	return NULL;
}

const char *profile_value(const struct search *search, const char *profile, const char *key)
{
	const struct ini_entry *entry = profile_entry(search, profile, key, NULL);

	return entry ? entry->value : NULL;
}

bool profile_exists(const struct search *search, const char *profile)
{
	return profile_section(search, &search->shared, profile) ||
	       profile_section(search, &search->config, profile);
}

int profile_error_at(const struct search *search, const char *profile, const char *key,
		     struct error *err)
{
	const struct ini *ini = NULL;
	const struct ini_entry *entry = profile_entry(search, profile, key, &ini);

	return entry ? ini_error_at(ini, entry->line, err) : -1;
}

static void profile_names(struct search *search, struct text_list *names)
{
	struct arena *arena = &search->arena;

	for (size_t i = 0; i < search->config.sections.count; i++) {
		const char *section = search->config.sections.items[i].name;
		const char *name = section_name(arena, section, "profile");
		if (!name && !strcmp(section, "default"))
			name = section;
		if (name && !text_list_has(names, name))
			text_list_add(arena, names, name);
	}
	for (size_t i = 0; i < search->shared.sections.count; i++)
		if (!text_list_has(names, search->shared.sections.items[i].name))
			text_list_add(arena, names, search->shared.sections.items[i].name);
}

int profile_missing(struct search *search, const char *profile, const char *who, struct error *err)
{
	struct text_list names = {0};
	const char *nearest;

	profile_names(search, &names);
	nearest = text_nearest(profile, names.items, names.count);
	error_set(err, "%s%sthere is no profile '%s' in %s or %s", who ? who : "",
		  who ? " is wrong: " : "", profile, search->config.path, search->shared.path);
	/* A section that is right in the one file and means nothing in the other. */
	if (ini_section(&search->config, profile))
		return error_hint(err, "In %s its section must be [profile %s], not [%s].",
				  search->config.path, profile, profile);
	if (nearest)
		return error_hint(err, "Did you mean '%s'?", nearest);
	if (names.count)
		return error_hint(err, "The profiles there: %s.",
				  text_join(&search->arena, &names, ", "));
	return error_hint(err, "Run aws configure --profile %s to make it.", profile);
}

/* ---- settings ---- */

enum found credentials_from_ini(const struct search *search, const struct ini *ini,
				const char *profile, struct credentials *out, struct error *err)
{
	const struct ini_entry *access_key = entry_of(search, ini, profile, "aws_access_key_id");
	const struct ini_entry *secret_key =
		entry_of(search, ini, profile, "aws_secret_access_key");
	const struct ini_entry *token = entry_of(search, ini, profile, "aws_session_token");
	char text[1024];

	if (!access_key)
		return FOUND_NOTHING;
	if (!secret_key) {
		error_set(err,
			  "the profile '%s' has an aws_access_key_id and no "
			  "aws_secret_access_key",
			  profile);
		return ini_error_at(ini, access_key->line, err);
	}
	if (!token)
		token = entry_of(search, ini, profile, "aws_security_token");
	out->access_key = secret_copy(access_key->value);
	out->secret_key = secret_copy(secret_key->value);
	out->token = secret_copy(token ? token->value : NULL);
	snprintf(text, sizeof(text), "the profile '%s' in %s", profile, ini->path);
	out->source = secret_copy(text);
	snprintf(text, sizeof(text),
		 token ? "Get a new session for the profile '%s' (%s:%d)."
		       : "Correct the keys of the profile '%s' (%s:%d).",
		 profile, ini->path, access_key->line);
	out->renew = secret_copy(text);
	return FOUND;
}

static const char *services_endpoint(struct search *search, const char *service)
{
	const char *name = profile_value(search, search->profile, "services");
	const struct ini_section *section = name ? config_section(search, "services", name) : NULL;
	const struct ini_entry *entry = ini_entry(section, service);

	return entry ? ini_nested(&search->arena, entry->value, "endpoint_url") : NULL;
}

const char *service_endpoint(struct search *search, const char *service)
{
	const char *ignore = environment_value("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
	char *own = arena_format(&search->arena, "AWS_ENDPOINT_URL_%s", service);
	const char *const variables[] = {own, "AWS_ENDPOINT_URL", NULL};
	const char *url;

	for (char *byte = own; *byte; byte++)
		*byte = (char)toupper((unsigned char)*byte);
	if (!ignore)
		ignore = profile_value(search, search->profile, "ignore_configured_endpoint_urls");
	if (ignore && !strcasecmp(ignore, "true"))
		return NULL;
	url = environment_first(variables);
	if (!url)
		url = services_endpoint(search, service);
	return url ? url : profile_value(search, search->profile, "endpoint_url");
}
