/* Assets: names, manifests, scanning, what the index keeps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "assets/index.h"
#include "assets/manifest.h"
#include "assets/names.h"
#include "assets/scan.h"
#include "base/file.h"

struct world {
	struct arena arena;
	const char *folder;
};

static int set_up(void **state)
{
	static struct world world;
	struct error err;

	world = (struct world){.arena = ARENA_INIT};
	world.folder = folder_temporary(&world.arena, &err);
	*state = &world;
	return world.folder ? 0 : -1;
}

static int tear_down(void **state)
{
	struct world *world = *state;
	struct error err;
	int result = tree_remove(world->folder, &err);

	arena_release(&world->arena);
	return result;
}

/* ---- names ---- */

static const char *const hashed[] = {
	"app.3f2a9b1c.js", "assets/app-3f2a9b1c4d.js", "main.3f2a9b1c.chunk.css",
	"main.3f2a9b1c.js.map", "3f2a9b1c4d5e6f708192.woff2", "index-Bk3Xa9Zq.js",
	"chunk-ABC2DEFG.js", "a_0f1e2d3c4b5a69788796a5b4c3d2e1f0.png",
};
static const char *const plain[] = {
	"index.html", "app.js", "photo-20231124.jpg", "hero-iPhone12.png", "download-checkbox.js",
	"hero-face2face.jpg", "page-UserCard.js", "Version2-notes.txt", "3f2a9b1c/app.js",
	"3f2a9b1c.js", "jquery-3.7.1.min.js", "README", "report-2023-11-24.pdf", "x-mp3Audio.js",
	"deadbeef", "app.12345678.js", "roboto-latin-400-normal.woff2",
};

static void test_hashed_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(hashed) / sizeof(*hashed); i++)
		if (!name_is_hashed(hashed[i]))
			fail_msg("%s holds a hash", hashed[i]);
	for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
		if (name_is_hashed(plain[i]))
			fail_msg("%s holds no hash", plain[i]);
}

/* One that lacks a digit by chance is known by the others of its family. */
static void test_hashes_by_family(void **state)
{
	struct name_census *census = name_census_new();
	char key[64];

	(void)state;
	for (int i = 0; i < 8; i++) {
		assert_false(name_census_is_hashed(census, "js/app.12345678.js"));
		snprintf(key, sizeof(key), "js/part%d.3f2a9b1%d.js", i, i);
		name_census_add(census, key);
	}
	name_census_add(census, "js/app.12345678.js");
	name_census_add(census, "js/jquery.min.js");
	assert_true(name_census_is_hashed(census, "js/app.12345678.js"));
	assert_true(name_census_is_hashed(census, "js/app.abcdefab.js"));
	assert_false(name_census_is_hashed(census, "css/app.12345678.js"));
	assert_false(name_census_is_hashed(census, "js/app.12345678.css"));
	assert_false(name_census_is_hashed(census, "js/app-12345678.js"));
	assert_false(name_census_is_hashed(census, "js/app.composer.js"));
	assert_false(name_census_is_hashed(census, "js/12345678.js"));
	for (int i = 0; i < 300; i++) {
		snprintf(key, sizeof(key), "day%d/photo.20231%03d.js", i, i);
		name_census_add(census, key);
	}
	assert_false(name_census_is_hashed(census, "day7/photo.20231007.js"));
	name_census_free(census);
}

static const struct {
	const char *key, *type, *encoding;
} types[] = {
	{"a.js", "text/javascript; charset=utf-8", NULL},
	{"a.MJS", "text/javascript; charset=utf-8", NULL},
	{"a.css", "text/css; charset=utf-8", NULL},
	{"a.js.map", "application/json", NULL},
	{"a.json", "application/json", NULL},
	{"site.webmanifest", "application/manifest+json", NULL},
	{"a.wasm", "application/wasm", NULL},
	{"a.woff2", "font/woff2", NULL},
	{"a.avif", "image/avif", NULL},
	{"a.webp", "image/webp", NULL},
	{"a.svg", "image/svg+xml", NULL},
	{"favicon.ico", "image/vnd.microsoft.icon", NULL},
	{"a.html", "text/html; charset=utf-8", NULL},
	{"a.txt", "text/plain; charset=utf-8", NULL},
	{"a.xml", "application/xml", NULL},
	{"a.pdf", "application/pdf", NULL},
	{"a.mp4", "video/mp4", NULL},
	{"a.js.br", "text/javascript; charset=utf-8", "br"},
	{"page.html.gz", "text/html; charset=utf-8", "gzip"},
	{"a.wasm.br", "application/wasm", "br"},
	{"backup.tar.gz", "application/gzip", NULL},
	{"photo.png.gz", "application/gzip", NULL},
	{"folder.js/a", NULL, NULL},
	{"js", NULL, NULL},
};

static void test_types(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		struct name_type type = name_type_of(types[i].key);

		if (!asset_headers_equal(&(struct asset_headers){type.type, NULL, type.encoding},
					 &(struct asset_headers){types[i].type, NULL,
								 types[i].encoding}))
			fail_msg("%s: %s, %s", types[i].key, type.type, type.encoding);
	}
}

static void test_safe_keys(void **state)
{
	static const char *const bad[] = {"", "/a", "a/", "a//b", ".", "..", "a/../b", "../a",
					  "a/./b", "a\xff"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(asset_key_is_safe(bad[i]));
	assert_true(asset_key_is_safe("a/..b/...c/d"));
	assert_true(asset_key_is_safe(".shipit/index.json"));
}

/* ---- manifests ---- */

static const char *const keys[] = {"a \"quoted\" \\ name", "b\nline", "c\x01", "d/\xc3\xa9.js"};
static const unsigned char original[HASH_SIZE] = {9};

static const char *make_manifest(struct world *world, char digest[HASH_HEX_SIZE])
{
	struct manifest_head head = {
		.id = "1", .app = "shop", .env = "production", .from = "dist", .made = 1000,
	};
	struct asset_table table = {0};
	const char *path = path_join(&world->arena, world->folder, "manifest");
	struct error err;

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		struct asset *asset = asset_table_add(&table);

		asset->key = keys[i];
		asset->size = (int64_t)i * 5000000000;
		asset->hash[0] = (unsigned char)i;
		asset->flags = ASSET_LAST | ASSET_MISSING;
		asset->original = i ? original : NULL;
		asset->headers = asset_headers_index(
			&world->arena, &head.headers,
			&(struct asset_headers){i % 2 ? "text/x" : NULL, "no-cache", NULL});
	}
	assert_int_equal(manifest_write(path, &head, &table, digest, &err), 0);
	asset_table_release(&table);
	return path;
}

static void test_manifest_comes_back(void **state)
{
	struct world *world = *state;
	char digest[HASH_HEX_SIZE];
	const char *path = make_manifest(world, digest);
	struct manifest manifest;
	struct asset asset;
	struct error err;

	assert_int_equal(manifest_open(&world->arena, path, digest, &manifest, &err), 0);
	assert_int_equal(manifest.count, 4);
	assert_int_equal(manifest.bytes, 30000000000);
	assert_string_equal(manifest.head.from, "dist");
	assert_int_equal(manifest.head.made, 1000);
	for (int pass = 0; pass < 2; pass++) {
		assert_int_equal(manifest_rewind(&manifest, &err), 0);
		for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
			assert_int_equal(manifest_next(&manifest, &asset, &err), 1);
			assert_string_equal(asset.key, keys[i]);
			assert_int_equal(asset.size, (int64_t)i * 5000000000);
			assert_int_equal(asset.hash[0], i);
			assert_int_equal(asset.flags, ASSET_LAST);
			assert_int_equal(asset.original != NULL, i != 0);
			assert_string_equal(
				manifest.head.headers.list.items[asset.headers].cache_control,
				"no-cache");
		}
		assert_int_equal(manifest_next(&manifest, &asset, &err), 0);
	}
	manifest_close(&manifest);
}

/* Whichever byte changes, and wherever it ends: it is noticed, and nothing else happens. */
static void test_damaged_manifests(void **state)
{
	struct world *world = *state;
	char digest[HASH_HEX_SIZE];
	const char *path = make_manifest(world, digest);
	struct manifest manifest;
	struct buffer bytes;
	struct error err;

	buffer_init(&bytes, SIZE_MAX / 2);
	assert_int_equal(file_read(path, &bytes, &err), 0);
	for (size_t i = 0; i < bytes.length; i++) {
		char before = bytes.data[i];

		bytes.data[i] = (char)(before ^ 1);
		assert_int_equal(file_write(path, bytes.data, bytes.length, 0644, &err), 0);
		assert_int_equal(manifest_open(&world->arena, path, digest, &manifest, &err), 1);
		manifest_close(&manifest);
		bytes.data[i] = before;
		assert_int_equal(file_write(path, bytes.data, i, 0644, &err), 0);
		assert_int_equal(manifest_open(&world->arena, path, digest, &manifest, &err), 1);
		manifest_close(&manifest);
	}
	buffer_release(&bytes);
}

/* ---- scanning ---- */

static size_t scan(struct world *world, const char *folder, struct asset_table *table)
{
	const atomic_bool stopped = false;
	const struct scan_options options = {
		.folder = folder,
		.cache = path_join(&world->arena, world->folder, "cache"),
		.stopped = &stopped,
	};
	struct scan_result result = {0};
	struct error err = {0};

	assert_int_equal(scan_folder(&world->arena, &options, &result, &err), 0);
	*table = result.assets;
	return result.read;
}

static void set_old(const char *path)
{
	const struct timespec times[2] = {{1000, 1}, {1000, 1}};

	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void test_second_scan_reads_nothing(void **state)
{
	struct world *world = *state;
	const char *folder = path_join(&world->arena, world->folder, "dist");
	const char *file = path_join(&world->arena, folder, "a");
	struct asset_table table;
	struct error err;
	struct timespec pause = {.tv_nsec = 60000000};

	assert_int_equal(folder_make(folder, 0755, &err), 0);
	for (int i = 0; i < 40; i++)
		assert_int_equal(file_write(arena_format(&world->arena, "%s/%d", folder, i), "x", 1,
					    0644, &err),
				 0);
	assert_int_equal(file_write(file, "one", 3, 0644, &err), 0);
	set_old(file);
	/* What changed within the last ticks of the clock is not trusted. */
	nanosleep(&pause, NULL);
	assert_int_equal(scan(world, folder, &table), 41);
	asset_table_release(&table);
	assert_int_equal(scan(world, folder, &table), 0);
	assert_int_equal(table.count, 41);
	asset_table_release(&table);
	/* The same size and the same old time: the change shows all the same. */
	assert_int_equal(file_write(file, "two", 3, 0644, &err), 0);
	set_old(file);
	nanosleep(&pause, NULL);
	assert_int_equal(scan(world, folder, &table), 1);
	asset_table_release(&table);
}

/* ---- the index ---- */

#define HOUR ((int64_t)3600 * 1000)

static struct index_release release(const char *id, const char *env, int64_t published,
				    int64_t superseded)
{
	return (struct index_release){
		.id = id, .app = "shop", .env = env, .from = "dist", .manifest = id,
		.sha256 = "", .prepared = published ? published : 10 * HOUR,
		.published = published, .superseded = superseded,
	};
}

static void test_what_is_kept(void **state)
{
	struct world *world = *state;
	struct index index = {0};
	static const bool kept[] = {false, true, true, true, true, false};

	vec_push(&world->arena, &index.releases, release("1", "a", 1 * HOUR, 2 * HOUR));
	vec_push(&world->arena, &index.releases, release("2", "a", 2 * HOUR, 3 * HOUR));
	vec_push(&world->arena, &index.releases, release("3", "a", 3 * HOUR, 0));
	vec_push(&world->arena, &index.releases, release("4", "b", 1 * HOUR, 0));
	vec_push(&world->arena, &index.releases, release("5", "a", 0, 0));
	vec_push(&world->arena, &index.releases, release("6", "a", 0, 0));
	index.releases.items[5].prepared = 1 * HOUR;	/* abandoned: others went live since */
	for (size_t i = 0; i < index.releases.count; i++)
		assert_int_equal(index_keeps(&index, &index.releases.items[i], 2, HOUR, 12 * HOUR),
				 kept[i]);
	assert_true(index_keeps(&index, &index.releases.items[0], 1, 11 * HOUR, 12 * HOUR));
	assert_false(index_keeps(&index, &index.releases.items[1], 1, HOUR, 12 * HOUR));
	/* Made live once more, it counts as the newest. */
	index.releases.items[0].published = 11 * HOUR;
	index.releases.items[0].superseded = 0;
	index.releases.items[2].superseded = 11 * HOUR;
	assert_true(index_keeps(&index, &index.releases.items[0], 1, 0, 12 * HOUR));
	assert_false(index_keeps(&index, &index.releases.items[2], 1, 0, 12 * HOUR));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hashed_names),
		cmocka_unit_test(test_hashes_by_family),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_safe_keys),
		cmocka_unit_test_setup_teardown(test_manifest_comes_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_damaged_manifests, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_second_scan_reads_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_is_kept, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
