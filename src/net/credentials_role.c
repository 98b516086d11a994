/* A profile's role: whose keys it is asked for with, and AWS_WEB_IDENTITY_TOKEN_FILE in CI. */
#include "net/credentials_internal.h"
#include "net/sts_internal.h"

static enum found fail_at(const struct search *search, const char *profile, const char *key,
			  struct error *err)
{
	profile_error_at(search, profile, key, err);
	return FOUND_ERROR;
}

static bool has_keys(const struct search *search, const char *profile)
{
	return profile_value(search, profile, "aws_access_key_id") ||
	       profile_value(search, profile, "aws_secret_access_key");
}

/* A role by a token of the profile's own is not one by another's keys. */
static const char *role_of(const struct search *search, const char *profile)
{
	if (profile_value(search, profile, "web_identity_token_file"))
		return NULL;
	return profile_value(search, profile, "role_arn");
}

/* ---- the source ---- */

static enum found from_source_profile(struct search *search, const char *profile,
				      const char *source, struct credentials *out,
				      struct error *err)
{
	struct arena *arena = &search->arena;
	bool keys = has_keys(search, source);
	enum found found;

	if (!profile_exists(search, source)) {
		profile_missing(search, source,
				arena_format(arena, "the source_profile of '%s'", profile), err);
		return fail_at(search, profile, "source_profile", err);
	}
	/* It may name itself, for keys that stand beside the role. */
	if (text_list_has(&search->visited, source) && (strcmp(source, profile) || !keys)) {
		error_set(err, "the source_profile settings go round in a circle: %s, %s",
			  text_join(arena, &search->visited, ", "), source);
		error_hint(err, "One of them must have keys of its own.");
		return fail_at(search, profile, "source_profile", err);
	}
	if (role_of(search, source) && !keys)
		return credentials_from_role(search, source, out, err);
	found = credentials_from_profile(search, source, out, err);
	if (found != FOUND_NOTHING)
		return found;
	error_set(err, "the profile '%s', which is the source_profile of '%s', has no credentials",
		  source, profile);
	return fail_at(search, profile, "source_profile", err);
}

static enum found from_credential_source(struct search *search, const char *profile,
					 const char *source, struct credentials *out,
					 struct error *err)
{
	static const char *const names[] = {"Environment", "EcsContainer", "Ec2InstanceMetadata"};
	enum found found = FOUND_NOTHING;

	if (!strcmp(source, names[0])) {
		found = credentials_from_environment(search, out, err);
	} else if (!strcmp(source, names[1])) {
		found = credentials_from_container(search, out, err);
	} else if (!strcmp(source, names[2])) {
		found = credentials_from_instance(search, out, err);
	} else {
		error_set(err,
			  "the credential_source '%s' of the profile '%s' is none of "
			  "Environment, EcsContainer, Ec2InstanceMetadata",
			  source, profile);
		const char *nearest = text_nearest(source, names, 3);
		if (nearest)
			error_hint(err, "Did you mean '%s'?", nearest);
		return fail_at(search, profile, "credential_source", err);
	}
	if (found != FOUND_NOTHING)
		return found;
	error_set(err, "the credential_source '%s' of the profile '%s' has no credentials", source,
		  profile);
	return fail_at(search, profile, "credential_source", err);
}

static enum found from_source(struct search *search, const char *profile, struct credentials *out,
			      struct error *err)
{
	const char *source_profile = profile_value(search, profile, "source_profile");
	const char *source = profile_value(search, profile, "credential_source");

	if (source_profile && source) {
		error_set(err,
			  "the profile '%s' has both a source_profile and a "
			  "credential_source",
			  profile);
		return fail_at(search, profile, "credential_source", err);
	}
	if (source_profile)
		return from_source_profile(search, profile, source_profile, out, err);
	if (source)
		return from_credential_source(search, profile, source, out, err);
	error_set(err,
		  "the profile '%s' has a role_arn, and neither a source_profile nor a "
		  "credential_source to ask for it with",
		  profile);
	return fail_at(search, profile, "role_arn", err);
}

/* ---- the role ---- */

static int refuse_mfa(const struct search *search, const char *profile, struct error *err)
{
	error_set(err, "the role of the profile '%s' asks for a code (mfa_serial)", profile);
	error_hint(err,
		   "Run aws sts get-caller-identity --profile %s before: it asks for the code, and "
		   "what it gets is used here for an hour.",
		   profile);
	return profile_error_at(search, profile, "mfa_serial", err);
}

static enum found assume(struct search *search, const char *profile, const struct sts_role *role,
			 struct credentials *out, struct error *err)
{
	struct credentials source = {0};
	enum found found;

	text_list_add(&search->arena, &search->visited, profile);
	found = from_source(search, profile, &source, err);
	if (found == FOUND && (credentials_check(search, &source, err) ||
			       sts_assume(search, role, &source, out, err))) {
		error_wrap(err, "the profile '%s'", profile);
		found = fail_at(search, profile, "role_arn", err);
	}
	if (found == FOUND)
		out->renew = secret_copy(source.renew);
	credentials_release(&source);
	return found;
}

static enum found assume_by_code(struct search *search, const char *profile,
				 const struct sts_role *role, const char *mfa_serial,
				 struct credentials *out, struct error *err)
{
	if (credentials_from_cache(search, role, mfa_serial, out) != FOUND)
		return refuse_mfa(search, profile, err);
	out->renew = secret_copy(arena_format(
		&search->arena, "Run aws sts get-caller-identity --profile %s.", profile));
	return FOUND;
}

enum found credentials_from_role(struct search *search, const char *profile,
				 struct credentials *out, struct error *err)
{
	const struct sts_role role = {
		.arn = role_of(search, profile),
		.session = profile_value(search, profile, "role_session_name"),
		.external_id = profile_value(search, profile, "external_id"),
		.duration = profile_value(search, profile, "duration_seconds"),
	};
	const char *mfa_serial = profile_value(search, profile, "mfa_serial");
	enum found found;

	if (!role.arn)
		return FOUND_NOTHING;
	if (mfa_serial)
		found = assume_by_code(search, profile, &role, mfa_serial, out, err);
	else
		found = assume(search, profile, &role, out, err);
	if (found == FOUND)
		out->source = secret_copy(arena_format(&search->arena, "the profile '%s' (role %s)",
						       profile, role.arn));
	return found;
}

/* ---- by a token ---- */

static const char *token_setting(const struct search *search, const char *profile,
				 const char *variable, const char *key)
{
	/* The environment speaks of the profile that was asked for, not of a role's source. */
	const char *value =
		search->explicit || search->visited.count ? NULL : environment_value(variable);

	return value ? value : profile_value(search, profile, key);
}

enum found credentials_from_web_identity(struct search *search, const char *profile,
					 struct credentials *out, struct error *err)
{
	const char *file = token_setting(search, profile, "AWS_WEB_IDENTITY_TOKEN_FILE",
					 "web_identity_token_file");
	const struct sts_role role = {
		.arn = token_setting(search, profile, "AWS_ROLE_ARN", "role_arn"),
		.session = token_setting(search, profile, "AWS_ROLE_SESSION_NAME",
					 "role_session_name"),
		.duration = profile_value(search, profile, "duration_seconds"),
	};
	char *token;

	if (!file)
		return FOUND_NOTHING;
	if (!role.arn) {
		error_set(err,
			  "there is a web identity's token (%s), and no role to ask for with it",
			  file);
		error_hint(err, "Set AWS_ROLE_ARN, or role_arn in the profile '%s'.", profile);
		return fail_at(search, profile, "web_identity_token_file", err);
	}
	token = secret_file(home_path(search, file), err);
	if (!token) {
		error_wrap(err, "the web identity's token");
		return fail_at(search, profile, "web_identity_token_file", err);
	}
	int result = sts_assume_by_token(search, &role, token, out, err);
	secret_free(token);
	if (result)
		return fail_at(search, profile, "web_identity_token_file", err);
	out->source =
		secret_copy(arena_format(&search->arena, "the role %s (web identity)", role.arn));
	out->renew = secret_copy("Run the job again: it gets a new identity token then.");
	return FOUND;
}
