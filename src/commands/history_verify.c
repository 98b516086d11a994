/* shipit history --verify: is every record what its deployer signed, and is none missing? */
#include "base/text.h"
#include "commands/history.h"
#include "commands/session_people.h"
#include "people/chain.h"

static json_t *judgement_json(const struct record *record, const struct chain_judgement *judgement)
{
	return json_pack("{s:s, s:s?, s:s?, s:s?, s:s?, s:s?}", "id", record->id, "app",
			 record->app, "commit", record->commit, "deployer", record->deployer,
			 "signed_by", judgement->signer, "problem", judgement->problem);
}

static void line_add(struct listing *listing, const struct record *record,
		     const struct chain_judgement *judgement)
{
	listing_add_column(listing, record->id, 25);
	buffer_add_text(&listing->out, "  ");
	listing_add_commit(listing, record->commit);
	buffer_add_text(&listing->out, "  ");
	if (judgement->problem) {
		listing_add_styled(listing, STYLE_RED, "does not fit: ");
		listing_add_name(listing, judgement->problem);
	} else if (judgement->signer) {
		buffer_add_text(&listing->out, "signed by ");
		listing_add_name(listing, judgement->signer);
	} else {
		buffer_add_text(&listing->out, "not signed; ");
		listing_add_name(listing, record->deployer);
		buffer_add_text(&listing->out, " by its own word");
	}
	if (judgement->former && !judgement->problem) {
		buffer_add_text(&listing->out, "; the app was called ");
		listing_add_name(listing, judgement->former);
	}
	buffer_add_char(&listing->out, '\n');
}

static int print_json(json_t *all, const struct record *first, const char *problem,
		      struct error *err)
{
	json_t *named = first ? json_pack("{s:s, s:s}", "id", first->id, "problem", problem)
			      : json_null();
	return call_print_json(
		json_pack("{s:b, s:o, s:o}", "ok", first == NULL, "first", named, "records", all),
		err);
}

int history_verify(struct session *session, const struct record_list *list, struct error *err)
{
	const struct chain_view view = session_chain_view(session);
	const struct record *first = NULL;
	const char *problem = NULL;
	struct listing listing;
	json_t *all = json_array();
	int result;
	listing_init(&listing, session->call);
	for (size_t i = 0; i < list->records.count; i++) {
		const struct record *record = &list->records.items[i];
		struct chain_judgement judgement;
		chain_judge(session->arena, &view, list, i, &judgement);
		json_array_append_new(all, judgement_json(record, &judgement));
		line_add(&listing, record, &judgement);
		if (judgement.problem) {
			first = record;
			problem = judgement.problem;
		}
	}
	if (session->call->json) {
		buffer_release(&listing.out);
		result = print_json(all, first, problem, err);
	} else {
		json_decref(all);
		result = listing_end(&listing, err);
	}
	if (result < 0 || !first)
		return result;
	error_set(err, "the first record that does not fit is %s: %s", first->id, problem);
	error_hint(err, "records before it can be relied on; docs/security.md says what to do");
	return error_code(err, EXIT_FAILED);
}
