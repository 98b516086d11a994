/* Validation of nodes against tables of keys. */
#include "base/clock.h"
#include "base/regex.h"
#include "base/text.h"
#include "config/schema_internal.h"

struct check {
	const struct schema *schema;
	bool failed;
	bool partial; /* in an overlay: what is missing may stand below it */
};

static void check_value(struct check *check, const struct key *row, const struct node *node,
			const char *path);

static int PRINTF_LIKE(3, 4)
	complain(struct check *check, struct place place, const char *format, ...)
{
	char message[512];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	check->failed = true;
	return diagnostics_add(check->schema->diagnostics, place, "%s", message);
}

static void hint_from(struct check *check, const struct error *err)
{
	if (err->hint[0])
		diagnostics_hint(check->schema->diagnostics, "%s", err->hint);
}

const struct key *schema_row(const struct key *keys, const char *name)
{
	for (; keys && keys->name; keys++)
		if (strcmp(keys->name, name) == 0)
			return keys;
	return NULL;
}

const struct step_kind_keys *schema_kind(const struct schema *schema, const char *name)
{
	for (size_t i = 0; i < schema->kind_count; i++)
		if (strcmp(schema->kinds[i].row.name, name) == 0)
			return &schema->kinds[i];
	return NULL;
}

/* "text, a list or a duration": what a row takes. */
void schema_describe(const struct key *row, struct buffer *out)
{
	size_t length = out->length;

	for (size_t i = 0; i < schema_type_count; i++) {
		if (!(row->types & schema_types[i].type))
			continue;
		if (out->length > length)
			buffer_add_text(out, " or ");
		buffer_add_text(out, schema_types[i].words);
		if (schema_types[i].type != TYPE_CHOICE)
			continue;
		for (size_t j = 0; row->choices[j]; j++)
			buffer_add_format(out, "%s%s", j ? ", " : "", row->choices[j]);
	}
}

static void wrong_type(struct check *check, const struct key *row, const struct node *node,
		       const char *path)
{
	struct buffer wanted;
	bool scalar = node->type != NODE_LIST && node->type != NODE_MAP && node->type != NODE_NULL;

	buffer_init(&wanted, 400);
	schema_describe(row, &wanted);
	if (scalar)
		complain(check, node->place, "'%s' must be %s, not '%s'", path, wanted.data,
			 node->text);
	else
		complain(check, node->place, "'%s' must be %s, not %s", path, wanted.data,
			 node_type_name(node->type));
	if (row->types & TYPE_TEXT && scalar && node->type != NODE_TEXT)
		diagnostics_hint(check->schema->diagnostics, "put it in quotes: \"%s\"",
				 node->text);
	if (row->types & TYPE_CHOICE && node->type == NODE_TEXT) {
		size_t count = 0;
		const char *nearest;

		while (row->choices[count])
			count++;
		nearest = text_nearest(node->text, row->choices, count);
		if (nearest)
			diagnostics_hint(check->schema->diagnostics, "did you mean '%s'?", nearest);
	}
	buffer_release(&wanted);
}

static bool is_scalar(const struct node *node)
{
	return node->type != NODE_LIST && node->type != NODE_MAP && node->type != NODE_NULL;
}

/* Which of the row's scalar types fits; 0 when none does. Not looking into regexes and patterns. */
static unsigned scalar_type(const struct key *row, const struct node *node)
{
	unsigned types = row->types;
	struct error err;
	int64_t value;
	char *end;

	if (types & TYPE_ANY)
		return TYPE_ANY;
	if (types & TYPE_BOOL && node->type == NODE_BOOL)
		return TYPE_BOOL;
	if (types & TYPE_INTEGER && node->type == NODE_INTEGER)
		return TYPE_INTEGER;
	if (types & TYPE_NUMBER && (node->type == NODE_INTEGER || node->type == NODE_NUMBER))
		return TYPE_NUMBER;
	for (size_t i = 0; types & TYPE_CHOICE && row->choices[i]; i++)
		if (strcmp(row->choices[i], node->text) == 0)
			return TYPE_CHOICE;
	if (types & TYPE_PERCENT && strtol(node->text, &end, 10) >= 0 && end != node->text &&
	    strcmp(end, "%") == 0)
		return TYPE_PERCENT;
	if (types & TYPE_DURATION && duration_parse(node->text, &value, &err) == 0)
		return TYPE_DURATION;
	if (types & TYPE_SIZE && size_parse(node->text, &value, &err) == 0)
		return TYPE_SIZE;
	for (unsigned type = TYPE_REGEX; type <= TYPE_PATTERN; type <<= 1)
		if (types & type && node->type == NODE_TEXT)
			return type;
	if (types & TYPE_TEXT && node->type == NODE_TEXT)
		return TYPE_TEXT;
	return types & (TYPE_SCALAR | TYPE_COMMAND);
}

static void check_variables(struct check *check, const struct node *node)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;
	struct text_list names = {0};
	struct error err;

	error_clear(&err);
	if (expand_names(&arena, node->text, &names, &err) == 0) {
		for (size_t i = 0; i < names.count && check->schema->variable; i++)
			check->schema->variable(check->schema->context, names.items[i],
						node->place);
		return;
	}
	complain(check, node->place, "%s", err.message);
	hint_from(check, &err);
}

static void check_name(struct check *check, const struct node *key, const char *path)
{
	const char *name = key->text;
	bool bad = *name == '\0' || *name == '-' || *name == '.' || strlen(name) > 100 ||
		   strstr(name, "..") || text_ends_with(name, ".lock");

	for (const char *c = name; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f || strchr(" /\\,:*?\"'`$<>|~^[", *c))
			bad = true;
	if (!bad)
		return;
	complain(check, key->place, "'%s' cannot be a name in '%s'", name, path);
	diagnostics_hint(check->schema->diagnostics,
			 "use letters, digits, '_', '-' and '.', not beginning with '-' or '.'");
}

static void check_text(struct check *check, const struct key *row, unsigned type,
		       const struct node *node, const char *path)
{
	struct error err;

	error_clear(&err);
	if (type & (TYPE_TEXT | TYPE_REGEX | TYPE_PATTERN | TYPE_COMMAND) && !*node->text) {
		complain(check, node->place, "'%s' is empty", path);
	} else if (type == TYPE_REGEX) {
		struct regex *regex CLEANUP(regex_cleanup) = regex_new(node->text, 0, &err);

		if (!regex)
			complain(check, node->place, "%s", err.message);
	} else if (type == TYPE_PATTERN && check->schema->check_pattern) {
		if (check->schema->check_pattern(node->text, &err) < 0) {
			complain(check, node->place, "%s", err.message);
			hint_from(check, &err);
		}
	} else if (row->flags & KEY_NAMES) {
		check_name(check, node, path);
	} else if (row->flags & KEY_EXPANDS) {
		check_variables(check, node);
	}
}

static void check_scalar(struct check *check, const struct key *row, const struct node *node,
			 const char *path)
{
	unsigned type = scalar_type(row, node);
	struct error err;
	int64_t value;

	if (type == 0 && row->types & TYPE_DURATION && !(row->types & TYPE_SIZE)) {
		if (duration_parse(node->text, &value, &err) < 0) {
			complain(check, node->place, "'%s': %s", path, err.message);
			hint_from(check, &err);
		}
		return;
	}
	if (type == 0) {
		wrong_type(check, row, node, path);
		return;
	}
	if (type == TYPE_INTEGER &&
	    (node->integer < row->minimum || (row->maximum && node->integer > row->maximum))) {
		complain(check, node->place, "'%s' must be %lld or more%s, not %s", path,
			 (long long)row->minimum, row->maximum ? " (and not so large)" : "",
			 node->text);
		return;
	}
	check_text(check, row, type, node, path);
}

static void check_list(struct check *check, const struct key *row, const struct node *node,
		       const char *path)
{
	static const struct key argument = {.types = TYPE_SCALAR};
	const struct key *each = row->types & TYPE_LIST ? row->each : &argument;

	if (node->count == 0 && !(row->flags & KEY_EMPTY))
		complain(check, node->place, "'%s' is an empty list", path);
	for (size_t i = 0; i < node->count; i++) {
		struct key inherited = *each;

		inherited.flags |= row->flags & KEY_EXPANDS;
		check_value(check, &inherited, node->items[i], path);
	}
	if (!(row->types & TYPE_LIST) && node->count > 0 && is_scalar(node->items[0]) &&
	    !*node->items[0]->text)
		complain(check, node->items[0]->place, "'%s' begins with an empty program name",
			 path);
}

static void check_map(struct check *check, const struct key *row, const struct node *node,
		      const char *path)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;

	if (node->count == 0 && row->flags & KEY_REQUIRED)
		complain(check, node->place, "'%s' is empty", path);
	for (size_t i = 0; i < node->count; i++) {
		const struct node *key = node->entries[i].key;
		struct key inherited = *row->each;

		if (row->flags & KEY_NAMES && text_starts_with(key->text, "x-"))
			continue;
		if (row->flags & KEY_NAMES)
			check_name(check, key, path);
		if (row->flags & KEY_VARIABLES && !text_is_variable(key->text))
			complain(check, key->place, "'%s' cannot be the name of a variable",
				 key->text);
		inherited.flags |= row->flags & KEY_EXPANDS;
		check_value(check, &inherited, node->entries[i].value,
			    arena_format(&arena, "%s.%s", path, key->text));
	}
}

static void unknown_key(struct check *check, const struct key *row, const struct node *key)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;
	struct text_list names = {0};
	const char *nearest;

	for (const struct key *known = row->keys; known && known->name; known++)
		text_list_add(&arena, &names, known->name);
	for (size_t i = 0; row->flags & KEY_STEP && i < check->schema->kind_count; i++)
		text_list_add(&arena, &names, check->schema->kinds[i].row.name);
	complain(check, key->place, "unknown key '%s'", key->text);
	nearest = text_nearest(key->text, names.items, names.count);
	if (nearest)
		diagnostics_hint(check->schema->diagnostics, "did you mean '%s'?", nearest);
	else if (names.count > 0 && names.count <= 12)
		diagnostics_hint(check->schema->diagnostics, "known here: %s",
				 text_join(&arena, &names, ", "));
}

static const char *path_below(struct arena *arena, const char *path, const char *name)
{
	return *path ? arena_format(arena, "%s.%s", path, name) : arena_string(arena, name);
}

/* One key of an object. */
static void check_entry(struct check *check, const struct key *row, const struct node_entry *entry,
			const char *path)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;
	const struct key *known = schema_row(row->keys, entry->key->text);
	const struct step_kind_keys *kind = NULL;
	const char *below;
	bool outer;

	if (text_starts_with(entry->key->text, "x-"))
		return;
	if (!known && row->flags & KEY_STEP) {
		kind = schema_kind(check->schema, entry->key->text);
		known = kind ? &kind->row : NULL;
	}
	if (!known) {
		unknown_key(check, row, entry->key);
		return;
	}
	below = path_below(&arena, path, entry->key->text);
	if (entry->value->type == NODE_NULL && !(known->flags & KEY_EMPTY)) {
		if (known->flags & KEY_REQUIRED || kind)
			complain(check, entry->key->place, "'%s' has no value", below);
		return;
	}
	if (known->flags & KEY_LATER && check->schema->later)
		check->schema->later(check->schema->context, below, entry->key->place);
	outer = check->partial;
	check->partial = outer || (known->flags & KEY_OVERLAY && *path);
	check_value(check, known, entry->value, below);
	check->partial = outer;
}

/* Exactly one of the keys that exclude each other; for a step, exactly one kind. */
static void check_choice(struct check *check, const struct key *row, const struct node *node,
			 const char *path)
{
	struct arena arena CLEANUP(arena_release) = ARENA_INIT;
	const struct node *first = NULL;
	struct text_list choices = {0};
	size_t found = 0;

	for (size_t i = 0; i < node->count; i++) {
		const struct node *key = node->entries[i].key;
		const struct key *known = schema_row(row->keys, key->text);
		bool chosen = row->flags & KEY_STEP
				      ? !known && schema_kind(check->schema, key->text)
				      : known && known->flags & KEY_CHOICE;

		if (!chosen || node->entries[i].value->type == NODE_NULL)
			continue;
		if (++found == 2)
			complain(check, key->place, "'%s' and '%s' exclude each other", first->text,
				 key->text);
		first = first ? first : key;
	}
	if (found > 0)
		return;
	for (const struct key *known = row->keys; known && known->name; known++)
		if (known->flags & KEY_CHOICE)
			text_list_add(&arena, &choices, known->name);
	if (row->flags & KEY_STEP)
		complain(check, node->place, "a step needs one kind: run, slug, smoke ...");
	else
		complain(check, node->place, "'%s' needs one of %s", path,
			 text_join(&arena, &choices, ", "));
}

static void check_object(struct check *check, const struct key *row, const struct node *node,
			 const char *path)
{
	size_t errors = check->schema->diagnostics->errors;

	for (size_t i = 0; i < node->count; i++)
		check_entry(check, row, &node->entries[i], path);
	for (const struct key *known = row->keys; known && known->name; known++) {
		if (!(known->flags & KEY_REQUIRED) || check->partial ||
		    node_entry(node, known->name))
			continue;
		complain(check, node->place, "the key '%s' is missing%s%s", known->name,
			 *path ? " in " : "", path);
		diagnostics_hint(check->schema->diagnostics, "%s", known->help);
	}
	/* After an unknown key (a kind misspelt), "needs one kind" would only repeat it. */
	if (row->flags & (KEY_ONE_OF | KEY_STEP) && !check->partial &&
	    errors == check->schema->diagnostics->errors)
		check_choice(check, row, node, path);
}

/* Anything goes, but variables in it must be known. */
static void check_any(struct check *check, const struct key *row, const struct node *node,
		      const char *path)
{
	for (size_t i = 0; i < node->count; i++)
		check_value(check, row,
			    node->type == NODE_MAP ? node->entries[i].value : node->items[i], path);
}

static void check_value(struct check *check, const struct key *row, const struct node *node,
			const char *path)
{
	if (node->type == NODE_NULL && (row->flags & KEY_EMPTY || check->partial))
		return;
	if (node->type == NODE_MAP && row->types & TYPE_OBJECT)
		check_object(check, row, node, path);
	else if (node->type == NODE_MAP && row->types & TYPE_MAP)
		check_map(check, row, node, path);
	else if (node->type == NODE_LIST && row->types & (TYPE_LIST | TYPE_COMMAND))
		check_list(check, row, node, path);
	else if (is_scalar(node))
		check_scalar(check, row, node, path);
	else if (row->types & TYPE_ANY)
		check_any(check, row, node, path);
	else
		wrong_type(check, row, node, path);
}

int schema_check(const struct schema *schema, const struct key *row, const struct node *node,
		 const char *path)
{
	struct check check = {.schema = schema};

	if (*path == '\0' && node->type != NODE_MAP) {
		complain(&check, node->place, "the file must be a mapping (key: value), not %s",
			 node_type_name(node->type));
		return -1;
	}
	check_value(&check, row, node, path);
	return check.failed ? -1 : 0;
}
