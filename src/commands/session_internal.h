/* What session.c and target.c share. */
#pragma once
#include "commands/session.h"

/* The repository and where deploy.yml is; nothing is read yet. */
int session_open_files(struct session *session, struct call *call,
		       const struct session_options *options, struct error *err) MUST_USE;
/* Config for state and remote, the store, one fetch, the records. */
int session_open_state(struct session *session, struct error *err) MUST_USE;
/* Mistakes in the files are printed; err has EXIT_USAGE and no message then. */
struct config *session_load(struct session *session, const struct config_source *source,
			    bool without_pipeline, struct error *err) MUST_USE;
/* deploy.yml alone, for the same environment; mistakes stay in diagnostics. */
struct config *session_load_quietly(struct session *session, const struct config_source *source,
				    const char *path, struct diagnostics *diagnostics,
				    struct error *err) MUST_USE;
/* live.c: session->live_config, once it is known what is live. What cannot be read is told in a
 * note. */
int session_load_live(struct session *session, struct error *err) MUST_USE;
/* How many commits of the live release are not in the one to deploy; -1: not known. */
int64_t session_undone(const struct session *session);
/* A commit that a shallow clone may lack is fetched; a note when that fails. */
void session_bring_commit(struct session *session, const char *commit);
struct config *session_load_base(struct session *session, struct error *err) MUST_USE;
/* The first secret in the text that only a command knows, when none may be run; else NULL. */
const char *looking_command_secret(const struct session *session, const char *text);
/* Adds who of the trained is there by Slack, asked with config's notify.slack.token (session_people
 * are gathered). */
void session_presence(struct session *session, const struct config *config,
		      struct text_list *names);
/* Adds what was announced since the last deploy to the facts' notes. */
void announcements_note(struct session *session);
/* Adds to the facts what the groups of hosts come to that a command lists. */
void looking_hosts(struct session *session);
/* What is wrong with the files, to stderr; err has EXIT_USAGE and no message then. */
void session_print_diagnostics(struct session *session, struct error *err);
/* The commit of the release that options.release names; its checkout and config are those of
 * then. */
int session_choose_release(struct session *session, struct error *err) MUST_USE;
bool session_commit_has_config(struct session *session, const char *commit);
