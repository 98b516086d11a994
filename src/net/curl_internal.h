/* libcurl, loaded when the first request is made, and one request's handle; for this room only. */
#pragma once
#include <curl/curl.h>

#include "net/http.h"

struct curl_api {
	CURLcode (*global_init)(long flags);
	CURL *(*easy_init)(void);
	void (*easy_cleanup)(CURL *easy);
	CURLcode (*easy_perform)(CURL *easy);
	CURLcode (*easy_setopt)(CURL *easy, CURLoption option, ...);
	CURLcode (*easy_getinfo)(CURL *easy, CURLINFO info, ...);
	const char *(*easy_strerror)(CURLcode code);
	CURLM *(*multi_init)(void);
	CURLMcode (*multi_cleanup)(CURLM *multi);
	CURLMcode (*multi_add_handle)(CURLM *multi, CURL *easy);
	CURLMcode (*multi_remove_handle)(CURLM *multi, CURL *easy);
	CURLMcode (*multi_assign)(CURLM *multi, curl_socket_t socket, void *context);
	CURLMcode (*multi_socket_action)(CURLM *multi, curl_socket_t socket, int events,
					 int *running);
	CURLMsg *(*multi_info_read)(CURLM *multi, int *left);
	CURLMcode (*multi_setopt)(CURLM *multi, CURLMoption option, ...);
	time_t (*getdate)(const char *text, const time_t *unused);
	CURLU *(*url)(void);
	void (*url_cleanup)(CURLU *url);
	CURLUcode (*url_set)(CURLU *url, CURLUPart part, const char *text, unsigned flags);
	CURLUcode (*url_get)(CURLU *url, CURLUPart part, char **text, unsigned flags);
	void (*free)(void *text);
	struct curl_slist *(*slist_append)(struct curl_slist *list, const char *text);
	void (*slist_free_all)(struct curl_slist *list);
};

/* The library, the same for all threads; NULL with what to install. */
const struct curl_api *curl_load(struct error *err) MUST_USE;

/* curl's multi interface on the loop. ended is called for each handle that curl is done with, and
 * may add, remove and free whatever it likes, the multi itself too. */
struct multi;
struct multi *multi_new(const struct curl_api *api, struct loop *loop,
			void (*ended)(void *context, CURL *easy, CURLcode code), void *context);
/* All handles must have been removed. NULL is allowed. */
void multi_free(struct multi *multi);
CURLM *multi_handle(struct multi *multi);

/* A request and the answer as it arrives. */
struct exchange {
	const struct curl_api *api;
	CURL *easy;
	struct curl_slist *headers;
	char *url, *method, *body;
	size_t body_length;
	int64_t begun, started;	/* clock_monotonic: the first try, this one */
	int64_t timeout, retry_delay, retry_within;
	int retries, redirects, redirects_left;
	bool repeatable;	/* its method may be sent twice */
	bool has_credentials;	/* it must not leave its host */
	bool sent;		/* something of this try has reached the other side, perhaps */
	char words[CURL_ERROR_SIZE];
	struct http_response response;
};

/* 0, or -1: nothing to release then. The exchange must not move afterwards. */
int exchange_init(struct exchange *exchange, const struct curl_api *api,
		  const struct http_request *request, struct error *err) MUST_USE;
/* Fills the response from what curl says about the end. Returns -1 when that was it, else the
 * milliseconds after which the handle is to be performed once more: the next hop of a redirect (0)
 * or another try. */
int64_t exchange_finish(struct exchange *exchange, CURLcode code);
void exchange_release(struct exchange *exchange);

/* exchange.c: the handle for the URL that is next, the response empty. */
void exchange_aim(struct exchange *exchange, const char *url, int64_t timeout);
/* Its own method and body, or a plain GET. */
void exchange_set_method(struct exchange *exchange, bool get);

/* repeat.c */
/* Whether headers, body or URL hold what only this host may see. */
const char *request_method(const struct http_request *request);
bool request_has_credentials(const struct http_request *request);
bool request_is_repeatable(const struct http_request *request);
/* Aims at where the answer redirects to. 1; 0 when it does not, or must not: failure says why. */
int exchange_redirect(struct exchange *exchange);
/* What Retry-After asks for. */
void exchange_read_retry_after(struct exchange *exchange);
/* Milliseconds to wait before another try, or -1: none. */
int64_t exchange_retry(struct exchange *exchange, CURLcode code);
