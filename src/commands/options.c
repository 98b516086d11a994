/* Parses flags by their tables. */
#include "commands/options.h"

#include "base/text.h"

const struct option_row options_global[] = {
	{ "directory", 'C', "DIR", "run as if started in DIR", 0 },
	{ "config", 0, "FILE", "the deploy.yml to use (or SHIPIT_CONFIG)", 0 },
	{ "env", 'e', "ENV", "the environment; default: the first one in deploy.yml", 0 },
	{ "verbose", 'v', NULL, "say more", 0 },
	{ "quiet", 'q', NULL, "say less", 0 },
	{ "color", 0, "WHEN", "auto, always or never", 0 },
	{ "yes", 'y', NULL, "answer every question with yes", 0 },
	{ "json", 0, NULL, "machine-readable result on stdout; never prompts", 0 },
	{ "help", 'h', NULL, "help on the command", 0 },
	{ NULL, 0, NULL, NULL, 0 },
};

static const struct option_row *find_name(const struct option_row *rows, const char *name,
					  size_t length)
{
	for (; rows && rows->name; rows++)
		if (strlen(rows->name) == length && strncmp(rows->name, name, length) == 0)
			return rows;
	return NULL;
}

static const struct option_row *find_letter(const struct option_row *rows, char letter)
{
	for (; rows && rows->name; rows++)
		if (rows->letter && rows->letter == letter)
			return rows;
	return NULL;
}

static void collect_names(struct arena *arena, const struct option_row *rows,
			  struct text_list *names)
{
	for (; rows && rows->name; rows++)
		if (!(rows->flags & OPTION_HIDDEN))
			vec_push(arena, names, rows->name);
}

static int unknown_flag(struct arena *arena, const struct option_row *rows, const char *flag,
			struct error *err)
{
	struct text_list names = { 0 };
	const char *near = NULL;

	error_set(err, "unknown flag '%s'", flag);
	if (strncmp(flag, "--", 2) == 0) {
		collect_names(arena, rows, &names);
		collect_names(arena, options_global, &names);
		near = text_nearest(arena_bytes(arena, flag + 2, strcspn(flag + 2, "=")),
				    names.items, names.count);
	}
	if (near)
		error_hint(err, "did you mean '--%s'?", near);
	else
		error_hint(err, "see 'shipit help'");
	return error_code(err, EXIT_USAGE);
}

static void add_value(struct arena *arena, struct options *out, const struct option_row *row,
		      const char *value)
{
	vec_push(arena, &out->values, ((struct option_value){ row, value }));
}

/* Takes one flag's value and adds it; how many of argv were used, or -1. */
static int take_value(struct arena *arena, const struct option_row *row, const char *attached,
		      int argc, char *const *argv, struct options *out, struct error *err)
{
	if (row->flags & OPTION_LATER) {
		error_set(err, "this version cannot do '--%s' yet", row->name);
		return error_code(err, EXIT_USAGE);
	}
	if (!row->value) {
		if (attached) {
			error_set(err, "'--%s' takes no value", row->name);
			return error_code(err, EXIT_USAGE);
		}
		add_value(arena, out, row, "");
		return 1;
	}
	if (attached || (row->flags & OPTION_OPTIONAL)) {
		add_value(arena, out, row, attached ? attached : "");
		return 1;
	}
	if (argc < 2) {
		error_set(err, "'--%s' needs a value: --%s %s", row->name, row->name, row->value);
		return error_code(err, EXIT_USAGE);
	}
	add_value(arena, out, row, argv[1]);
	return 2;
}

static int parse_long(struct arena *arena, const struct option_row *rows, int argc,
		      char *const *argv, struct options *out, struct error *err)
{
	const char *name = argv[0] + 2;
	size_t length = strcspn(name, "=");
	const struct option_row *row = find_name(rows, name, length);

	if (!row)
		row = find_name(options_global, name, length);
	if (!row)
		return unknown_flag(arena, rows, argv[0], err);
	return take_value(arena, row, name[length] ? name + length + 1 : NULL, argc, argv, out,
			  err);
}

/* "-nv", "-j8", "-j 8" */
static int parse_letters(struct arena *arena, const struct option_row *rows, int argc,
			 char *const *argv, struct options *out, struct error *err)
{
	for (const char *letter = argv[0] + 1; *letter; letter++) {
		const struct option_row *row = find_letter(rows, *letter);
		int used;

		if (!row)
			row = find_letter(options_global, *letter);
		if (!row)
			return unknown_flag(arena, rows, argv[0], err);
		used = take_value(arena, row, row->value && letter[1] ? letter + 1 : NULL, argc,
				  argv, out, err);
		if (used < 0 || used == 2 || (row->value && letter[1]))
			return used;
	}
	return 1;
}

int options_parse(struct arena *arena, const struct option_row *rows, int argc, char *const *argv,
		  bool stop_at_argument, struct options *out, struct error *err)
{
	int i = 0;

	while (i < argc) {
		const char *word = argv[i];
		int used = 1;

		if (strcmp(word, "--") == 0) {
			out->has_rest = true;
			for (i++; i < argc; i++)
				vec_push(arena, &out->rest, argv[i]);
			return argc;
		}
		if (strncmp(word, "--", 2) == 0) {
			used = parse_long(arena, rows, argc - i, argv + i, out, err);
		} else if (word[0] == '-' && word[1]) {
			used = parse_letters(arena, rows, argc - i, argv + i, out, err);
		} else if (stop_at_argument) {
			return i;
		} else {
			vec_push(arena, &out->arguments, word);
		}
		if (used < 0)
			return -1;
		i += used;
	}
	return i;
}

bool options_has(const struct options *options, const char *name)
{
	return options_value(options, name) != NULL;
}

const char *options_value(const struct options *options, const char *name)
{
	for (size_t i = options->values.count; i > 0; i--)
		if (strcmp(options->values.items[i - 1].row->name, name) == 0)
			return options->values.items[i - 1].value;
	return NULL;
}

struct text_list options_values(struct arena *arena, const struct options *options,
				const char *name)
{
	struct text_list values = { 0 };

	for (size_t i = 0; i < options->values.count; i++) {
		const char *text = options->values.items[i].value;

		if (strcmp(options->values.items[i].row->name, name) != 0)
			continue;
		while (*text) {
			size_t length = strcspn(text, ",");

			if (length)
				vec_push(arena, &values, arena_bytes(arena, text, length));
			text += length + (text[length] == ',');
		}
	}
	return values;
}
