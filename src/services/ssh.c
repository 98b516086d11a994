/* Connections to hosts: the sockets by which they are shared, and the arguments for ssh. */
#include "services/ssh.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "base/map.h"
#include "base/text.h"
#include "services/ssh_internal.h"

#define FOLDER "shipit-ssh."
/* ssh adds a dot and 16 letters while it makes a socket; the number is ours. */
enum {
	SOCKET_ROOM = 1 + 6 + 17 + 1,
	OUTPUT_SILENCE = 30000, /* ms for the master to hand on what a command wrote */
};

struct ssh {
	struct arena arena;
	char *folder;
	struct map sockets; /* target -> path */
	size_t count;
};

static bool is_fit(const char *folder)
{
	struct sockaddr_un address;

	return *folder == '/' && !strchr(folder, '%') &&
	       strlen(folder) + sizeof("/" FOLDER "XXXXXX") + SOCKET_ROOM <=
		       sizeof(address.sun_path);
}

static const char *base_folder(void)
{
	const char *folder = getenv("TMPDIR");

	return folder && is_fit(folder) && access(folder, W_OK) == 0 ? folder : "/tmp";
}

/* Whose connections they are: a pid and when it was started. */
static bool has_owner(const char *folder)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;
	struct buffer text CLEANUP(buffer_release);
	struct error ignored = {0};
	long long pid, started;

	buffer_init(&text, 128);
	if (file_read(path_join(&arena, folder, "owner"), &text, &ignored) < 0)
		return true; /* it is just being made, or is none of ours */
	return sscanf(text.data, "%lld %lld", &pid, &started) != 2 || process_runs(pid, started);
}

static void close_all(const char *folder)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;
	struct text_list sockets = {0};
	struct error ignored = {0};
	DIR *listing = opendir(folder);
	struct dirent *entry;

	while (listing && (entry = readdir(listing)))
		if (*entry->d_name >= '0' && *entry->d_name <= '9')
			text_list_add(&arena, &sockets, path_join(&arena, folder, entry->d_name));
	if (listing)
		closedir(listing);
	ssh_close_sockets(&sockets);
	(void)!tree_remove(folder, &ignored);
}

static void close_dead(const char *base)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;
	DIR *listing = opendir(base);
	struct dirent *entry;
	struct stat status;

	while (listing && (entry = readdir(listing))) {
		const char *path;

		if (!text_starts_with(entry->d_name, FOLDER))
			continue;
		path = path_join(&arena, base, entry->d_name);
		if (lstat(path, &status) == 0 && S_ISDIR(status.st_mode) &&
		    status.st_uid == geteuid() && !has_owner(path))
			close_all(path);
	}
	if (listing)
		closedir(listing);
}

static int own(struct ssh *ssh, struct error *err)
{
	int64_t pid = getpid();
	const char *text = arena_format(&ssh->arena, "%lld %lld\n", (long long)pid,
					(long long)process_start_time(pid));

	return file_write(path_join(&ssh->arena, ssh->folder, "owner"), text, strlen(text), 0600,
			  err);
}

struct ssh *ssh_new(struct error *err)
{
	const char *base = base_folder();
	struct ssh *ssh = calloc(1, sizeof(*ssh));

	if (!ssh)
		abort();
	close_dead(base);
	ssh->folder = arena_format(&ssh->arena, "%s/" FOLDER "XXXXXX", base);
	if (!mkdtemp(ssh->folder))
		error_set_errno(err, errno, "cannot make a folder for connections below '%s'",
				base);
	else if (own(ssh, err) == 0)
		return ssh;
	else
		rmdir(ssh->folder);
	arena_release(&ssh->arena);
	free(ssh);
	return NULL;
}

void ssh_free(struct ssh *ssh)
{
	if (!ssh)
		return;
	close_all(ssh->folder);
	map_release(&ssh->sockets);
	arena_release(&ssh->arena);
	free(ssh);
}

int ssh_check_host(const char *host, struct error *err)
{
	bool fit = *host && *host != '-' && strlen(host) <= 255;

	for (const char *c = host; *c; c++)
		fit = fit && (unsigned char)*c > ' ' && *c != 127;
	return fit ? 0 : error_set(err, "'%.80s' is no name of a host", host);
}

/* "name:22" is what people write and ssh does not take; an IPv6 address has more colons. */
static const char *destination(struct arena *arena, const char *host)
{
	const char *colon = strchr(host, ':');

	if (!colon || !colon[1] || colon[1 + strspn(colon + 1, "0123456789")])
		return host;
	return arena_format(arena, "ssh://%s", host);
}

/* One socket for all that goes the same way to the same place. */
static const char *socket_of(struct ssh *ssh, const struct ssh_target *target)
{
	struct buffer key CLEANUP(buffer_release);
	const char *path;

	buffer_init(&key, 1 << 20);
	buffer_add_format(&key, "%s\n%s", target->host, target->user ? target->user : "");
	for (size_t i = 0; target->options && i < target->options->count; i++)
		buffer_add_format(&key, "\n%s", target->options->items[i]);
	path = map_get_text(&ssh->sockets, key.data);
	if (!path) {
		path = arena_format(&ssh->arena, "%s/%zu", ssh->folder, ++ssh->count);
		map_set_text(&ssh->sockets, key.data, (void *)(uintptr_t)path);
	}
	return path;
}

struct child *ssh_start(struct ssh *ssh, struct loop *loop, const struct ssh_target *target,
			const char *command, const struct child_options *options,
			struct error *err)
{
	/* The first that is said counts: the user's own options stand before these. */
	static const char *const ours[] = {
		"-T", "-o", "BatchMode=yes", "-o", "ControlMaster=auto", "-o", "ControlPersist=60",
		"-o", "ConnectTimeout=10", "-o", "ServerAliveInterval=15", "-o",
		"ServerAliveCountMax=3",
	};
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;
	struct child_options child = *options;
	struct text_list list = {0};

	text_list_add(&arena, &list, "ssh");
	for (size_t i = 0; target->options && i < target->options->count; i++)
		text_list_add(&arena, &list, target->options->items[i]);
	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		text_list_add(&arena, &list, ours[i]);
	text_list_add(&arena, &list, "-S");
	text_list_add(&arena, &list, socket_of(ssh, target));
	if (target->user) {
		text_list_add(&arena, &list, "-l");
		text_list_add(&arena, &list, target->user);
	}
	text_list_add(&arena, &list, "--");
	text_list_add(&arena, &list, destination(&arena, target->host));
	text_list_add(&arena, &list, command);
	text_list_add(&arena, &list, NULL);
	child.arguments = list.items;
	child.drain = OUTPUT_SILENCE;
	return child_start(loop, &child, err);
}
