/* The sealed file in the working tree: reading it, sealing into it, writing it. */
#include "commands/sealing.h"

#include <errno.h>

#include "base/file.h"
#include "base/text.h"
#include "commands/session_internal.h"
#include "commands/session_secrets.h"
#include "crypto/redact.h"
#include "git/repository.h"
#include "git/treesource.h"

int sealing_read(struct sealing *sealing, struct error *err)
{
	struct session *session = &sealing->session;
	struct buffer bytes CLEANUP(buffer_release);
	const char *copy;
	buffer_init(&bytes, SEALED_FILE_MAXIMUM);
	sealing->present = file_exists(sealing->path);
	sealing->file = (struct sealed_file){0};
	if (!sealing->present)
		return 0;
	if (file_read(sealing->path, &bytes, err) < 0)
		return -1;
	copy = arena_bytes(session->arena, bytes.data, bytes.length);
	if (sealed_file_parse(&session->diagnostics, sealing->shown, copy, bytes.length,
			      &sealing->file) == 0)
		return 0;
	session_print_diagnostics(session, err);
	return -1;
}

int sealing_open(struct sealing *sealing, struct call *call, struct error *err)
{
	struct session *session = &sealing->session;
	const struct session_options options = {.working_tree = true, .without_store = true};
	if (session_open(session, call, &options, err) < 0)
		return -1;
	sealing->shown = session_sealed_path(session);
	sealing->path = path_join(session->arena, session->root, sealing->shown);
	roster_read(session->arena, session->config, &sealing->roster);
	return sealing_read(sealing, err);
}

void sealing_close(struct sealing *sealing)
{
	identity_close(&sealing->identity);
	session_close(&sealing->session);
}

int sealing_check_name(const struct sealing *sealing, const char *name, struct error *err)
{
	const struct config *config = sealing->session.config;
	const struct secret_config *secret = config_secret(config, name);
	if (!text_is_variable(name)) {
		error_set(err, "that cannot be the name of a secret: letters, digits and '_' make "
			       "one");
		error_hint(err, "the value does not stand on the command line, where others can "
				"read it: shipit secrets set NAME asks for it, or reads stdin");
		return error_code(err, EXIT_USAGE);
	}
	if (!secret || secret->sealed)
		return 0;
	error_set(err, "%s is not sealed: %s reads it from %s", name, config->file,
		  secret->env ? "a variable" : "a command");
	error_hint(err, "write there: %s: sealed", name);
	return error_code(err, EXIT_USAGE);
}

static bool role_fits(const struct secret_config *secret, enum role role)
{
	static const char *const names[] = {
		[ROLE_TRAINED] = "trained",
		[ROLE_TRAINEE] = "trainee",
		[ROLE_MACHINE] = "machine",
	};
	return !secret || !secret->roles.count || text_list_has(&secret->roles, names[role]);
}

int sealing_audience(struct sealing *sealing, const char *name, struct seal_recipients *to,
		     struct error *err)
{
	const struct config *config = sealing->session.config;
	const struct secret_config *secret = config_secret(config, name);
	const struct sealed_entry *entry = sealed_file_find(&sealing->file, name);
	*to = (struct seal_recipients){0};
	for (size_t i = 0; i < sealing->roster.people.count; i++) {
		const struct roster_person *person = &sealing->roster.people.items[i];
		if (!role_fits(secret, person->role) ||
		    (!secret && entry && seal_place(&entry->value, &person->key) < 0))
			continue;
		vec_push(sealing->session.arena, &to->list,
			 ((struct seal_recipient){person->name, person->key}));
	}
	if (to->list.count)
		return 0;
	if (!sealing->roster.people.count) {
		error_set(err, "the roster of %s has no keys to seal to", config->file);
		error_hint(err, "`shipit keygen` makes a key and prints its line for the roster");
	} else {
		error_set(err, "nobody in the roster of %s may open %s", config->file, name);
	}
	return error_code(err, EXIT_USAGE);
}

static int unlock(struct sealing *sealing, struct error *err)
{
	struct session *session = &sealing->session;
	struct identity *identity = &sealing->identity;
	if (!sealing->identity_opened && identity_open(session->arena, identity, err) < 0)
		return -1;
	sealing->identity_opened = true;
	return identity_unlock(session->arena, identity, !session->call->json, err);
}

static int refuse_unknown(const struct sealing *sealing, const char *name, struct error *err)
{
	struct arena *arena = sealing->session.arena;
	struct text_list names = {0};
	for (size_t i = 0; i < sealing->file.entries.count; i++)
		text_list_add(arena, &names, sealing->file.entries.items[i].value.name);
	const char *near = text_nearest(name, names.items, names.count);
	error_set(err, "%s has no secret %s", sealing->shown, name);
	if (near)
		error_hint(err, "did you mean %s?", near);
	else
		error_hint(err, "shipit secrets set %s", name);
	return error_code(err, EXIT_USAGE);
}

int sealing_value(struct sealing *sealing, const char *name, struct buffer *value,
		  struct error *err)
{
	const struct sealed_entry *entry = sealed_file_find(&sealing->file, name);
	if (!entry)
		return refuse_unknown(sealing, name, err);
	if (unlock(sealing, err) < 0)
		return -1;
	return seal_open(&entry->value, sealing->identity.key, value, err);
}

int sealing_write(struct sealing *sealing, struct error *err)
{
	struct buffer out CLEANUP(buffer_release);
	buffer_init(&out, SEALED_FILE_MAXIMUM);
	sealed_file_write(&sealing->file, &out);
	if (out.overflowed)
		return error_set(err, "%s would be larger than 8 MiB", sealing->shown);
	return file_write(sealing->path, out.data, out.length, 0644, err);
}

static void tell(struct sealing *sealing, const char *name, const struct sealed_value *value,
		 size_t length)
{
	struct session *session = &sealing->session;
	struct call *call = session->call;
	const struct config *config = session->config;
	call_note(call, "%s is sealed to %s, in %s.", name,
		  text_join(call->arena, &value->to, ", "), sealing->shown);
	if (length < REDACT_MINIMUM)
		call_note(call, "WARNING: a value of fewer than %d characters cannot be kept out "
				"of the output", REDACT_MINIMUM);
	if (!config_secret(config, name))
		call_note(call, "%s does not name it yet; below secrets: %s: sealed", config->file,
			  name);
	if (session->default_branch && sealing->shown[0] != '/')
		call_note(call, "Commit it: deploys read %s on %s/%s.", sealing->shown,
			  config->remote, session->default_branch);
}

int sealing_put(struct sealing *sealing, const char *name, const struct buffer *value,
		struct error *err)
{
	struct session *session = &sealing->session;
	struct seal_recipients to;
	struct sealed_value sealed;
	if (sealing_read(sealing, err) < 0 || sealing_audience(sealing, name, &to, err) < 0)
		return -1;
	if (seal_make(session->arena, name, &to, NULL, value->data, value->length, &sealed,
		      err) < 0)
		return error_code(err, EXIT_USAGE);
	sealed_file_put(session->arena, &sealing->file, &sealed);
	if (sealing_write(sealing, err) < 0)
		return -1;
	if (!session->call->json)
		tell(sealing, name, &sealed, value->length);
	return 0;
}

const char *sealing_difference(struct sealing *sealing)
{
	struct session *session = &sealing->session;
	struct buffer here CLEANUP(buffer_release), there CLEANUP(buffer_release);
	struct error ignored = {0};
	char tip[COMMIT_TEXT];
	buffer_init(&here, SEALED_FILE_MAXIMUM);
	buffer_init(&there, SEALED_FILE_MAXIMUM);
	if (sealing->shown[0] == '/' || !sealing->present || !session_default_tip(session, tip) ||
	    file_read(sealing->path, &here, &ignored) < 0)
		return NULL;
	if (commit_read_file(session->repository, tip, sealing->shown, &there, &ignored) < 0 ||
	    text_equal(here.data, there.data))
		return NULL;
	return arena_format(session->arena, "%s/%s, which deploys read, has another %s than the "
			    "one here", session->config->remote, session->default_branch,
			    sealing->shown);
}
