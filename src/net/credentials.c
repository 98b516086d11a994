/* The chain: one place after the other, in botocore's order. */
#include "net/credentials.h"

#include "crypto/key.h"
#include "crypto/memory.h"
#include "net/credentials_internal.h"

void credentials_release(struct credentials *credentials)
{
	secret_free(credentials->access_key);
	secret_free(credentials->secret_key);
	secret_free(credentials->token);
	free(credentials->source);
	free(credentials->renew);
	*credentials = (struct credentials){0};
}

void search_init(struct search *search, const struct credentials_options *options)
{
	static const char *const variables[] = {"AWS_PROFILE", "AWS_DEFAULT_PROFILE"};
	const char *profile = options ? options->profile : NULL;

	*search =
		(struct search){.clock = options && options->clock ? options->clock : &clock_system,
				.explicit = profile};
	for (int i = 0; i < 2 && !profile; i++) {
		profile = environment_value(variables[i]);
		if (profile)
			search->named_by = variables[i];
	}
	search->profile = arena_string(&search->arena, profile ? profile : "default");
}

void search_release(struct search *search)
{
	ini_release(&search->config);
	ini_release(&search->shared);
	arena_release(&search->arena);
}

/* ---- the environment ---- */

enum found credentials_from_environment(struct search *search, struct credentials *out,
					struct error *err)
{
	static const char *const tokens[] = {"AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", NULL};
	const char *access_key = environment_value("AWS_ACCESS_KEY_ID");
	const char *secret_key = environment_value("AWS_SECRET_ACCESS_KEY");
	const char *expires = environment_value("AWS_CREDENTIAL_EXPIRATION");

	(void)search;
	if (!access_key)
		return FOUND_NOTHING;
	if (!secret_key) {
		error_set(err, "AWS_ACCESS_KEY_ID is set, and AWS_SECRET_ACCESS_KEY is not");
		return error_hint(err, "Set both, or none to use a profile.");
	}
	if (expires && expiry_parse(expires, &out->expires, err))
		return error_wrap(err, "AWS_CREDENTIAL_EXPIRATION");
	out->access_key = secret_copy(access_key);
	out->secret_key = secret_copy(secret_key);
	out->token = secret_copy(environment_first(tokens));
	out->source = secret_copy("the environment");
	out->renew = secret_copy(
		out->token ? "Set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN "
			     "anew: the session in the environment is over."
			   : "Correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.");
	return FOUND;
}

/* ---- the profile ---- */

/* A profile whose keys `aws login` keeps for itself. */
static enum found refuse_login_session(struct search *search, const char *profile,
				       struct error *err)
{
	if (!profile_value(search, profile, "login_session"))
		return FOUND_NOTHING;
	error_set(err,
		  "the profile '%s' is one of aws login, whose session only the AWS command "
		  "line can use",
		  profile);
	error_hint(err,
		   "Run eval \"$(aws configure export-credentials --profile %s --format env)\" "
		   "before.",
		   profile);
	return profile_error_at(search, profile, "login_session", err);
}

enum found credentials_from_profile(struct search *search, const char *profile,
				    struct credentials *out, struct error *err)
{
	enum found found = credentials_from_web_identity(search, profile, out, err);

	if (found == FOUND_NOTHING)
		found = credentials_from_sso(search, profile, out, err);
	if (found == FOUND_NOTHING)
		found = credentials_from_ini(search, &search->shared, profile, out, err);
	if (found == FOUND_NOTHING)
		found = refuse_login_session(search, profile, err);
	if (found == FOUND_NOTHING)
		found = credentials_from_process(search, profile, out, err);
	if (found == FOUND_NOTHING)
		found = credentials_from_ini(search, &search->config, profile, out, err);
	return found;
}

/* ---- all of it ---- */

static enum found look(struct search *search, struct credentials *out, struct error *err)
{
	enum found found = FOUND_NOTHING;

	if (!search->explicit)
		found = credentials_from_environment(search, out, err);
	if (found == FOUND_NOTHING && search_read(search, err))
		found = FOUND_ERROR;
	if (found == FOUND_NOTHING && (search->explicit || search->named_by) &&
	    !profile_exists(search, search->profile))
		return profile_missing(search, search->profile, search->named_by, err);
	if (found == FOUND_NOTHING)
		found = credentials_from_role(search, search->profile, out, err);
	if (found == FOUND_NOTHING)
		found = credentials_from_profile(search, search->profile, out, err);
	if (found == FOUND_NOTHING)
		found = credentials_from_container(search, out, err);
	if (found == FOUND_NOTHING)
		found = credentials_from_instance(search, out, err);
	return found;
}

static int nothing_found(struct search *search, struct error *err)
{
	const char *reasons = text_join(&search->arena, &search->silent, ", ");

	error_set(err,
		  "there are no credentials for Amazon's services: not in the environment, not "
		  "in the profile '%s' of %s or %s, %s",
		  search->profile, search->shared.path, search->config.path, reasons);
	return error_hint(err, "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a profile by "
			       "AWS_PROFILE, or run aws configure.");
}

int credentials_load(const struct credentials_options *options, struct credentials *out,
		     struct error *err)
{
	struct search search;
	struct credentials found = {0};
	int result = -1;

	search_init(&search, options);
	memory_hide();
	enum found how = look(&search, &found, err);
	if (how == FOUND_NOTHING)
		nothing_found(&search, err);
	if (how == FOUND && !credentials_check(&search, &found, err)) {
		*out = found;
		result = 0;
	} else {
		credentials_release(&found);
	}
	search_release(&search);
	return result;
}

char *credentials_setting(const struct credentials_options *options, const char *const *variables,
			  const char *key)
{
	struct search search;
	struct error ignored = {0};
	const char *value = variables ? environment_first(variables) : NULL;
	char *copy;

	search_init(&search, options);
	if (!value && !search_read(&search, &ignored))
		value = profile_value(&search, search.profile, key);
	copy = secret_copy(value);
	search_release(&search);
	return copy;
}

char *credentials_endpoint(const struct credentials_options *options, const char *service)
{
	struct search search;
	struct error ignored = {0};
	char *copy;

	search_init(&search, options);
	if (search_read(&search, &ignored))
		error_clear(&ignored);
	copy = secret_copy(service_endpoint(&search, service));
	search_release(&search);
	return copy;
}
