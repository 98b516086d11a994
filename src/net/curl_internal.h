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
	struct curl_slist *(*slist_append)(struct curl_slist *list, const char *text);
	void (*slist_free_all)(struct curl_slist *list);
};

int curl_load(struct curl_api *api, struct error *err) MUST_USE;

/* A request and the answer as it arrives. */
struct exchange {
	const struct curl_api *api;
	CURL *easy;
	struct curl_slist *headers;
	char *url, *body;
	int64_t started;
	char words[CURL_ERROR_SIZE];
	struct http_response response;
};

/* 0, or -1: nothing to release then. The exchange must not move afterwards. */
int exchange_init(struct exchange *exchange, const struct curl_api *api,
		  const struct http_request *request, struct error *err) MUST_USE;
/* Fills the response from what curl says about the end. */
void exchange_finish(struct exchange *exchange, CURLcode code);
void exchange_release(struct exchange *exchange);
