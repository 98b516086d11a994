/* One look for credentials, shared by the files that each know a place to look at. */
#pragma once
#include "base/arena.h"
#include "base/json.h"
#include "net/credentials.h"
#include "net/http.h"
#include "net/ini.h"

struct search {
	struct arena arena; /* never for secrets: it is not wiped */
	const struct clock *clock;
	const char *profile;
	bool explicit; /* the caller chose the profile: the environment's keys do not count */
	const char *named_by; /* the variable that did; NULL: none, so that it may be missing */
	bool read;            /* the files below were */
	struct ini config, shared; /* ~/.aws/config and ~/.aws/credentials */
	struct text_list visited;  /* profiles whose roles led here */
	struct text_list silent;   /* why the container and the instance have none */
};

void search_init(struct search *search, const struct credentials_options *options);
void search_release(struct search *search);
/* Reads both files, once; one that is not there is empty. */
int search_read(struct search *search, struct error *err) MUST_USE;

/* What a place to look at comes to. */
enum found { FOUND_ERROR = -1, FOUND_NOTHING = 0, FOUND = 1 };

enum found credentials_from_environment(struct search *search, struct credentials *out,
					struct error *err);
/* All places that a profile can name: the role first, unless that role's source is asked for. */
enum found credentials_from_profile(struct search *search, const char *profile,
				    struct credentials *out, struct error *err);
enum found credentials_from_role(struct search *search, const char *profile,
				 struct credentials *out, struct error *err);
enum found credentials_from_web_identity(struct search *search, const char *profile,
					 struct credentials *out, struct error *err);
enum found credentials_from_sso(struct search *search, const char *profile, struct credentials *out,
				struct error *err);
enum found credentials_from_process(struct search *search, const char *profile,
				    struct credentials *out, struct error *err);
enum found credentials_from_container(struct search *search, struct credentials *out,
				      struct error *err);
enum found credentials_from_instance(struct search *search, struct credentials *out,
				     struct error *err);
/* The keys that stand in one of the files. */
enum found credentials_from_ini(const struct search *search, const struct ini *ini,
				const char *profile, struct credentials *out, struct error *err);

/* ---- the profile's settings ---- */

/* As both files together have it, ~/.aws/credentials first; NULL: nowhere, or empty. *ini (may be
 * NULL) is the file. */
const struct ini_entry *profile_entry(const struct search *search, const char *profile,
				      const char *key, const struct ini **ini);
const char *profile_value(const struct search *search, const char *profile, const char *key);
bool profile_exists(const struct search *search, const char *profile);
/* -1, with the name nearest to it. who: what names it, "AWS_PROFILE". */
int profile_missing(struct search *search, const char *profile, const char *who, struct error *err);
/* Puts the file and line of the profile's setting to an error; -1. */
int profile_error_at(const struct search *search, const char *profile, const char *key,
		     struct error *err);
/* [sso-session NAME], [services NAME]; NULL: not there. */
const struct ini_section *config_section(const struct search *search, const char *kind,
					 const char *name);
/* NULL: nothing overrides Amazon's own. service: "sts", "sso", "sso_oidc", "s3". */
const char *service_endpoint(struct search *search, const char *service);
/* The first variable that is set and not empty. */
const char *environment_first(const char *const *variables);
const char *environment_value(const char *variable);
/* Below the home folder; "~/x" is expanded. */
char *home_path(struct search *search, const char *path);

/* ---- answers ---- */

struct key_names {
	const char *access_key, *secret_key, *token, *expires;
};
/* Keys out of an answer, whose texts are overwritten; expires is a text or milliseconds. */
int credentials_from_json(json_t *object, const struct key_names *names, struct credentials *out,
			  struct error *err) MUST_USE;
/* Checks what no server would understand and what is over already; err says so. */
int credentials_check(const struct search *search, const struct credentials *found,
		      struct error *err) MUST_USE;
/* A copy of length bytes; NULL for NULL. */
char *secret_copy(const char *text);
void secret_free(char *text);
/* "2026-11-24T00:00:00Z", also with UTC for Z. */
int expiry_parse(const char *text, int64_t *milliseconds, struct error *err) MUST_USE;

/* http_fetch whose errors do not cite the URL's path, in which some services hide a secret. */
int secret_fetch(const struct http_request *request, struct http_response *response,
		 struct error *err) MUST_USE;
/* Overwrites the body, too. */
void secret_response_release(struct http_response *response);
/* A file's text without line ends at its end; NULL with err. Wipe it by secret_free. */
char *secret_file(const char *path, struct error *err);

/* Words as a POSIX shell splits them, and Python's shlex; nothing is expanded. */
int words_split(struct arena *arena, const char *text, struct text_list *words,
		struct error *err) MUST_USE;
/* Whether a container's keys may be fetched from there: https, or an address that does not leave
 * the machine. */
bool container_url_allowed(const char *url);
/* The URL that the environment names; NULL with err when it may not be used. */
char *container_url(struct arena *arena, const char *relative, const char *full, struct error *err);
