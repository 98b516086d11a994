// An S3 server that seems to hold a million objects, for measuring how a client copes: keys and
// answers are computed, what is put is kept in memory, signatures are not looked at.
//   million_s3 FOLDER COUNT [PREFIX]
// In the foreground until its parent dies. FOLDER/env tells MILLION_S3_ENDPOINT once it answers;
// FOLDER/requests.log has `METHOD TARGET STATUS` for each request. Any bucket's name does. Object i
// is PREFIX (default "assets/") with 256 folders below: "7f/chunk-0501234.9a3b1c2d.js".
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "million_store.h"

#define HEAD_MAX 65536
#define BODY_MAX (256u << 20)

static struct {
	FILE *log;
	pthread_mutex_t lock;
} requests = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void header_get(const char *head, const char *name, char *value, size_t size)
{
	const char *at = strcasestr(head, name);
	value[0] = '\0';
	if (at) {
		at += strlen(name);
		at += strspn(at, " ");
		snprintf(value, size, "%.*s", (int)strcspn(at, "\r\n"), at);
	}
}

static int send_all(int socket, const char *data, size_t length)
{
	while (length) {
		ssize_t sent = send(socket, data, length, MSG_NOSIGNAL);
		if (sent <= 0)
			return -1;
		data += sent;
		length -= (size_t)sent;
	}
	return 0;
}

// The request line and what we want of the headers; `/BUCKET/KEY?QUERY`.
static int parse_head(const char *head, struct request *request, size_t *length)
{
	char value[64], path[4096];
	if (sscanf(head, "%15s %4095s HTTP/", request->method, request->target) != 2)
		return -1;
	size_t size = strcspn(request->target, "?");
	snprintf(path, sizeof path, "%.*s", (int)size, request->target);
	snprintf(request->query, sizeof request->query, "%s",
		 request->target[size] ? request->target + size + 1 : "");
	const char *key = strchr(path + 1, '/');
	snprintf(request->key, sizeof request->key, "%s", key ? key + 1 : "");
	percent_decode(request->key);
	header_get(head, "\r\nif-match:", request->if_match, sizeof request->if_match);
	header_get(head, "\r\nif-none-match:", request->if_none_match,
		   sizeof request->if_none_match);
	header_get(head, "\r\nconnection:", value, sizeof value);
	request->closing = strcasecmp(value, "close") == 0;
	header_get(head, "\r\ncontent-length:", value, sizeof value);
	*length = strtoul(value, NULL, 10);
	return *length > BODY_MAX ? -1 : 0;
}

// Reads one request; `input` keeps what came behind it.
static int read_request(int socket, struct text *input, struct request *request)
{
	char *end = NULL;
	char part[16384];
	while (!input->data || !(end = strstr(input->data, "\r\n\r\n"))) {
		ssize_t got = input->length < HEAD_MAX ? recv(socket, part, sizeof part, 0) : -1;
		if (got <= 0)
			return -1;
		text_add(input, part, (size_t)got);
	}
	size_t length = 0, head = (size_t)(end - input->data) + 4;
	end[2] = '\0';
	if (parse_head(input->data, request, &length))
		return -1;
	if (strcasestr(input->data, "\r\nexpect: 100-continue") &&
	    send_all(socket, "HTTP/1.1 100 Continue\r\n\r\n", 25))
		return -1;
	while (input->length < head + length) {
		ssize_t got = recv(socket, part, sizeof part, 0);
		if (got <= 0)
			return -1;
		text_add(input, part, (size_t)got);
	}
	request->body.length = 0;
	text_add(&request->body, input->data + head, length);
	input->length -= head + length;
	memmove(input->data, input->data + head + length, input->length + 1);
	return 0;
}

static int send_answer(int socket, const struct request *request, int status, const char *etag,
		       struct text *body)
{
	char date[64];
	time_t now = time(NULL);
	struct tm parts;
	struct text head = {0};
	strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &parts));
	text_print(&head, "HTTP/1.1 %d Answer\r\nDate: %s\r\nContent-Length: %zu\r\n", status, date,
		   body->length);
	if (etag[0])
		text_print(&head, "ETag: \"%s\"\r\n", etag);
	text_print(&head, "Last-Modified: Tue, 02 Jan 2024 03:04:05 GMT\r\n\r\n");
	if (strcmp(request->method, "HEAD") != 0)
		text_add(&head, body->data ? body->data : "", body->length);
	int result = send_all(socket, head.data, head.length);
	free(head.data);
	return result;
}

static void *serve(void *argument)
{
	int socket = (int)(long)argument;
	struct text input = {0}, body = {0};
	struct request request = {.closing = false};
	while (!request.closing && read_request(socket, &input, &request) == 0) {
		char etag[33] = "";
		body.length = 0;
		pthread_mutex_lock(&requests.lock);
		int status = store_answer(&request, &body, etag);
		fprintf(requests.log, "%s %s %d\n", request.method, request.target, status);
		fflush(requests.log);
		pthread_mutex_unlock(&requests.lock);
		if (send_answer(socket, &request, status, etag, &body))
			break;
	}
	free(input.data);
	free(body.data);
	free(request.body.data);
	close(socket);
	return NULL;
}

static void *end_with_parent(void *argument)
{
	while (getppid() == (pid_t)(long)argument)
		nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
	_exit(0);
}

// Binds, and tells the port in FOLDER/env.
static int listen_and_tell(const char *folder)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	char path[4096], ready[4096];
	int server = socket(AF_INET, SOCK_STREAM, 0);
	if (server < 0 || bind(server, (struct sockaddr *)&address, length) ||
	    listen(server, 256) || getsockname(server, (struct sockaddr *)&address, &length))
		return -1;
	snprintf(path, sizeof path, "%s/env.new", folder);
	snprintf(ready, sizeof ready, "%s/env", folder);
	FILE *env = fopen(path, "w");
	if (!env)
		return -1;
	fprintf(env, "MILLION_S3_ENDPOINT=http://127.0.0.1:%d\nMILLION_S3_LOG=%s/requests.log\n",
		ntohs(address.sin_port), folder);
	return fclose(env) || rename(path, ready) ? -1 : server;
}

static void thread_start(void *(*run)(void *), long argument)
{
	pthread_t thread;
	if (pthread_create(&thread, NULL, run, (void *)argument))
		abort();
	pthread_detach(thread);
}

int main(int count, char **arguments)
{
	char path[4096];
	if (count < 3 || atol(arguments[2]) < 1) {
		fprintf(stderr, "usage: million_s3 FOLDER COUNT [PREFIX]\n");
		return 2;
	}
	mkdir(arguments[1], 0777);
	snprintf(path, sizeof path, "%s/requests.log", arguments[1]);
	requests.log = fopen(path, "w");
	bool open = store_open(atol(arguments[2]), count > 3 ? arguments[3] : "assets/") == 0;
	int server = open && requests.log ? listen_and_tell(arguments[1]) : -1;
	if (server < 0) {
		fprintf(stderr, "million_s3: %s: %s\n", arguments[1], strerror(errno));
		return 1;
	}
	signal(SIGPIPE, SIG_IGN);
	thread_start(end_with_parent, (long)getppid());
	for (;;) {
		int client = accept(server, NULL, NULL);
		if (client < 0)
			continue;
		setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
		thread_start(serve, client);
	}
}
