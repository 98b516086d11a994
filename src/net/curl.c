/* Loads libcurl at run time, so that a command without network does not pay for it. */
#include <pthread.h>

#include "base/library.h"
#include "net/curl_internal.h"

static int curl_fill(struct curl_api *api, struct error *err)
{
#ifdef __APPLE__
	static const char *const files[] = {"libcurl.4.dylib", "/usr/lib/libcurl.4.dylib", NULL};
#else
	static const char *const files[] = {"libcurl.so.4", "libcurl-gnutls.so.4", NULL};
#endif
	static const struct library library = {
		.files = files, .name = "libcurl", .purpose = "requests", .package = "libcurl4"};
	const struct library_function functions[] = {
		{"curl_global_init", &api->global_init},
		{"curl_easy_init", &api->easy_init},
		{"curl_easy_cleanup", &api->easy_cleanup},
		{"curl_easy_perform", &api->easy_perform},
		{"curl_easy_setopt", &api->easy_setopt},
		{"curl_easy_getinfo", &api->easy_getinfo},
		{"curl_easy_strerror", &api->easy_strerror},
		{"curl_multi_init", &api->multi_init},
		{"curl_multi_cleanup", &api->multi_cleanup},
		{"curl_multi_add_handle", &api->multi_add_handle},
		{"curl_multi_remove_handle", &api->multi_remove_handle},
		{"curl_multi_assign", &api->multi_assign},
		{"curl_multi_socket_action", &api->multi_socket_action},
		{"curl_multi_info_read", &api->multi_info_read},
		{"curl_multi_setopt", &api->multi_setopt},
		{"curl_getdate", &api->getdate},
		{"curl_url", &api->url},
		{"curl_url_cleanup", &api->url_cleanup},
		{"curl_url_set", &api->url_set},
		{"curl_url_get", &api->url_get},
		{"curl_free", &api->free},
		{"curl_slist_append", &api->slist_append},
		{"curl_slist_free_all", &api->slist_free_all},
	};

	if (library_load(&library, functions, sizeof(functions) / sizeof(*functions), err) < 0)
		return -1;
	CURLcode code = api->global_init(CURL_GLOBAL_DEFAULT);
	if (code != CURLE_OK)
		return error_set(err, "cannot start libcurl: %s", api->easy_strerror(code));
	return 0;
}

static struct {
	struct curl_api api;
	struct error error;
	bool failed;
} curl;
static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void load_once(void)
{
	curl.failed = curl_fill(&curl.api, &curl.error) < 0;
}

const struct curl_api *curl_load(struct error *err)
{
	pthread_once(&curl_once, load_once);
	if (!curl.failed)
		return &curl.api;
	*err = curl.error;
	return NULL;
}
