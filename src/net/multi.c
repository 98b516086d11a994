/* curl's multi interface on the loop: curl names sockets and a timer, libuv watches them. */
#include <uv.h>

#include "net/curl_internal.h"
#include "proc/loop.h"

struct watched_socket {
	uv_poll_t poll;
	curl_socket_t socket;
	struct multi *multi;
};

struct multi {
	const struct curl_api *api;
	CURLM *handle;
	uv_timer_t timer;
	struct loop *loop;
	void (*ended)(void *context, CURL *easy, CURLcode code);
	void *context;
	bool telling; /* an ended callback is under way: multi_free only marks */
	bool freed;
};

static void timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void multi_destroy(struct multi *multi)
{
	multi->api->multi_cleanup(multi->handle);
	uv_close((uv_handle_t *)&multi->timer, timer_closed);
}

static void tell_ended(struct multi *multi)
{
	CURLMsg *message;
	int left;

	if (multi->telling)
		return;
	multi->telling = true;
	while (!multi->freed && (message = multi->api->multi_info_read(multi->handle, &left))) {
		if (message->msg == CURLMSG_DONE)
			multi->ended(multi->context, message->easy_handle, message->data.result);
	}
	multi->telling = false;
	if (multi->freed)
		multi_destroy(multi);
}

static void socket_ready(uv_poll_t *poll, int status, int events)
{
	struct watched_socket *watched = poll->data;
	struct multi *multi = watched->multi;
	int flags = 0, running;

	if (status < 0)
		flags = CURL_CSELECT_ERR;
	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	multi->api->multi_socket_action(multi->handle, watched->socket, flags, &running);
	tell_ended(multi);
}

static void timer_fired(uv_timer_t *timer)
{
	struct multi *multi = timer->data;
	int running;

	multi->api->multi_socket_action(multi->handle, CURL_SOCKET_TIMEOUT, 0, &running);
	tell_ended(multi);
}

static void socket_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static struct watched_socket *socket_watch(struct multi *multi, curl_socket_t socket)
{
	struct watched_socket *watched = calloc(1, sizeof(*watched));

	if (!watched)
		abort();
	watched->multi = multi;
	watched->socket = socket;
	if (uv_poll_init_socket(loop_uv(multi->loop), &watched->poll, socket)) {
		free(watched);
		return NULL;
	}
	watched->poll.data = watched;
	multi->api->multi_assign(multi->handle, socket, watched);
	return watched;
}

/* curl's wish: watch this socket for that, or no longer. */
static int on_socket(CURL *easy, curl_socket_t socket, int what, void *context, void *assigned)
{
	struct multi *multi = context;
	struct watched_socket *watched = assigned;
	int events = 0;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (watched) {
			multi->api->multi_assign(multi->handle, socket, NULL);
			uv_poll_stop(&watched->poll);
			uv_close((uv_handle_t *)&watched->poll, socket_closed);
		}
		return 0;
	}
	if (!watched)
		watched = socket_watch(multi, socket);
	if (!watched)
		return -1;
	if (what != CURL_POLL_OUT)
		events |= UV_READABLE;
	if (what != CURL_POLL_IN)
		events |= UV_WRITABLE;
	return uv_poll_start(&watched->poll, events, socket_ready) ? -1 : 0;
}

/* curl's other wish. 0 means at once, but not from within this call. */
static int on_timer(CURLM *handle, long milliseconds, void *context)
{
	struct multi *multi = context;

	(void)handle;
	if (milliseconds < 0)
		uv_timer_stop(&multi->timer);
	else
		uv_timer_start(&multi->timer, timer_fired, (uint64_t)milliseconds, 0);
	return 0;
}

struct multi *multi_new(const struct curl_api *api, struct loop *loop,
			void (*ended)(void *context, CURL *easy, CURLcode code), void *context)
{
	struct multi *multi = calloc(1, sizeof(*multi));

	if (!multi)
		abort();
	*multi = (struct multi){.api = api, .loop = loop, .ended = ended, .context = context};
	multi->handle = api->multi_init();
	if (!multi->handle)
		abort();
	uv_timer_init(loop_uv(loop), &multi->timer);
	multi->timer.data = multi;
	api->multi_setopt(multi->handle, CURLMOPT_SOCKETFUNCTION, on_socket);
	api->multi_setopt(multi->handle, CURLMOPT_SOCKETDATA, multi);
	api->multi_setopt(multi->handle, CURLMOPT_TIMERFUNCTION, on_timer);
	api->multi_setopt(multi->handle, CURLMOPT_TIMERDATA, multi);
	return multi;
}

void multi_free(struct multi *multi)
{
	if (!multi || multi->freed)
		return;
	multi->freed = true;
	if (!multi->telling)
		multi_destroy(multi);
}

CURLM *multi_handle(struct multi *multi)
{
	return multi->handle;
}
