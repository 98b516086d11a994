/* The folders of deploys that were started on this machine. */
#include "state/deploys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "state/record.h"

#define TAIL_SIZE 65536 /* where deploy.finished is looked for: deferred steps may come behind it */

static const char *deploys_path(struct arena *arena, const char *common_dir)
{
	return arena_format(arena, "%s/shipit/deploys", common_dir);
}

static struct deploy_folder folder_at(struct arena *arena, const char *root, const char *id)
{
	struct deploy_folder folder = {.id = arena_string(arena, id)};
	folder.path = arena_format(arena, "%s/%s", root, id);
	folder.start = arena_format(arena, "%s/start.json", folder.path);
	folder.plan = arena_format(arena, "%s/plan.json", folder.path);
	folder.events = arena_format(arena, "%s/events.ndjson", folder.path);
	folder.record = arena_format(arena, "%s/record.json", folder.path);
	folder.logs = arena_format(arena, "%s/logs", folder.path);
	return folder;
}

static bool is_recorded(const struct record_list *records, const char *id)
{
	for (size_t i = 0; records && i < records->records.count; i++)
		if (text_equal(records->records.items[i].id, id))
			return true;
	return false;
}

/* The number-th ID of that second and commit, from 1. */
static char *id_at(struct arena *arena, const struct deploy_name *name, int number)
{
	char stamp[32];
	time_stamp(stamp, name->now);
	return number == 1 ? arena_format(arena, "%s-%.7s", stamp, name->commit)
			   : arena_format(arena, "%s-%.7s-%d", stamp, name->commit, number);
}

char *record_id_new(struct arena *arena, const struct deploy_name *name)
{
	int number = 1;
	while (is_recorded(name->records, id_at(arena, name, number)))
		number++;
	return id_at(arena, name, number);
}

int deploy_folder_create(struct arena *arena, const char *common_dir,
			 const struct deploy_name *name, struct deploy_folder *folder,
			 struct error *err)
{
	const char *root = deploys_path(arena, common_dir);
	if (folder_make(root, 0777, err) < 0)
		return -1;
	for (int number = 1; number < 10000; number++) {
		const char *id = id_at(arena, name, number);
		if (is_recorded(name->records, id))
			continue;
		*folder = folder_at(arena, root, id);
		if (mkdir(folder->path, 0777) == 0)
			return folder_make(folder->logs, 0777, err);
		if (errno != EEXIST)
			return error_set_errno(err, errno, "cannot create '%s'", folder->path);
	}
	return error_set(err, "too many deploys at once in '%s'", root);
}

/* Newest first. At equal times the one with the higher number is newer: -10 comes behind -9. */
static int folder_compare(const void *one, const void *other)
{
	const char *a = ((const struct deploy_folder *)one)->id;
	const char *b = ((const struct deploy_folder *)other)->id;
	size_t same = 0;
	while (a[same] && a[same] == b[same])
		same++;
	if (same > 15 && strspn(a + same, "0123456789") != strspn(b + same, "0123456789"))
		return strlen(a) < strlen(b) ? 1 : -1;
	return -strcmp(a, b);
}

int deploy_list_read(struct arena *arena, const char *common_dir, struct deploy_list *list,
		     struct error *err)
{
	const char *root = deploys_path(arena, common_dir);
	DIR *directory = opendir(root);
	*list = (struct deploy_list){0};
	if (!directory && errno == ENOENT)
		return 0;
	if (!directory)
		return error_set_errno(err, errno, "cannot read '%s'", root);
	for (struct dirent *item; (item = readdir(directory));)
		if (item->d_name[0] >= '0' && item->d_name[0] <= '9')
			vec_push(arena, &list->folders, folder_at(arena, root, item->d_name));
	closedir(directory);
	if (list->folders.count)
		qsort(list->folders.items, list->folders.count, sizeof(*list->folders.items),
		      folder_compare);
	return 0;
}

int deploy_folder_find(struct arena *arena, const char *common_dir, const char *id,
		       struct deploy_folder *folder, struct error *err)
{
	struct deploy_list list;
	size_t matches = 0;
	if (deploy_list_read(arena, common_dir, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.folders.count; i++) {
		if (id && !(*id && text_starts_with(list.folders.items[i].id, id)))
			continue;
		if (matches++ == 0 || strcmp(list.folders.items[i].id, id) == 0)
			*folder = list.folders.items[i];
		if (!id || strcmp(list.folders.items[i].id, id) == 0)
			return 0;
	}
	if (matches == 1)
		return 0;
	if (matches)
		error_set(err, "'%s' is the beginning of %zu deploys' IDs", id, matches);
	else if (id)
		error_set(err, "there is no deploy '%s' on this machine", id);
	else
		error_set(err, "no deploy was started on this machine yet");
	error_hint(err, "`shipit history` lists all deploys; logs are where they ran");
	return error_code(err, EXIT_USAGE);
}

int deploy_folder_open(struct arena *arena, const char *common_dir, const char *id,
		       struct deploy_folder *folder, struct error *err)
{
	if (strchr(id, '/') || id[0] < '0' || id[0] > '9')
		return error_set(err, "'%s' is no ID of a deploy", id);
	*folder = folder_at(arena, deploys_path(arena, common_dir), id);
	return folder_make(folder->logs, 0777, err);
}

static void file_name_add(struct buffer *out, const char *name)
{
	for (; *name; name++) {
		unsigned char byte = (unsigned char)*name;
		if (byte <= ' ' || byte == '/' || byte == '%' || byte == 0x7f)
			buffer_add_format(out, "%%%02X", byte);
		else
			buffer_add_char(out, *name);
	}
}

const char *deploy_log_path(struct arena *arena, const struct deploy_folder *folder,
			    const char *stage, const char *step)
{
	struct buffer name;
	buffer_init(&name, 200); /* file names have a limit of 255 */
	file_name_add(&name, stage);
	buffer_add_char(&name, '.');
	file_name_add(&name, step);
	const char *path = arena_format(arena, "%s/%s.log", folder->logs, name.data);
	buffer_release(&name);
	return path;
}

bool deploy_folder_finished(const struct deploy_folder *folder)
{
	static const char mark[] = "\"event\":\"deploy.finished\"";
	bool finished = false;
	if (file_exists(folder->record))
		return true;
	int file = open(folder->events, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return errno == ENOENT && !file_exists(folder->plan);
	off_t size = lseek(file, 0, SEEK_END);
	off_t from = size > TAIL_SIZE ? size - TAIL_SIZE : 0;
	char *tail = malloc(TAIL_SIZE);
	if (!tail)
		abort();
	ssize_t length = pread(file, tail, TAIL_SIZE, from);
	if (length > 0)
		finished = memmem(tail, (size_t)length, mark, sizeof(mark) - 1) != NULL;
	free(tail);
	close(file);
	return finished;
}

/* The folder's own time is what its last file was made at: near enough for days. */
static int64_t folder_time(const struct deploy_folder *folder)
{
	struct stat status;
	if (stat(folder->path, &status) < 0)
		return 0;
	return (int64_t)status.st_mtime * 1000;
}

int deploy_list_prune(struct arena *arena, const char *common_dir, struct deploy_keep keep,
		      int64_t now, size_t *removed, struct error *err)
{
	struct deploy_list list;
	size_t gone = 0;
	if (deploy_list_read(arena, common_dir, &list, err) < 0)
		return -1;
	size_t first = keep.deploys > 0 ? (size_t)keep.deploys : 0;
	int64_t oldest = now - (int64_t)keep.days * 24 * 3600 * 1000;
	for (size_t i = first; i < list.folders.count; i++) {
		const struct deploy_folder *folder = &list.folders.items[i];
		struct error ignored = {0};
		if (folder_time(folder) >= oldest || !deploy_folder_finished(folder))
			continue;
		if (tree_remove(folder->path, &ignored) == 0)
			gone++;
	}
	if (removed)
		*removed = gone;
	return 0;
}
