/* What outside services may know of where the code is. */
#include "base/text.h"
#include "commands/announce.h"
#include "commands/session.h"
#include "git/repository.h"

/* "https://ann:secret@host/x" is nobody's business; a folder on this machine is nobody's either. */
const char *announce_repository(const struct session *session)
{
	struct arena *arena = session->arena;
	char *url =
		repository_setting(session->repository, arena,
				   arena_format(arena, "remote.%s.url", session->config->remote));
	const char *host = url ? strstr(url, "://") : NULL;
	const char *user = host ? strchr(host + 3, '@') : NULL;

	if (!url || (!host && (*url == '/' || *url == '.' || !strchr(url, ':'))) ||
	    text_starts_with(url, "file://"))
		return NULL;
	if (!user || !text_starts_with(url, "http") || user > host + 3 + strcspn(host + 3, "/"))
		return url;
	return arena_format(arena, "%.*s%s", (int)(host + 3 - url), url, user + 1);
}
