/* What stays halted: noted, and shown. */
#include "commands/halted_note.h"

#include "proc/machine.h"

int halted_look(struct holding *holding, struct halted *halted, struct error *err)
{
	struct session *session = holding->session;
	struct store *store = holding_borrow(holding);
	int status = halted_read(store, session->arena, session->config->env, halted, err);

	holding_return(holding);
	return status;
}

size_t halted_note_change(const struct session *session, struct store *store, const char *id,
			  const json_t *left, struct halted *note, struct store_change *change)
{
	const struct config *config = session->config;
	struct error problem = { 0 };
	char host[MACHINE_HOST];
	int found;

	if (!json_array_size(left))
		return 0;
	halted_release(note);
	found = halted_read(store, session->arena, config->env, note, &problem);
	if (found < 0)
		call_note(session->call, "%s", problem.message);
	if (found <= 0) {
		note->by = session->deployer;
		note->host = arena_string(session->arena, machine_host(host));
		note->id = id;
		note->since = clock_now(session->call->clock);
		note->reason = "it was not started again";
		note->together = config->maintenance.together;
	}
	halted_add(note, left);
	*change = halted_change(note);
	return 1;
}

int halted_now(struct session *session, const char *env, const struct lock_facts *lock,
	       struct halted *halted, struct error *err)
{
	const struct lease *lease = &lock->lease;
	int found = halted_read(session->store, session->arena, env, halted, err);

	if (found || !lock->leased || !json_array_size(json_object_get(lease->work, "halts")))
		return found;
	halted->by = lease->holder;
	halted->host = lease->host;
	halted->id = lease->id;
	halted->since = lease->since;
	halted->halts = json_incref(json_object_get(lease->work, "halts"));
	return 1;
}

void halted_text(struct listing *listing, struct arena *arena, const struct halted *halted,
		 int64_t now)
{
	buffer_add_text(&listing->out, "maintenance since ");
	listing_add_time(listing, halted->since);
	buffer_add_text(&listing->out, " (");
	listing_add_ago(listing, halted->since, now);
	buffer_add_text(&listing->out, ") by ");
	listing_add_name(listing, halted->by);
	if (halted->id) {
		buffer_add_text(&listing->out, ", deploy ");
		listing_add_name(listing, halted->id);
	}
	buffer_add_text(&listing->out, ": ");
	listing_add_name(listing, halted_names(arena, halted));
	if (halted->reason) {
		buffer_add_text(&listing->out, " (");
		listing_add_name(listing, halted->reason);
		buffer_add_char(&listing->out, ')');
	}
	buffer_add_char(&listing->out, '\n');
}

json_t *halted_status_json(const struct halted *halted)
{
	json_t *names = json_array(), *halt;
	char since[32];
	size_t i;

	json_array_foreach(halted->halts, i, halt)
	{
		json_array_append(names, json_object_get(halt, "halt"));
	}
	if (json_array_size(names))
		return json_pack("{s:s?, s:s?, s:s?, s:s?, s:s?, s:o}", "since",
				 halted->since ? time_format(since, halted->since) : NULL, "by",
				 halted->by, "host", halted->host, "reason", halted->reason, "id",
				 halted->id, "halts", names);
	json_decref(names);
	return json_null();
}
