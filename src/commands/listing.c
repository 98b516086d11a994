/* Records as text for a person. */
#include "commands/listing.h"

#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "ui/filter.h"

void listing_init(struct listing *listing, const struct call *call)
{
	buffer_init(&listing->out, (size_t)64 << 20);
	listing->color = terminal_color(STDOUT_FILENO, call->color);
}

void listing_add_name(struct listing *listing, const char *text)
{
	size_t from = listing->out.length;
	if (!text || !*text)
		text = "-";
	filter_text(&listing->out, text, strlen(text), FILTER_PLAIN);
	for (size_t i = from; i < listing->out.length; i++)
		if (listing->out.data[i] == '\n')
			listing->out.data[i] = ' ';
}

static void pad(struct listing *listing, size_t used, size_t columns)
{
	while (used++ < columns)
		buffer_add_char(&listing->out, ' ');
}

void listing_add_column(struct listing *listing, const char *text, size_t columns)
{
	size_t from = listing->out.length;
	listing_add_name(listing, text);
	pad(listing, text_columns(listing->out.data + from, listing->out.length - from), columns);
}

void listing_add_styled(struct listing *listing, enum style wanted, const char *text)
{
	buffer_add_text(&listing->out, style(listing->color, wanted));
	listing_add_name(listing, text);
	buffer_add_text(&listing->out, style(listing->color, STYLE_NONE));
}

void listing_add_time(struct listing *listing, int64_t milliseconds)
{
	char text[32];
	time_t seconds = (time_t)(milliseconds / 1000);
	struct tm local;
	if (!milliseconds || !localtime_r(&seconds, &local)) {
		listing_add_column(listing, "-", 16);
		return;
	}
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &local);
	buffer_add_text(&listing->out, text);
}

void listing_add_ago(struct listing *listing, int64_t milliseconds, int64_t now)
{
	int64_t minutes = (now - milliseconds) / 60000;
	if (minutes < 1)
		buffer_add_text(&listing->out, "just now");
	else if (minutes < 60)
		buffer_add_format(&listing->out, "%dm ago", (int)minutes);
	else if (minutes / 60 < 48)
		buffer_add_format(&listing->out, "%dh ago", (int)(minutes / 60));
	else
		buffer_add_format(&listing->out, "%lldd ago", (long long)(minutes / 60 / 24));
}

void listing_add_commit(struct listing *listing, const char *commit)
{
	if (commit)
		buffer_add_format(&listing->out, "%.7s", commit);
	else
		buffer_add_text(&listing->out, "-      ");
}

void listing_add_status(struct listing *listing, const char *status, size_t columns)
{
	enum style wanted = STYLE_RED;
	if (text_equal(status, "ok"))
		wanted = STYLE_GREEN;
	else if (text_equal(status, "rolled_back") || text_equal(status, "interrupted"))
		wanted = STYLE_YELLOW;
	listing_add_styled(listing, wanted, status);
	pad(listing, status ? strlen(status) : 1, columns);
}

int listing_flush(struct listing *listing, struct error *err)
{
	struct buffer page CLEANUP(buffer_release);
	int result;

	buffer_init(&page, 64 << 20);
	text_fold(&page, listing->out.data, listing->out.length, terminal_columns(STDOUT_FILENO));
	result = stdout_write(page.data, page.length, err);
	buffer_clear(&listing->out);
	return result;
}

int listing_end(struct listing *listing, struct error *err)
{
	int result = listing_flush(listing, err);

	buffer_release(&listing->out);
	return result < 0 ? -1 : EXIT_DONE;
}

void listing_note_age(const struct session *session)
{
	char text[32];
	if (!session->options.offline)
		return;
	int64_t seen = store_seen_at(session->store);
	if (seen)
		call_note(session->call, "as of %s (--offline)", time_format(text, seen));
	else
		call_note(session->call, "the shared state was never fetched here (--offline)");
}

json_t *listing_record_json(const struct record *record)
{
	json_t *json = json_deep_copy(record->json);
	json_object_del(json, "nonce");
	return json;
}

const struct record *listing_find(struct session *session, const char *id, struct record_list *from,
				  struct error *err)
{
	const struct config *config = session->config;
	const struct record *found;
	if (record_list_read(session->store, session->arena, config->env, 0, from, err) < 0)
		return NULL;
	found = record_list_find(from, id, err);
	for (size_t i = 0; !found && i < config->environments.count; i++) {
		struct error ignored = {0};
		const char *env = config->environments.items[i].name;
		if (text_equal(env, config->env))
			continue;
		record_list_release(from);
		if (record_list_read(session->store, session->arena, env, 0, from, err) < 0)
			return NULL;
		found = record_list_find(from, id, &ignored);
	}
	return found;
}
