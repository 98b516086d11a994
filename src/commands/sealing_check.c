/* What can be told about sealed secrets without a key. */
#include "commands/sealing_check.h"

#include "base/file.h"
#include "base/text.h"
#include "commands/sealing.h"
#include "commands/session_secrets.h"

static void check_value(struct sealing *sealing, struct diagnostics *diagnostics,
			const struct sealed_entry *entry)
{
	struct error problem = {0};
	struct seal_recipients to;
	const char *name = entry->value.name;
	if (seal_check(&entry->value, &problem) < 0) {
		diagnostics_add(diagnostics, entry->place, "%s", problem.message);
		diagnostics_hint(diagnostics, "%s", problem.hint);
	} else if (sealing_audience(sealing, name, &to, &problem) < 0) {
		diagnostics_warn(diagnostics, entry->place, "%s", problem.message);
	} else if (!seal_is_to(&entry->value, &to)) {
		diagnostics_warn(diagnostics, entry->place,
				 "%s is not sealed to just those who may open it now", name);
		diagnostics_hint(diagnostics, "shipit secrets rotate");
	}
}

static void check_missing(const struct sealing *sealing, struct diagnostics *diagnostics)
{
	const struct config *config = sealing->session.config;
	for (size_t i = 0; i < config->secrets.count; i++) {
		const struct secret_config *secret = &config->secrets.items[i];
		if (!secret->sealed || sealed_file_find(&sealing->file, secret->name))
			continue;
		diagnostics_warn(diagnostics, secret->place, "%s is not in %s", secret->name,
				 sealing->shown);
		diagnostics_hint(diagnostics, "shipit secrets set %s", secret->name);
	}
}

void sealing_check(struct session *session, struct config *config, struct text_list *checked)
{
	struct diagnostics *diagnostics = &session->diagnostics;
	struct sealing sealing = {.session = *session};
	struct buffer bytes CLEANUP(buffer_release);
	struct error problem = {0};
	sealing.session.config = config;
	sealing.shown = session_sealed_path(&sealing.session);
	sealing.path = path_join(session->arena, session->root, sealing.shown);
	roster_read(session->arena, config, &sealing.roster);
	buffer_init(&bytes, SEALED_FILE_MAXIMUM);
	if (file_exists(sealing.path)) {
		text_list_add(session->arena, checked, sealing.shown);
		if (file_read(sealing.path, &bytes, &problem) < 0) {
			const struct place place = {.file = sealing.shown};
			diagnostics_add(diagnostics, place, "%s", problem.message);
			return;
		}
		const char *copy = arena_bytes(session->arena, bytes.data, bytes.length);
		if (sealed_file_parse(diagnostics, sealing.shown, copy, bytes.length,
				      &sealing.file) < 0)
			return;
	}
	for (size_t i = 0; i < sealing.file.entries.count; i++)
		check_value(&sealing, diagnostics, &sealing.file.entries.items[i]);
	check_missing(&sealing, diagnostics);
}
