/* Where buckets are: addresses of hosts and paths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/s3_internal.h"

static void buckets_are_found(void **state)
{
	static const struct {
		const char *endpoint, *bucket, *region, *host, *path;
		bool https;
	} places[] = {
		{NULL, "shop", "eu-west-1", "shop.s3.eu-west-1.amazonaws.com", "", true},
		{"", "shop", "cn-north-1", "shop.s3.cn-north-1.amazonaws.com.cn", "", true},
		{NULL, "shop.example.com", "us-east-1", "s3.us-east-1.amazonaws.com",
		 "/shop.example.com", true},
		{NULL, "Shop_1", "us-east-1", "s3.us-east-1.amazonaws.com", "/Shop_1", true},
		{"https://minio.example.com/", "shop", "x", "minio.example.com", "/shop", true},
		{"http://127.0.0.1:9000", "shop", "x", "127.0.0.1:9000", "/shop", false},
		{"http://store:80", "shop", "x", "store", "/shop", false},
		{"https://store:443/s3", "shop", "x", "store", "/s3/shop", true},
		{"https://{bucket}.r2.example.com", "shop", "x", "shop.r2.example.com", "", true},
		{"https://store/{bucket}/x/", "shop", "x", "store", "/shop/x", true},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		const struct s3_options options = {.bucket = places[i].bucket};
		struct s3_place place = {0};
		struct error err = {0};
		if (s3_place_find(&options, places[i].endpoint, places[i].region, &place, &err))
			fail_msg("%s", err.message);
		assert_string_equal(place.host, places[i].host);
		assert_string_equal(place.path, places[i].path);
		assert_int_equal(place.https, places[i].https);
		s3_place_release(&place);
	}
}

static void what_cannot_be(void **state)
{
	static const struct {
		const char *endpoint, *bucket;
	} places[] = {
		{NULL, "ab"},
		{NULL, "a/b"},
		{NULL, "shop\n"},
		{NULL, ".shop"},
		{"store.example.com", "shop"},
		{"ftp://store", "shop"},
		{"https://", "shop"},
		{"https:///x", "shop"},
		{"https://store?x=y", "shop"},
		{"https://user:password@store", "shop"},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		const struct s3_options options = {.bucket = places[i].bucket};
		struct s3_place place = {0};
		struct error err = {0};
		assert_int_equal(s3_place_find(&options, places[i].endpoint, "x", &place, &err),
				 -1);
		assert_int_equal(err.exit_code, EXIT_USAGE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buckets_are_found),
		cmocka_unit_test(what_cannot_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
