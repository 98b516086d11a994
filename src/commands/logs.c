/* shipit logs: the output of a deploy that ran on this machine. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "commands/listing.h"
#include "commands/start.h"
#include "ui/filter.h"

#define CHUNK 65536

struct log_file {
	const char *step; /* "stage.step" as the file's name has it */
	const char *path;
	int64_t bytes;
	int64_t time; /* last written: the order of a deploy, near enough */
};
struct log_list {
	VEC(struct log_file) files;
};

static int log_compare(const void *one, const void *other)
{
	const struct log_file *a = one, *b = other;
	if (a->time != b->time)
		return a->time < b->time ? -1 : 1;
	return strcmp(a->step, b->step);
}

static int logs_read(struct arena *arena, const struct deploy_folder *folder, struct log_list *list,
		     struct error *err)
{
	DIR *directory = opendir(folder->logs);
	if (!directory && errno == ENOENT)
		return 0;
	if (!directory)
		return error_set_errno(err, errno, "cannot read '%s'", folder->logs);
	for (struct dirent *item; (item = readdir(directory));) {
		struct stat status;
		size_t length = strlen(item->d_name);
		if (length <= 4 || !text_ends_with(item->d_name, ".log"))
			continue;
		struct log_file file = {
			.step = arena_bytes(arena, item->d_name, length - 4),
			.path = path_join(arena, folder->logs, item->d_name),
		};
		if (stat(file.path, &status) < 0)
			continue;
		file.bytes = status.st_size;
#ifdef __APPLE__
		file.time = (int64_t)status.st_mtimespec.tv_sec * 1000000000 +
			    status.st_mtimespec.tv_nsec;
#else
		file.time = (int64_t)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec;
#endif
		vec_push(arena, &list->files, file);
	}
	closedir(directory);
	if (list->files.count)
		qsort(list->files.items, list->files.count, sizeof(*list->files.items),
		      log_compare);
	return 0;
}

/* Whether name is the whole of "stage.step", or its step alone. */
static bool log_is(const struct log_file *file, const char *name)
{
	const char *dot = strchr(file->step, '.');
	return text_equal(file->step, name) || (dot && text_equal(dot + 1, name));
}

static int no_log(const struct deploy_folder *folder, const struct log_list *list, const char *step,
		  struct error *err)
{
	struct buffer names;
	buffer_init(&names, 400);
	for (size_t i = 0; i < list->files.count; i++)
		buffer_add_format(&names, "%s%s", i ? ", " : "", list->files.items[i].step);
	error_set(err, "deploy %s has no log of a step '%s'", folder->id, step);
	error_hint(err, list->files.count ? "there are: %s" : "it has no logs%s", names.data);
	buffer_release(&names);
	return error_code(err, EXIT_USAGE);
}

/* As it is to a file or a pipe; harmless to a terminal. Chunks end at a line's end. 1 when nobody
 * reads on. */
static int log_copy(const struct log_file *file, bool harmless, struct error *err)
{
	struct buffer pending, out;
	char *chunk = malloc(CHUNK);
	int fd = open(file->path, O_RDONLY | O_CLOEXEC), result = 0;
	ssize_t length = 0;
	if (!chunk)
		abort();
	buffer_init(&pending, (size_t)1 << 20);
	buffer_init(&out, (size_t)8 << 20);
	if (fd < 0)
		result = error_set_errno(err, errno, "cannot read '%s'", file->path);
	while (result == 0 && (length = read(fd, chunk, CHUNK)) > 0) {
		size_t got = (size_t)length, whole = got;
		if (harmless) {
			while (whole > 0 && chunk[whole - 1] != '\n')
				whole--;
			if (whole == 0 && pending.length < CHUNK) {
				buffer_add(&pending, chunk, got);
				continue;
			}
			whole = whole ? whole : got;
			buffer_add(&pending, chunk, whole);
			filter_text(&out, pending.data, pending.length, FILTER_PLAIN);
			buffer_clear(&pending);
			buffer_add(&pending, chunk + whole, got - whole);
		} else {
			buffer_add(&out, chunk, got);
		}
		result = stdout_write(out.data, out.length, err);
		buffer_clear(&out);
	}
	if (result == 0 && length < 0)
		result = error_set_errno(err, errno, "cannot read '%s'", file->path);
	filter_text(&out, pending.data, pending.length, FILTER_PLAIN);
	if (result == 0)
		result = stdout_write(out.data, out.length, err);
	buffer_release(&pending);
	buffer_release(&out);
	free(chunk);
	if (fd >= 0)
		close(fd);
	return result;
}

static json_t *log_json(const struct log_file *file, bool with_output)
{
	json_t *json = json_pack("{s:s, s:s, s:I}", "step", file->step, "path", file->path, "bytes",
				 (json_int_t)file->bytes);
	struct buffer bytes, clean;
	struct error ignored = {0};
	if (!with_output)
		return json;
	buffer_init(&bytes, (size_t)128 << 20);
	buffer_init(&clean, (size_t)400 << 20);
	if (file_read(file->path, &bytes, &ignored) == 0)
		filter_text(&clean, bytes.data, bytes.length, FILTER_PLAIN);
	json_object_set_new(json, "output", json_stringn(clean.data, clean.length));
	buffer_release(&bytes);
	buffer_release(&clean);
	return json;
}

static int logs_print(struct call *call, const struct deploy_folder *folder,
		      const struct log_list *list, const char *step, struct error *err)
{
	bool terminal = isatty(STDOUT_FILENO), found = false;
	json_t *array = call->json ? json_array() : NULL;
	int result = 0;
	for (size_t i = 0; i < list->files.count && result == 0; i++) {
		const struct log_file *file = &list->files.items[i];
		if (step && !log_is(file, step))
			continue;
		found = true;
		if (array) {
			json_array_append_new(array, log_json(file, step != NULL));
			continue;
		}
		if (!step) {
			char *title = arena_format(call->arena, "%s==> %s <==\n", i ? "\n" : "",
						   file->step);
			result = stdout_write(title, strlen(title), err);
		}
		if (result == 0)
			result = log_copy(file, terminal, err);
	}
	if (step && !found)
		result = no_log(folder, list, step, err);
	if (array && result == 0)
		return call_print_json(array, err);
	json_decref(array);
	if (result == 0 && !list->files.count)
		call_note(call, "deploy %s has no output", folder->id);
	return result < 0 ? -1 : EXIT_DONE;
}

/* An argument that is no ID of a deploy here is a step of the newest one. */
static bool is_id(const char *text)
{
	return strspn(text, "0123456789") >= 4;
}

/* Whether it runs, or died, as a deploy to that environment: newer than all that is recorded. */
static bool is_unfinished(struct session *session, const struct deploy_folder *folder)
{
	struct error ignored = {0};
	struct start start;
	return !deploy_folder_finished(folder) &&
	       start_read(session->arena, folder, &start, &ignored) > 0 &&
	       text_equal(start.env, session->config->env);
}

/* By the chain as this clone last saw it: IDs tell what clocks said. false: none of it is here. */
static bool newest_of_chain(struct session *session, struct deploy_folder *folder)
{
	const struct record_list *records = &session->records;
	struct error ignored = {0};
	struct deploy_list list;
	if (deploy_list_read(session->arena, session->common_dir, &list, &ignored) < 0)
		return false;
	for (size_t i = 0; i < list.folders.count; i++) {
		*folder = list.folders.items[i];
		if (is_unfinished(session, folder))
			return true;
	}
	for (size_t r = 0; r < records->records.count; r++)
		for (size_t i = 0; i < list.folders.count; i++) {
			*folder = list.folders.items[i];
			if (text_equal(folder->id, records->records.items[r].id))
				return true;
		}
	return false;
}

/* Logs can be read without a state store, and beside a deploy.yml that is wrong: then the newest
 * one is that by its name. */
static int find_newest(struct call *call, const char *common_dir, struct deploy_folder *folder,
		       struct error *err)
{
	struct session session CLEANUP(session_close) = {.said_working_tree = true};
	const struct session_options options = {.offline = true, .unwarned = true};
	struct error ignored = {0};
	if (session_open(&session, call, &options, &ignored) == 0 &&
	    newest_of_chain(&session, folder))
		return 0;
	return deploy_folder_find(call->arena, common_dir, NULL, folder, err);
}

static int run_logs(struct call *call, struct error *err)
{
	struct session session = {0};
	struct log_list list = {0};
	struct deploy_folder folder;
	const struct text_list *arguments = &call->options.arguments;
	const char *id = arguments->count ? arguments->items[0] : NULL;
	const char *step = arguments->count > 1 ? arguments->items[1] : NULL;
	if (arguments->count == 1 && !is_id(id)) {
		step = id;
		id = NULL;
	}
	int result = session_open_repository(&session, call, err);
	if (result == 0)
		result = id ? deploy_folder_find(call->arena, session.common_dir, id, &folder, err)
			    : find_newest(call, session.common_dir, &folder, err);
	if (result == 0)
		result = logs_read(call->arena, &folder, &list, err);
	if (result == 0)
		result = logs_print(call, &folder, &list, step, err);
	session_close(&session);
	return result;
}

const struct command command_logs = {
	.name = "logs",
	.arguments = "[ID] [STEP]",
	.summary = "the output of a deploy that ran on this machine",
	.details =
		"Without an ID the environment's newest one; STEP is STAGE.STEP or a step's own "
		"name. What a log lacks in its middle, it says.",
	.run = run_logs,
	.arguments_most = 2,
};
