/* Where a bucket is: the host's name and the path in front of every key. */
#include <ctype.h>

#include "base/text.h"
#include "net/s3_internal.h"

static bool bucket_is_name(const char *bucket)
{
	size_t length = strlen(bucket);

	if (length < 3 || length > 255)
		return false;
	return strspn(bucket,
		      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") ==
		       length &&
	       isalnum((unsigned char)bucket[0]);
}

/* Fit to be the first part of a host's name under a wildcard certificate. */
static bool bucket_is_host(const char *bucket)
{
	size_t length = strlen(bucket);

	return length <= 63 && strspn(bucket, "abcdefghijklmnopqrstuvwxyz0123456789-") == length &&
	       bucket[length - 1] != '-';
}

static void set_path(struct s3_place *place, const char *base, const char *bucket)
{
	struct buffer path;

	buffer_init(&path, 4096);
	buffer_add_text(&path, base);
	while (path.length && path.data[path.length - 1] == '/')
		path.data[--path.length] = '\0';
	if (bucket) {
		buffer_add_char(&path, '/');
		sigv4_encode(&path, bucket, strlen(bucket), false);
	}
	place->path = strdup(path.data);
	buffer_release(&path);
}

/* Amazon's own hosts; those in China have a name of their own. */
static void place_at_amazon(struct s3_place *place, const char *bucket, const char *region)
{
	struct buffer host;
	bool by_host = bucket_is_host(bucket);

	buffer_init(&host, 1024);
	if (by_host)
		buffer_add_format(&host, "%s.", bucket);
	buffer_add_format(&host, "s3.%s.amazonaws.com%s", region,
			  text_starts_with(region, "cn-") ? ".cn" : "");
	place->https = place->amazon = true;
	place->host = strdup(host.data);
	buffer_release(&host);
	set_path(place, "", by_host ? NULL : bucket);
}

/* A default port is not in the Host header. */
static size_t without_port(const char *host, size_t length, bool https)
{
	const char *port = https ? ":443" : ":80";
	size_t size = strlen(port);

	return length > size && !memcmp(host + length - size, port, size) ? length - size : length;
}

int s3_place_find(const struct s3_options *options, const char *endpoint, const char *region,
		  struct s3_place *place, struct error *err)
{
	const char *bucket = options->bucket, *host, *hole;
	struct buffer url;
	size_t length;

	if (!bucket_is_name(bucket)) {
		error_set(err, "'%s' is not a bucket's name", bucket);
		return error_code(err, EXIT_USAGE);
	}
	if (!endpoint || !*endpoint) {
		place_at_amazon(place, bucket, region);
		return 0;
	}
	host = strstr(endpoint, "://");
	if ((strncmp(endpoint, "http://", 7) && strncmp(endpoint, "https://", 8)) ||
	    strpbrk(endpoint, " \t\r\n?#@") || !host[3] || host[3] == '/') {
		error_set(err, "the endpoint '%s' is not an address like https://s3.example.com",
			  endpoint);
		return error_code(err, EXIT_USAGE);
	}
	hole = strstr(endpoint, "{bucket}");
	buffer_init(&url, 4096);
	buffer_add(&url, endpoint, hole ? (size_t)(hole - endpoint) : strlen(endpoint));
	if (hole)
		buffer_add_format(&url, "%s%s", bucket, hole + strlen("{bucket}"));
	place->https = text_starts_with(url.data, "https");
	host = strstr(url.data, "://") + 3;
	length = strcspn(host, "/");
	place->host = strndup(host, without_port(host, length, place->https));
	set_path(place, host + length, hole ? NULL : bucket);
	buffer_release(&url);
	return 0;
}

void s3_place_release(struct s3_place *place)
{
	free(place->host);
	free(place->path);
	*place = (struct s3_place){0};
}
