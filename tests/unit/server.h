/* A small HTTP server on a thread, for unit tests of net/ and services/: answers by path. */
#pragma once
#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

struct page {
	const char *path;
	const char *answer; /* whole: status line, headers, body. NULL: never answers */
	int failures;       /* so many requests get the server's `failure` first */
};

struct server {
	int listener;
	char url[64];
	struct page *pages; /* path NULL ends it: everything else is 404 */
	pthread_t thread;
	atomic_int requests;
	char method[16]; /* of the last one */
	const char *failure; /* NULL: a 503 */
	int silent[16], silent_count;
};

static const char *server_choose(struct server *server, const char *request)
{
	for (struct page *page = server->pages; page->path; page++) {
		size_t length = strlen(page->path);
		const char *path = strchr(request, ' ');
		if (!path || strncmp(path + 1, page->path, length) || path[1 + length] != ' ')
			continue;
		if (page->failures > 0) {
			page->failures--;
			return server->failure ? server->failure
					       : "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n";
		}
		return page->answer;
	}
	return "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
}

static void *server_run(void *context)
{
	struct server *server = context;
	char request[8192];
	int client;

	while ((client = accept(server->listener, NULL, NULL)) >= 0) {
		ssize_t length = read(client, request, sizeof(request) - 1);
		request[length > 0 ? length : 0] = '\0';
		snprintf(server->method, sizeof(server->method), "%.*s",
			 (int)strcspn(request, " "), request);
		atomic_fetch_add(&server->requests, 1);
		const char *answer = server_choose(server, request);
		if (!answer && server->silent_count < 16) {
			server->silent[server->silent_count++] = client;
			continue;
		}
		if (answer && write(client, answer, strlen(answer)) < 0)
			perror("write");
		shutdown(client, SHUT_WR);
		while (read(client, request, sizeof(request)) > 0)
			;
		close(client);
	}
	return NULL;
}

static void server_start(struct server *server, struct page *pages)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);

	memset(server, 0, sizeof(*server));
	server->pages = pages;
	server->listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_return_code(bind(server->listener, (struct sockaddr *)&address, length), 0);
	assert_return_code(listen(server->listener, 64), 0);
	assert_return_code(getsockname(server->listener, (struct sockaddr *)&address, &length), 0);
	snprintf(server->url, sizeof(server->url), "http://127.0.0.1:%d", ntohs(address.sin_port));
	assert_int_equal(pthread_create(&server->thread, NULL, server_run, server), 0);
}

static void server_stop(struct server *server)
{
	shutdown(server->listener, SHUT_RDWR);
	close(server->listener);
	pthread_join(server->thread, NULL);
	for (int i = 0; i < server->silent_count; i++)
		close(server->silent[i]);
}
