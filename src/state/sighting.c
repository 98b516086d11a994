/* What this clone has seen of the store's entries, and since when: shipit/seen/ENV.json below the
 * common dir holds {NAME: {version, machine, since, last}}, times by machine_clock. */
#include "state/sighting.h"

#include "base/file.h"
#include "proc/machine.h"
#include "state/store_internal.h"

#define SEEN_MAXIMUM ((size_t)1 << 20)
#define REWRITE_AFTER ((int64_t)3600 * 1000)
#define FORGET_AFTER ((int64_t)24 * 3600 * 1000)

static char *seen_path(struct arena *arena, const char *common_dir, const char *env)
{
	return arena_format(arena, "%s/shipit/seen/%s.json", common_dir,
			    store_name_encode(arena, env));
}

/* What was kept; an empty object when there is nothing that can be read. */
static json_t *seen_read(const char *path)
{
	struct error ignored = {0};
	struct buffer bytes;
	json_t *seen = NULL;
	buffer_init(&bytes, SEEN_MAXIMUM);
	if (file_read(path, &bytes, &ignored) == 0)
		seen = json_loadb(bytes.data, bytes.length, 0, NULL);
	buffer_release(&bytes);
	if (json_is_object(seen))
		return seen;
	json_decref(seen);
	return json_object();
}

/* Failing to remember costs a contender another wait, nothing else. */
static void seen_write(struct arena *arena, const char *path, json_t *seen)
{
	struct error ignored = {0};
	char *text = json_dumps(seen, JSON_SORT_KEYS);
	if (text && folder_make(path_folder(arena, path), 0777, &ignored) == 0 &&
	    file_write(path, text, strlen(text), 0644, &ignored) < 0)
		error_clear(&ignored);
	free(text);
}

static int64_t number(const json_t *item, const char *key)
{
	return json_integer_value(json_object_get(item, key));
}

static bool is_text(const json_t *item, const char *key, const char *wanted)
{
	const char *text = json_string_value(json_object_get(item, key));
	return text && strcmp(text, wanted) == 0;
}

/* What nobody asked for lately, or was of another boot. */
static void seen_prune(json_t *seen, const char *machine, int64_t now)
{
	const char *name;
	json_t *item;
	void *next;
	json_object_foreach_safe(seen, next, name, item)
	{
		if (!is_text(item, "machine", machine) || number(item, "last") + FORGET_AFTER < now)
			json_object_del(seen, name);
	}
}

int64_t sighting_age(const char *common_dir, const char *env, const char *name, const char *version)
{
	struct arena arena = ARENA_INIT;
	char machine[MACHINE_NAME];
	int64_t now = machine_clock(), since = now;
	const char *path = seen_path(&arena, common_dir, env);
	json_t *seen = seen_read(path), *item = json_object_get(seen, name);
	machine_name(machine);
	bool known = *machine && is_text(item, "machine", machine) &&
		     is_text(item, "version", version) && number(item, "since") <= now;
	if (known)
		since = number(item, "since");
	if (!known || number(item, "last") + REWRITE_AFTER < now) {
		json_t *fresh = json_pack("{s:s, s:s, s:I, s:I}", "version", version, "machine",
					  machine, "since", (json_int_t)since, "last",
					  (json_int_t)now);
		json_object_set_new(seen, name, fresh);
		seen_prune(seen, machine, now);
		seen_write(&arena, path, seen);
	}
	json_decref(seen);
	arena_release(&arena);
	return now - since;
}
