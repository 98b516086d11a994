/* Requests that run on the loop, and those that wait there for another try. */
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
	const struct curl_api *api;
	struct multi *multi;
	struct loop *loop;
	struct http_transfer *transfers;
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
		http->api->multi_remove_handle(multi_handle(http->multi), transfer->exchange.easy);
	loop_timer_stop(transfer->wait);
}

static void transfer_free(struct http_transfer *transfer)
{
	exchange_release(&transfer->exchange);
	free(transfer);
}

static void perform_again(void *context)
{
	struct http_transfer *transfer = context;
	struct http *http = transfer->http;

	loop_timer_stop(transfer->wait);
	transfer->wait = NULL;
	http->api->multi_add_handle(multi_handle(http->multi), transfer->exchange.easy);
}

/* Tells the owner, unless it goes on. */
static void transfer_ended(void *context, CURL *easy, CURLcode code)
{
	struct http *http = context;
	char *private = NULL;

	http->api->easy_getinfo(easy, CURLINFO_PRIVATE, &private);
	struct exchange *exchange = (struct exchange *)(void *)private;
	struct http_transfer *transfer = (struct http_transfer *)(void *)exchange;
	int64_t delay = exchange_finish(exchange, code);
	if (delay >= 0) {
		http->api->multi_remove_handle(multi_handle(http->multi), exchange->easy);
		transfer->wait = loop_timer_start(http->loop, delay, 0, perform_again, transfer);
		return;
	}
	transfer_unlink(transfer);
	transfer->done(transfer->context, &exchange->response);
	transfer_free(transfer);
}

struct http *http_new(struct loop *loop, size_t parallel, struct error *err)
{
	struct http *http = calloc(1, sizeof(*http));

	if (!http)
		abort();
	http->api = curl_load(err);
	if (!http->api) {
		free(http);
		return NULL;
	}
	http->loop = loop;
	http->multi = multi_new(http->api, loop, transfer_ended, http);
	http->api->multi_setopt(multi_handle(http->multi), CURLMOPT_MAX_HOST_CONNECTIONS,
				(long)(parallel ? parallel : DEFAULT_PARALLEL));
	return http;
}

void http_free(struct http *http)
{
	if (!http)
		return;
	while (http->transfers) {
		struct http_transfer *transfer = http->transfers;
		transfer_unlink(transfer);
		transfer_free(transfer);
	}
	multi_free(http->multi);
	free(http);
}

struct http_transfer *http_start(struct http *http, const struct http_request *request,
				 void (*done)(void *context, const struct http_response *response),
				 void *context, struct error *err)
{
	struct http_transfer *transfer = calloc(1, sizeof(*transfer));

	if (!transfer)
		abort();
	if (exchange_init(&transfer->exchange, http->api, request, err)) {
		free(transfer);
		return NULL;
	}
	transfer->http = http;
	transfer->done = done;
	transfer->context = context;
	CURLMcode code =
		http->api->multi_add_handle(multi_handle(http->multi), transfer->exchange.easy);
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
