/* Ends shared connections by ssh's own protocol on their sockets (OpenSSH's PROTOCOL.mux): a
 * process of `ssh -O exit` for each of 200 would take longer than their commands. */
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "services/ssh_internal.h"

enum { PATIENCE = 300 }; /* ms in which one says that it ends */

static const unsigned char goodbye[] = {
	0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 4,          /* MUX_MSG_HELLO, version 4 */
	0, 0, 0, 8, 0x10, 0, 0, 5, 0, 0, 0, 0,       /* MUX_C_TERMINATE, request 0 */
};

static int open_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(address.sun_path))
		return -1;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd < 0)
		return -1;
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	    write(fd, goodbye, sizeof(goodbye)) == sizeof(goodbye))
		return fd;
	close(fd);
	return -1;
}

/* Its last words come and the socket ends. */
static void wait_for_end(int fd)
{
	struct pollfd poll_for = {.fd = fd, .events = POLLIN};
	char bytes[256];

	while (poll(&poll_for, 1, PATIENCE) > 0 && read(fd, bytes, sizeof(bytes)) > 0)
		;
}

void ssh_close_sockets(const struct text_list *paths)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;
	int *fds = arena_array(&arena, paths->count + 1, sizeof(*fds));

	for (size_t i = 0; i < paths->count; i++)
		fds[i] = open_socket(paths->items[i]);
	for (size_t i = 0; i < paths->count; i++) {
		if (fds[i] < 0)
			continue;
		wait_for_end(fds[i]);
		close(fds[i]);
	}
}
