/* curl's multi interface on the loop: curl names sockets and a timer, libuv watches them. */
#include <uv.h>

#include "net/curl_internal.h"
#include "proc/loop.h"

enum { DEFAULT_PARALLEL = 16 };

struct http_transfer {
	struct exchange exchange;
	struct http *http;
	void (*done)(void *context, const struct http_response *response);
	void *context;
	struct http_transfer *next, *previous;
	struct loop_timer *wait; /* for another try; curl does not have it meanwhile */
};

struct http {
	struct curl_api api;
	CURLM *multi;
	uv_timer_t timer;
	struct loop *loop;
	struct http_transfer *transfers;
	bool telling; /* a done callback is under way: http_free only marks */
	bool freed;
};

struct watched_socket {
	uv_poll_t poll;
	curl_socket_t socket;
	struct http *http;
};

static void transfer_unlink(struct http_transfer *transfer)
{
	struct http *http = transfer->http;

	if (transfer->previous)
		transfer->previous->next = transfer->next;
	else
		http->transfers = transfer->next;
	if (transfer->next)
		transfer->next->previous = transfer->previous;
	if (!transfer->wait)
		http->api.multi_remove_handle(http->multi, transfer->exchange.easy);
	loop_timer_stop(transfer->wait);
}

static void transfer_free(struct http_transfer *transfer)
{
	exchange_release(&transfer->exchange);
	free(transfer);
}

static void timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void http_destroy(struct http *http)
{
	while (http->transfers) {
		struct http_transfer *transfer = http->transfers;
		transfer_unlink(transfer);
		transfer_free(transfer);
	}
	http->api.multi_cleanup(http->multi);
	uv_close((uv_handle_t *)&http->timer, timer_closed);
}

static void perform_again(void *context)
{
	struct http_transfer *transfer = context;
	struct http *http = transfer->http;

	loop_timer_stop(transfer->wait);
	transfer->wait = NULL;
	http->api.multi_add_handle(http->multi, transfer->exchange.easy);
}

/* Tells the owners of all transfers that curl has ended, but for those that go on. */
static void tell_ended(struct http *http)
{
	CURLMsg *message;
	int left;

	if (http->telling)
		return;
	http->telling = true;
	while (!http->freed && (message = http->api.multi_info_read(http->multi, &left))) {
		if (message->msg != CURLMSG_DONE)
			continue;
		CURLcode code = message->data.result;
		char *private = NULL;
		http->api.easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
		struct exchange *exchange = (struct exchange *)(void *)private;
		struct http_transfer *transfer = (struct http_transfer *)(void *)exchange;
		int64_t delay = exchange_finish(exchange, code);
		if (delay >= 0) {
			http->api.multi_remove_handle(http->multi, exchange->easy);
			transfer->wait =
				loop_timer_start(http->loop, delay, 0, perform_again, transfer);
			continue;
		}
		transfer_unlink(transfer);
		transfer->done(transfer->context, &exchange->response);
		transfer_free(transfer);
	}
	http->telling = false;
	if (http->freed)
		http_destroy(http);
}

static void socket_ready(uv_poll_t *poll, int status, int events)
{
	struct watched_socket *watched = poll->data;
	struct http *http = watched->http;
	int flags = 0, running;

	if (status < 0)
		flags = CURL_CSELECT_ERR;
	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	http->api.multi_socket_action(http->multi, watched->socket, flags, &running);
	tell_ended(http);
}

static void timer_fired(uv_timer_t *timer)
{
	struct http *http = timer->data;
	int running;

	http->api.multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	tell_ended(http);
}

static void socket_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static struct watched_socket *socket_watch(struct http *http, curl_socket_t socket)
{
	struct watched_socket *watched = calloc(1, sizeof(*watched));

	if (!watched)
		abort();
	watched->http = http;
	watched->socket = socket;
	if (uv_poll_init_socket(loop_uv(http->loop), &watched->poll, socket)) {
		free(watched);
		return NULL;
	}
	watched->poll.data = watched;
	http->api.multi_assign(http->multi, socket, watched);
	return watched;
}

/* curl's wish: watch this socket for that, or no longer. */
static int on_socket(CURL *easy, curl_socket_t socket, int what, void *context, void *assigned)
{
	struct http *http = context;
	struct watched_socket *watched = assigned;
	int events = 0;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (watched) {
			http->api.multi_assign(http->multi, socket, NULL);
			uv_poll_stop(&watched->poll);
			uv_close((uv_handle_t *)&watched->poll, socket_closed);
		}
		return 0;
	}
	if (!watched)
		watched = socket_watch(http, socket);
	if (!watched)
		return -1;
	if (what != CURL_POLL_OUT)
		events |= UV_READABLE;
	if (what != CURL_POLL_IN)
		events |= UV_WRITABLE;
	return uv_poll_start(&watched->poll, events, socket_ready) ? -1 : 0;
}

/* curl's other wish. 0 means at once, but not from within this call. */
static int on_timer(CURLM *multi, long milliseconds, void *context)
{
	struct http *http = context;

	(void)multi;
	if (milliseconds < 0)
		uv_timer_stop(&http->timer);
	else
		uv_timer_start(&http->timer, timer_fired, (uint64_t)milliseconds, 0);
	return 0;
}

struct http *http_new(struct loop *loop, size_t parallel, struct error *err)
{
	struct http *http = calloc(1, sizeof(*http));

	if (!http)
		abort();
	if (curl_load(&http->api, err)) {
		free(http);
		return NULL;
	}
	http->loop = loop;
	http->multi = http->api.multi_init();
	if (!http->multi)
		abort();
	uv_timer_init(loop_uv(loop), &http->timer);
	http->timer.data = http;
	http->api.multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	http->api.multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
	http->api.multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	http->api.multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
	http->api.multi_setopt(http->multi, CURLMOPT_MAX_HOST_CONNECTIONS,
			       (long)(parallel ? parallel : DEFAULT_PARALLEL));
	return http;
}

void http_free(struct http *http)
{
	if (!http || http->freed)
		return;
	http->freed = true;
	if (!http->telling)
		http_destroy(http);
}

struct http_transfer *http_start(struct http *http, const struct http_request *request,
				 void (*done)(void *context, const struct http_response *response),
				 void *context, struct error *err)
{
	struct http_transfer *transfer = calloc(1, sizeof(*transfer));

	if (!transfer)
		abort();
	if (exchange_init(&transfer->exchange, &http->api, request, err)) {
		free(transfer);
		return NULL;
	}
	transfer->http = http;
	transfer->done = done;
	transfer->context = context;
	CURLMcode code = http->api.multi_add_handle(http->multi, transfer->exchange.easy);
	if (code != CURLM_OK) {
		error_set(err, "cannot start the request to %s (curl %d)", request->url, (int)code);
		transfer_free(transfer);
		return NULL;
	}
	transfer->next = http->transfers;
	if (transfer->next)
		transfer->next->previous = transfer;
	http->transfers = transfer;
	return transfer;
}

void http_cancel(struct http_transfer *transfer)
{
	transfer_unlink(transfer);
	transfer_free(transfer);
}
