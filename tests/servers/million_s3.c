// An S3 server that seems to hold a million objects, for measuring how a client copes: keys and
// answers are computed, what is put is kept in memory, signatures are not looked at.
//   million_s3 FOLDER COUNT [PREFIX]
// In the foreground until its parent dies. FOLDER/env tells MILLION_S3_ENDPOINT once it answers;
// FOLDER/requests.log has `METHOD TARGET STATUS` for each request. Any bucket's name does. Object i
// is PREFIX (default "assets/") with 256 folders below: "7f/chunk-0501234.9a3b1c2d.js".
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define KEY_MAX 1100
#define HEAD_MAX 65536
#define BODY_MAX (64u << 20)
#define KEPT_MAX 4096

// A growing text; its bytes end with a NUL.
struct text {
	char *data;
	size_t length, size;
};

// An object that somebody put.
struct kept {
	char *key, etag[33];
	struct text body;
};

static struct {
	long count;
	char prefix[KEY_MAX / 2];
	unsigned char *dead;	// a bit for each computed object
	struct kept kept[KEPT_MAX];	// sorted by key
	size_t kept_count;
	FILE *log;
	pthread_mutex_t lock;
} store = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct request {
	char method[16], target[4096], key[KEY_MAX], query[4096];
	char if_match[64], if_none_match[64];
	struct text body;
	bool closing;
};

static void text_reserve(struct text *text, size_t more) {
	if (text->length + more + 1 <= text->size)
		return;
	text->size = (text->length + more + 1) * 2;
	text->data = realloc(text->data, text->size);
	if (!text->data)
		abort();
}

static void text_add(struct text *text, const void *data, size_t length) {
	text_reserve(text, length);
	memcpy(text->data + text->length, data, length);
	text->length += length;
	text->data[text->length] = '\0';
}

__attribute__((format(printf, 2, 3))) static void text_print(struct text *text, const char *format, ...) {
	va_list arguments;
	text_reserve(text, 4096);
	va_start(arguments, format);
	text->length += (size_t)vsnprintf(text->data + text->length, 4096, format, arguments);
	va_end(arguments);
}

static void object_key(long i, char key[static KEY_MAX]) {
	unsigned mixed = (unsigned)i * 2654435761u;
	snprintf(key, KEY_MAX, "%s%02lx/chunk-%07ld.%08x.js", store.prefix, i * 256 / store.count, i,
		mixed);
}

// The first computed object whose key is not below this one.
static long object_from(const char *key) {
	long low = 0, high = store.count;
	char found[KEY_MAX];
	while (low < high) {
		long middle = low + (high - low) / 2;
		object_key(middle, found);
		if (strcmp(found, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool object_is(long i, const char *key) {
	char found[KEY_MAX];
	if (i >= store.count || store.dead[i / 8] & (1 << (i % 8)))
		return false;
	object_key(i, found);
	return strcmp(found, key) == 0;
}

static size_t kept_from(const char *key) {
	size_t i = 0;
	while (i < store.kept_count && strcmp(store.kept[i].key, key) < 0)
		i++;
	return i;
}

static struct kept *kept_find(const char *key) {
	size_t i = kept_from(key);
	return i < store.kept_count && strcmp(store.kept[i].key, key) == 0 ? &store.kept[i] : NULL;
}

static void kept_put(const char *key, const struct text *body) {
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned length = 0;
	struct kept *kept = kept_find(key);
	if (!kept) {
		size_t i = kept_from(key);
		if (store.kept_count == KEPT_MAX)
			abort();
		memmove(&store.kept[i + 1], &store.kept[i],
			(store.kept_count++ - i) * sizeof store.kept[0]);
		kept = &store.kept[i];
		*kept = (struct kept){.key = strdup(key)};
	}
	kept->body.length = 0;
	text_add(&kept->body, body->data ? body->data : "", body->length);
	EVP_Digest(body->data ? body->data : "", body->length, digest, &length, EVP_md5(), NULL);
	for (unsigned i = 0; i < 16; i++)
		snprintf(kept->etag + i * 2, 3, "%02x", digest[i]);
}

static void key_delete(const char *key) {
	struct kept *kept = kept_find(key);
	long i = object_from(key);
	if (object_is(i, key))
		store.dead[i / 8] |= (unsigned char)(1 << (i % 8));
	if (!kept)
		return;
	free(kept->key);
	free(kept->body.data);
	memmove(kept, kept + 1, (size_t)(&store.kept[--store.kept_count] - kept) * sizeof *kept);
}

static void percent_decode(char *text) {
	char *out = text;
	for (; *text; text++) {
		unsigned value;
		if (*text == '%' && sscanf(text + 1, "%2x", &value) == 1) {
			*out++ = (char)value;
			text += 2;
		} else {
			*out++ = *text;
		}
	}
	*out = '\0';
}

static bool query_get(const char *query, const char *name, char *value, size_t size) {
	size_t length = strlen(name);
	value[0] = '\0';
	for (const char *at = query; at; at = strchr(at, '&')) {
		at += *at == '&';
		if (strncmp(at, name, length) == 0 && (at[length] == '=' || !at[length] || at[length] == '&')) {
			const char *start = at + length + (at[length] == '=');
			snprintf(value, size, "%.*s", (int)strcspn(start, "&"), start);
			percent_decode(value);
			return true;
		}
	}
	return false;
}

static void encode_key(struct text *out, const char *key) {
	for (; *key; key++) {
		if (isalnum((unsigned char)*key) || strchr("-_.~/", *key))
			text_add(out, key, 1);
		else
			text_print(out, "%%%02X", (unsigned char)*key);
	}
}

// One row of a list; etag NULL: a computed object's.
static void list_row(struct text *out, const char *key, const char *etag, size_t length) {
	unsigned mixed = (unsigned)strlen(key);
	for (const char *c = key; *c; c++)
		mixed = mixed * 16777619u ^ (unsigned char)*c;
	text_print(out, "<Contents><Key>");
	encode_key(out, key);
	text_print(out, "</Key><LastModified>2024-01-02T03:04:05.000Z</LastModified><ETag>&quot;");
	if (etag)
		text_print(out, "%s", etag);
	else
		text_print(out, "%08x%08x%08x%08x", mixed, mixed * 3, mixed * 5, mixed * 7);
	text_print(out, "&quot;</ETag><Size>%zu</Size><StorageClass>STANDARD</StorageClass></Contents>",
		length);
}

// The next key behind `after` (or not below it), of either kind; false at the end.
static bool key_next(const char *from, bool behind, char key[static KEY_MAX], struct kept **kept) {
	long i = object_from(from);
	size_t k = kept_from(from);
	if (behind && i < store.count) {
		object_key(i, key);
		i += strcmp(key, from) == 0;
	}
	while (i < store.count && store.dead[i / 8] & (1 << (i % 8)))
		i += i % 8 == 0 && store.dead[i / 8] == 255 ? 8 : 1;
	if (behind && k < store.kept_count && strcmp(store.kept[k].key, from) == 0)
		k++;
	if (i < store.count)
		object_key(i, key);
	*kept = NULL;
	if (k < store.kept_count && (i >= store.count || strcmp(store.kept[k].key, key) <= 0)) {
		*kept = &store.kept[k];
		snprintf(key, KEY_MAX, "%s", store.kept[k].key);
		return true;
	}
	return i < store.count;
}

struct page {
	char prefix[KEY_MAX], delimiter[8], from[KEY_MAX];
	long limit, rows;
	bool behind;
};

// Adds a key's row, or its folder's, and moves on behind it; false: the key is behind the prefix.
static bool page_add(struct page *page, struct text *out, const char *key, const struct kept *kept) {
	size_t length = strlen(page->prefix);
	if (strncmp(key, page->prefix, length) != 0)
		return strcmp(key, page->prefix) < 0;
	const char *cut = page->delimiter[0] ? strstr(key + length, page->delimiter) : NULL;
	page->behind = true;
	page->rows++;
	if (!cut) {
		list_row(out, key, kept ? kept->etag : NULL,
			kept ? kept->body.length : 1000 + strlen(key));
		snprintf(page->from, sizeof page->from, "%s", key);
		return true;
	}
	text_print(out, "<CommonPrefixes><Prefix>");
	char folder[KEY_MAX];
	snprintf(folder, sizeof folder, "%.*s", (int)(cut - key + 1), key);
	encode_key(out, folder);
	text_print(out, "</Prefix></CommonPrefixes>");
	snprintf(page->from, sizeof page->from, "%.*s\xff", (int)(cut - key + 1), key);
	return true;
}

static int answer_list(const struct request *request, struct text *out) {
	struct page page = {.behind = true, .limit = 1000};
	struct kept *kept = NULL;
	char key[KEY_MAX], text[KEY_MAX];
	bool more = false;
	query_get(request->query, "prefix", page.prefix, sizeof page.prefix);
	query_get(request->query, "delimiter", page.delimiter, sizeof page.delimiter);
	if (query_get(request->query, "max-keys", text, sizeof text) && atol(text) < 1000)
		page.limit = atol(text);
	// The token is an encoded key, opaque to who sends it back.
	if (query_get(request->query, "continuation-token", page.from, sizeof page.from))
		percent_decode(page.from);
	else
		query_get(request->query, "start-after", page.from, sizeof page.from);
	if (strcmp(page.from, page.prefix) < 0) {
		snprintf(page.from, sizeof page.from, "%s", page.prefix);
		page.behind = false;
	}
	text_print(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult "
		"xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><EncodingType>url</EncodingType>");
	while (key_next(page.from, page.behind, key, &kept) &&
		strncmp(key, page.prefix, strlen(page.prefix)) == 0) {
		if (page.rows == page.limit) {
			more = true;
			break;
		}
		page_add(&page, out, key, kept);
	}
	text_print(out, "<KeyCount>%ld</KeyCount><IsTruncated>%s</IsTruncated>", page.rows,
		more ? "true" : "false");
	if (more) {
		text_print(out, "<NextContinuationToken>");
		encode_key(out, page.from);
		text_print(out, "</NextContinuationToken>");
	}
	text_print(out, "</ListBucketResult>");
	return 200;
}

static int answer_error(struct text *out, int status, const char *code) {
	out->length = 0;
	text_print(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>%s</Code>"
		"<Message>%s</Message></Error>", code, code);
	return status;
}

static int answer_deletes(const struct request *request, struct text *out) {
	const char *at = request->body.data ? request->body.data : "";
	char key[KEY_MAX];
	while ((at = strstr(at, "<Key>"))) {
		snprintf(key, sizeof key, "%.*s", (int)strcspn(at + 5, "<"), at + 5);
		key_delete(key);
		at += 5;
	}
	text_print(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<DeleteResult></DeleteResult>");
	return 200;
}

static int answer_put(const struct request *request, struct text *out, char etag[static 33]) {
	struct kept *old = kept_find(request->key);
	if (request->if_none_match[0] && (old || object_is(object_from(request->key), request->key)))
		return answer_error(out, 412, "PreconditionFailed");
	if (request->if_match[0] && (!old || !strstr(request->if_match, old->etag)))
		return answer_error(out, old ? 412 : 404, old ? "PreconditionFailed" : "NoSuchKey");
	kept_put(request->key, &request->body);
	snprintf(etag, 33, "%s", kept_find(request->key)->etag);
	return 200;
}

static int answer_get(const struct request *request, struct text *out, char etag[static 33]) {
	struct kept *kept = kept_find(request->key);
	if (kept) {
		text_add(out, kept->body.data, kept->body.length);
		snprintf(etag, 33, "%s", kept->etag);
		return 200;
	}
	if (!object_is(object_from(request->key), request->key))
		return answer_error(out, 404, "NoSuchKey");
	text_print(out, "// %s\n", request->key);
	return 200;
}

static int answer(const struct request *request, struct text *out, char etag[static 33]) {
	char value[KEY_MAX];
	bool get = strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
	if (!request->key[0] && get)
		return query_get(request->query, "list-type", value, sizeof value) ?
			answer_list(request, out) : 200;
	if (strcmp(request->method, "POST") == 0 && query_get(request->query, "delete", value, sizeof value))
		return answer_deletes(request, out);
	if (strcmp(request->method, "DELETE") == 0) {
		key_delete(request->key);
		return 204;
	}
	if (strcmp(request->method, "PUT") == 0)
		return request->key[0] ? answer_put(request, out, etag) : 200;
	return get ? answer_get(request, out, etag) : answer_error(out, 405, "MethodNotAllowed");
}

static void header_get(const char *head, const char *name, char *value, size_t size) {
	const char *at = strcasestr(head, name);
	value[0] = '\0';
	if (at) {
		at += strlen(name);
		at += strspn(at, " ");
		snprintf(value, size, "%.*s", (int)strcspn(at, "\r\n"), at);
	}
}

static int send_all(int socket, const char *data, size_t length) {
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
static int parse_head(const char *head, struct request *request, size_t *length) {
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
	header_get(head, "\r\nif-none-match:", request->if_none_match, sizeof request->if_none_match);
	header_get(head, "\r\nconnection:", value, sizeof value);
	request->closing = strcasecmp(value, "close") == 0;
	header_get(head, "\r\ncontent-length:", value, sizeof value);
	*length = strtoul(value, NULL, 10);
	return *length > BODY_MAX ? -1 : 0;
}

// Reads one request; `input` keeps what came behind it.
static int read_request(int socket, struct text *input, struct request *request) {
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
	struct text *body) {
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

static void *serve(void *argument) {
	int socket = (int)(long)argument;
	struct text input = {0}, body = {0};
	struct request request = {.closing = false};
	while (!request.closing && read_request(socket, &input, &request) == 0) {
		char etag[33] = "";
		body.length = 0;
		pthread_mutex_lock(&store.lock);
		int status = answer(&request, &body, etag);
		fprintf(store.log, "%s %s %d\n", request.method, request.target, status);
		fflush(store.log);
		pthread_mutex_unlock(&store.lock);
		if (send_answer(socket, &request, status, etag, &body))
			break;
	}
	free(input.data);
	free(body.data);
	free(request.body.data);
	close(socket);
	return NULL;
}

static void *end_with_parent(void *argument) {
	while (getppid() == (pid_t)(long)argument)
		nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
	_exit(0);
}

// Binds, and tells the port in FOLDER/env.
static int listen_and_tell(const char *folder) {
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	char path[4096], ready[4096];
	int server = socket(AF_INET, SOCK_STREAM, 0);
	if (server < 0 || bind(server, (struct sockaddr *)&address, length) || listen(server, 256) ||
		getsockname(server, (struct sockaddr *)&address, &length))
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

static void thread_start(void *(*run)(void *), long argument) {
	pthread_t thread;
	if (pthread_create(&thread, NULL, run, (void *)argument))
		abort();
	pthread_detach(thread);
}

int main(int count, char **arguments) {
	char path[4096];
	if (count < 3 || (store.count = atol(arguments[2])) < 1) {
		fprintf(stderr, "usage: million_s3 FOLDER COUNT [PREFIX]\n");
		return 2;
	}
	snprintf(store.prefix, sizeof store.prefix, "%s", count > 3 ? arguments[3] : "assets/");
	store.dead = calloc((size_t)store.count / 8 + 1, 1);
	mkdir(arguments[1], 0777);
	snprintf(path, sizeof path, "%s/requests.log", arguments[1]);
	store.log = fopen(path, "w");
	int server = store.dead && store.log ? listen_and_tell(arguments[1]) : -1;
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
