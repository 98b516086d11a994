/* Sealed values and their file: who has a key opens them, and nothing else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/resource.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "base/text.h"
#include "crypto/memory.h"
#include "crypto/sealed_file.h"

#define VALUE "correct horse battery staple"

struct world {
	struct arena arena;
	struct secret_key *ann, *bob, *eve;
	struct seal_recipients to; /* ann and bob */
	struct text_list known;
	struct sealed_value sealed;
};

static void add(struct world *world, struct seal_recipients *to, const char *name,
		const struct secret_key *key)
{
	vec_push(&world->arena, &to->list,
		 ((struct seal_recipient){name, *secret_key_public(key)}));
}

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct error err = {0};
	world->ann = secret_key_new();
	world->bob = secret_key_new();
	world->eve = secret_key_new();
	add(world, &world->to, "ann", world->ann);
	add(world, &world->to, "bob", world->bob);
	text_list_add(&world->arena, &world->known, "zoe");
	*state = world;
	return seal_make(&world->arena, "KEY", &world->to, &world->known, VALUE, strlen(VALUE),
			 &world->sealed, &err);
}

static int tear_down(void **state)
{
	struct world *world = *state;
	secret_key_free(world->ann);
	secret_key_free(world->bob);
	secret_key_free(world->eve);
	arena_release(&world->arena);
	free(world);
	return 0;
}

/* The value as that key opens it; "" and the message when it does not. */
static void assert_opens(const struct sealed_value *sealed, const struct secret_key *key,
			 const char *value, const char *message)
{
	struct buffer out CLEANUP(buffer_release);
	struct error err = {0};
	buffer_init(&out, SEAL_VALUE_MAXIMUM);
	assert_int_equal(seal_open(sealed, key, &out, &err), message ? -1 : 0);
	assert_string_equal(out.data, value);
	if (message)
		assert_non_null(strstr(err.message, message));
	assert_null(strstr(err.message, VALUE));
}

static void only_recipients_open_it(void **state)
{
	const struct world *world = *state;
	struct seal_recipients other = {0};
	assert_opens(&world->sealed, world->ann, VALUE, NULL);
	assert_opens(&world->sealed, world->bob, VALUE, NULL);
	assert_opens(&world->sealed, world->eve, "", "not sealed to your key");
	assert_int_equal(seal_place(&world->sealed, secret_key_public(world->bob)), 1);
	assert_int_equal(seal_place(&world->sealed, secret_key_public(world->eve)), -1);
	assert_true(seal_is_to(&world->sealed, &world->to));
	assert_false(seal_is_to(&world->sealed, &other));
	assert_false(seal_place_taken(&world->sealed, &other, 0));
	assert_true(seal_place_taken(&world->sealed, &world->to, 1));
}

/* A key that has the id of another one's, and a name that has another key. */
static void keys_count_and_not_their_names(void **state)
{
	struct world *world = *state;
	struct seal_recipients other = {0};
	struct public_key key = *secret_key_public(world->eve);
	add(world, &other, "bob", world->bob);
	add(world, &other, "ann", world->ann);
	assert_true(seal_is_to(&world->sealed, &other)); /* in another order */
	other.list.items[0].name = "rob";
	assert_false(seal_is_to(&world->sealed, &other));
	memcpy(key.id, secret_key_public(world->ann)->id, KEY_ID_SIZE);
	assert_int_equal(seal_place(&world->sealed, &key), -1);
}

static void every_changed_bit_is_noticed(void **state)
{
	struct world *world = *state;
	unsigned char *bytes = (unsigned char *)(uintptr_t)world->sealed.bytes;
	struct error err = {0};
	for (size_t i = 0; i < world->sealed.length; i++) {
		bytes[i] ^= 1;
		assert_int_equal(seal_check(&world->sealed, &err), -1);
		if (i < world->sealed.length - 16) /* the checksum is for who has no key */
			assert_opens(&world->sealed, world->ann, "", "");
		bytes[i] ^= 1;
	}
	assert_int_equal(seal_check(&world->sealed, &err), 0);
	for (size_t length = world->sealed.length; length--;) {
		world->sealed.length = length;
		assert_opens(&world->sealed, world->ann, "", "");
	}
}

/* Not by the checksum, which anybody can make anew: opening it tells. */
static void what_stands_beside_it_cannot_be_exchanged(void **state)
{
	struct world *world = *state;
	struct sealed_value changed = world->sealed;
	struct text_list names = {0};
	changed.name = "OTHER";
	assert_opens(&changed, world->ann, "", "was changed, or is that of another name");
	changed = world->sealed;
	changed.known = (struct text_list){0};
	assert_opens(&changed, world->ann, "", "was changed");
	changed = world->sealed;
	text_list_add(&world->arena, &names, "ann");
	changed.to = names;
	assert_opens(&changed, world->ann, "", "damaged");
	text_list_add(&world->arena, &names, "rob");
	changed.to = names;
	assert_opens(&changed, world->ann, "", "was changed");
}

static void the_length_of_short_values_is_not_told(void **state)
{
	struct world *world = *state;
	struct sealed_value one, other;
	struct error err = {0};
	assert_int_equal(seal_make(&world->arena, "A", &world->to, NULL, "x", 1, &one, &err), 0);
	assert_int_equal(seal_make(&world->arena, "A", &world->to, NULL, VALUE, strlen(VALUE),
				   &other, &err), 0);
	assert_int_equal(one.length, other.length);
	assert_opens(&one, world->ann, "x", NULL);
}

static void bad_values_are_refused(void **state)
{
	struct world *world = *state;
	static char large[SEAL_VALUE_MAXIMUM + 1];
	struct seal_recipients nobody = {0}, broken = {0};
	struct sealed_value sealed;
	struct error err = {0};
	memset(large, 'x', sizeof(large));
	add(world, &broken, "mallory", world->eve);
	memset(broken.list.items[0].key.bytes, 0, KEY_BYTES);
	const struct {
		const struct seal_recipients *to;
		const char *value;
		size_t length;
		const char *message;
	} rows[] = {
		{&world->to, "", 0, "is empty"},
		{&world->to, large, sizeof(large), "larger than 64 KiB"},
		{&world->to, "a\0b", 3, "NUL"},
		{&nobody, "a", 1, "to nobody"},
		{&broken, "a", 1, "key of mallory"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(seal_make(&world->arena, "KEY", rows[i].to, NULL, rows[i].value,
					   rows[i].length, &sealed, &err), -1);
		assert_non_null(strstr(err.message, rows[i].message));
	}
	assert_int_equal(seal_make(&world->arena, "KEY", &world->to, NULL, large,
				   SEAL_VALUE_MAXIMUM, &sealed, &err), 0);
}

static void the_file_is_one_value_a_line(void **state)
{
	struct world *world = *state;
	struct sealed_file file = {0}, again;
	struct sealed_value other = world->sealed;
	struct diagnostics diagnostics;
	struct buffer out CLEANUP(buffer_release);
	other.name = "A_FIRST";
	other.to.items[1] = "[b]";	/* a name that YAML would not take as it is */
	sealed_file_put(&world->arena, &file, &world->sealed);
	sealed_file_put(&world->arena, &file, &other);
	sealed_file_put(&world->arena, &file, &world->sealed);
	buffer_init(&out, SEALED_FILE_MAXIMUM);
	sealed_file_write(&file, &out);
	assert_non_null(strstr(out.data, "\nA_FIRST: {to: [ann, \"[b]\"], known: [zoe], "
					 "sealed: \""));
	size_t lines = 0;
	for (size_t i = 0; i < out.length; i++)
		lines += out.data[i] == '\n';
	assert_int_equal(lines, 4);
	diagnostics_init(&diagnostics, &world->arena);
	assert_int_equal(sealed_file_parse(&diagnostics, "f", out.data, out.length, &again), 0);
	assert_int_equal(again.entries.count, 2);
	assert_null(sealed_file_find(&again, "NONE"));
	const struct sealed_entry *entry = sealed_file_find(&again, "KEY");
	assert_int_equal(entry->place.line, 4);
	assert_string_equal(entry->value.to.items[1], "[b]");
	assert_int_equal(entry->value.length, world->sealed.length);
	assert_memory_equal(entry->value.bytes, world->sealed.bytes, world->sealed.length);
}

static void what_is_wrong_in_the_file_is_told(void **state)
{
	struct world *world = *state;
	static const struct {
		const char *text, *message, *hint;
		int line;
	} rows[] = {
		{"- KEY\n", "is a list of names", NULL, 1},
		{"KEY: value\n", "not as `shipit secrets` writes it", "shipit secrets set KEY", 1},
		{"\nKEY: {to: [ann], sealed: \"%%%\"}\n", "not as `shipit", NULL, 2},
		{"KEY: {sealed: \"AQ==\"}\n", "not as `shipit", NULL, 1},
		{"K-Y: {to: [ann], sealed: \"AQ==\"}\n", "cannot be the name", NULL, 1},
		{"KEY: {to: [ann], sealed: \"AQ==\"}\nKEY: {to: [ann], sealed: \"AQ==\"}\n", "KEY",
		 NULL, 2},
		{"A: {to: [ann], sealed: \"AQ==\"}\n<<<<<<< HEAD\nB: 1\n", "", "a merge left", 3},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct diagnostics diagnostics;
		struct sealed_file file;
		struct error err = {0};
		diagnostics_init(&diagnostics, &world->arena);
		assert_int_equal(sealed_file_parse(&diagnostics, "f.yml", rows[i].text,
						   strlen(rows[i].text), &file), -1);
		assert_int_equal(diagnostics_result(&diagnostics, &err), -1);
		assert_non_null(strstr(err.message, rows[i].message));
		assert_string_equal(err.file, "f.yml");
		assert_int_equal(err.line, rows[i].line);
		if (rows[i].hint)
			assert_non_null(strstr(err.hint, rows[i].hint));
	}
	struct diagnostics diagnostics;
	struct sealed_file file;
	diagnostics_init(&diagnostics, &world->arena);
	assert_int_equal(sealed_file_parse(&diagnostics, "f.yml", "# none\n", 7, &file), 0);
	assert_int_equal(file.entries.count, 0);
}

static void who_holds_a_key_leaves_no_core_file(void **state)
{
	struct rlimit limit = {1, 1};
	(void)state;
	memory_hide();
	assert_int_equal(getrlimit(RLIMIT_CORE, &limit), 0);
	assert_int_equal(limit.rlim_cur, 0);
#ifdef __linux__
	assert_int_equal(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
#endif
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(only_recipients_open_it),
		TEST(keys_count_and_not_their_names),
		TEST(every_changed_bit_is_noticed),
		TEST(what_stands_beside_it_cannot_be_exchanged),
		TEST(the_length_of_short_values_is_not_told),
		TEST(bad_values_are_refused),
		TEST(the_file_is_one_value_a_line),
		TEST(what_is_wrong_in_the_file_is_told),
		TEST(who_holds_a_key_leaves_no_core_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
