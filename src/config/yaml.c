/* libyaml's events to nodes: anchors, merge keys, duplicate keys, limits. */
#include <yaml.h>

#include "base/map.h"
#include "base/text.h"
#include "config/node_internal.h"

struct parse {
	struct diagnostics *diagnostics;
	struct arena *arena;
	const char *name;
	yaml_parser_t parser;
	struct map anchors; /* name -> struct node, NULL-free; being_built while open */
	struct node being_built;
	size_t weight; /* of everything so far, aliases expanded */
	bool failed;   /* gave up: syntax or a limit */
};

static struct place place_of(const struct parse *parse, yaml_mark_t mark)
{
	return (struct place){parse->name, (int)mark.line + 1, (int)mark.column + 1};
}

static void give_up(struct parse *parse, struct place place, const char *message)
{
	if (!parse->failed)
		diagnostics_add(parse->diagnostics, place, "%s", message);
	parse->failed = true;
}

/* What libyaml says, in words for the person who wrote the line. */
static void syntax_error(struct parse *parse)
{
	const yaml_parser_t *parser = &parse->parser;
	const char *problem = parser->problem ? parser->problem : "cannot be parsed";
	struct place place = place_of(parse, parser->problem_mark);

	if (parse->failed)
		return;
	parse->failed = true;
	if (parser->error == YAML_READER_ERROR) {
		place = node_place_at(parse->name, (const char *)parser->input.string.start,
				      parser->problem_offset);
		diagnostics_add(parse->diagnostics, place, "this is not YAML: %s", problem);
		return;
	}
	if (strstr(problem, "cannot start any token") || strstr(problem, "tab character")) {
		diagnostics_add(parse->diagnostics, place,
				"this is not YAML: a character stands here that begins nothing");
		diagnostics_hint(parse->diagnostics,
				 "YAML is indented by spaces, never tabs; quote text that begins "
				 "with @, `, %% or a tab");
		return;
	}
	diagnostics_add(parse->diagnostics, place, "this is not YAML: %s%s%s", problem,
			parser->context ? ", " : "", parser->context ? parser->context : "");
	if (parser->context && parser->context_mark.line != parser->problem_mark.line)
		diagnostics_hint(parse->diagnostics, "it began in line %zu",
				 parser->context_mark.line + 1);
}

static bool next_event(struct parse *parse, yaml_event_t *event)
{
	if (parse->failed)
		return false;
	if (yaml_parser_parse(&parse->parser, event))
		return true;
	syntax_error(parse);
	return false;
}

static struct node *new_node(struct parse *parse, enum node_type type, yaml_mark_t mark)
{
	struct node *node = arena_new(parse->arena, struct node);

	node->type = type;
	node->place = place_of(parse, mark);
	node->weight = 1;
	return node;
}

/* Counts what stands at one place of the file; gives up beyond the limit. */
static void count_weight(struct parse *parse, size_t weight, struct place place)
{
	parse->weight += weight;
	if (parse->weight <= NODE_COUNT_MAXIMUM)
		return;
	if (!parse->failed) {
		diagnostics_add(parse->diagnostics, place, "this YAML expands beyond %d nodes",
				NODE_COUNT_MAXIMUM);
		diagnostics_hint(parse->diagnostics,
				 "aliases (*name) count as often as they are used");
	}
	parse->failed = true;
}

static struct node *parse_node(struct parse *parse, yaml_event_t *event, int depth);

static void set_anchor(struct parse *parse, const yaml_char_t *anchor, struct node *node)
{
	if (anchor)
		map_set_text(&parse->anchors, (const char *)anchor, node);
}

static struct node *parse_alias(struct parse *parse, const yaml_event_t *event)
{
	const char *name = (const char *)event->data.alias.anchor;
	struct place place = place_of(parse, event->start_mark);
	struct node *node = map_get_text(&parse->anchors, name);

	if (node && node != &parse->being_built) {
		count_weight(parse, node->weight, place);
		return node;
	}
	if (!parse->failed)
		diagnostics_add(parse->diagnostics, place,
				node ? "the alias '*%s' contains itself"
				     : "the alias '*%s' has no anchor '&%s' before it",
				name, name);
	parse->failed = true;
	return NULL;
}

static struct node *parse_scalar(struct parse *parse, const yaml_event_t *event)
{
	struct node *node = new_node(parse, NODE_TEXT, event->start_mark);
	const char *tag = (const char *)event->data.scalar.tag;
	const char *bytes = (const char *)event->data.scalar.value;
	size_t length = event->data.scalar.length;

	count_weight(parse, 1, node->place);
	node->text = arena_bytes(parse->arena, bytes, length);
	if (memchr(bytes, '\0', length))
		diagnostics_add(parse->diagnostics, node->place, "text with a NUL character in it");
	if (tag && strcmp(tag, "!") != 0 && strcmp(tag, YAML_STR_TAG) != 0 &&
	    !text_starts_with(tag, "tag:yaml.org,2002:"))
		diagnostics_add(parse->diagnostics, node->place, "unknown tag '%s'", tag);
	if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	    (!tag || (strcmp(tag, "!") != 0 && strcmp(tag, YAML_STR_TAG) != 0)))
		node_resolve_scalar(node);
	set_anchor(parse, event->data.scalar.anchor, node);
	return node;
}

static struct node *parse_list(struct parse *parse, const yaml_event_t *start, int depth)
{
	struct node *node = new_node(parse, NODE_LIST, start->start_mark);
	VEC(struct node *) items = {0};
	yaml_event_t event;

	count_weight(parse, 1, node->place);
	set_anchor(parse, start->data.sequence_start.anchor, &parse->being_built);
	while (next_event(parse, &event)) {
		bool end = event.type == YAML_SEQUENCE_END_EVENT;
		struct node *item = end ? NULL : parse_node(parse, &event, depth + 1);

		yaml_event_delete(&event);
		if (end || !item)
			break;
		vec_push(parse->arena, &items, item);
		node->weight += item->weight;
	}
	node->items = items.items;
	node->count = items.count;
	set_anchor(parse, start->data.sequence_start.anchor, node);
	return node;
}

/* A map while its entries come in. */
struct entries {
	VEC(struct node_entry) list, merges;
	struct map seen; /* key -> its node */
};

static void add_entry(struct parse *parse, struct entries *entries, struct node_entry entry)
{
	struct node *before;

	if (entry.key->type == NODE_LIST || entry.key->type == NODE_MAP) {
		diagnostics_add(parse->diagnostics, entry.key->place, "a key must be text, not %s",
				node_type_name(entry.key->type));
		return;
	}
	if (entry.key->merge) {
		vec_push(parse->arena, &entries->merges, entry);
		return;
	}
	before = map_get_text(&entries->seen, entry.key->text);
	if (before) {
		diagnostics_add(parse->diagnostics, entry.key->place, "the key '%s' is here twice",
				entry.key->text);
		diagnostics_hint(parse->diagnostics, "the first one is in line %d",
				 before->place.line);
		return;
	}
	map_set_text(&entries->seen, entry.key->text, entry.key);
	vec_push(parse->arena, &entries->list, entry);
}

static void merge_map(struct parse *parse, struct entries *entries, const struct node *from)
{
	if (from->type != NODE_MAP) {
		diagnostics_add(parse->diagnostics, from->place,
				"'<<' takes a mapping or a list of mappings, not %s",
				node_type_name(from->type));
		return;
	}
	for (size_t i = 0; i < from->count; i++) {
		if (map_get_text(&entries->seen, from->entries[i].key->text))
			continue;
		map_set_text(&entries->seen, from->entries[i].key->text, from->entries[i].key);
		vec_push(parse->arena, &entries->list, from->entries[i]);
	}
}

/* What is written wins over what is merged, an earlier merge over a later one. */
static void merge_all(struct parse *parse, struct entries *entries)
{
	for (size_t i = 0; i < entries->merges.count; i++) {
		const struct node *value = entries->merges.items[i].value;

		if (value->type != NODE_LIST) {
			merge_map(parse, entries, value);
			continue;
		}
		for (size_t j = 0; j < value->count; j++)
			merge_map(parse, entries, value->items[j]);
	}
}

static struct node *parse_map(struct parse *parse, const yaml_event_t *start, int depth)
{
	struct node *node = new_node(parse, NODE_MAP, start->start_mark);
	struct entries entries = {.seen = MAP_INIT};
	struct node *key = NULL;
	yaml_event_t event;

	count_weight(parse, 1, node->place);
	set_anchor(parse, start->data.mapping_start.anchor, &parse->being_built);
	while (next_event(parse, &event)) {
		bool end = event.type == YAML_MAPPING_END_EVENT;
		struct node *child = end ? NULL : parse_node(parse, &event, depth + 1);

		yaml_event_delete(&event);
		if (end || !child)
			break;
		node->weight += child->weight;
		if (key)
			add_entry(parse, &entries, (struct node_entry){key, child});
		key = key ? NULL : child;
	}
	merge_all(parse, &entries);
	map_release(&entries.seen);
	node->entries = entries.list.items;
	node->count = entries.list.count;
	set_anchor(parse, start->data.mapping_start.anchor, node);
	return node;
}

static struct node *parse_node(struct parse *parse, yaml_event_t *event, int depth)
{
	if (depth > NODE_DEPTH_MAXIMUM) {
		give_up(parse, place_of(parse, event->start_mark),
			"this YAML is nested too deeply");
		return NULL;
	}
	switch (event->type) {
	case YAML_ALIAS_EVENT:
		return parse_alias(parse, event);
	case YAML_SCALAR_EVENT:
		return parse_scalar(parse, event);
	case YAML_SEQUENCE_START_EVENT:
		return parse_list(parse, event, depth);
	case YAML_MAPPING_START_EVENT:
		return parse_map(parse, event, depth);
	default:
		give_up(parse, place_of(parse, event->start_mark), "this is not YAML");
		return NULL;
	}
}

static struct node *parse_stream(struct parse *parse)
{
	struct node *root = NULL;
	yaml_event_t event;

	while (next_event(parse, &event)) {
		yaml_event_type_t type = event.type;

		if (type == YAML_DOCUMENT_START_EVENT && root)
			give_up(parse, place_of(parse, event.start_mark),
				"a second document begins here; one file is one document");
		else if (type != YAML_STREAM_START_EVENT && type != YAML_DOCUMENT_START_EVENT &&
			 type != YAML_DOCUMENT_END_EVENT && type != YAML_STREAM_END_EVENT)
			root = parse_node(parse, &event, 1);
		yaml_event_delete(&event);
		if (type == YAML_STREAM_END_EVENT)
			break;
	}
	if (!root && !parse->failed)
		give_up(parse, (struct place){.file = parse->name}, "the file is empty");
	return root;
}

struct node *node_parse(struct diagnostics *diagnostics, const char *name, const char *bytes,
			size_t length)
{
	struct parse parse = {.diagnostics = diagnostics,
			      .arena = diagnostics->arena,
			      .name = name,
			      .anchors = MAP_INIT};
	struct node *root;
	size_t bad;

	diagnostics_add_file(diagnostics, name, bytes, length);
	if (length > NODE_FILE_MAXIMUM) {
		diagnostics_add(diagnostics, (struct place){.file = name},
				"the file is larger than %zu MiB", NODE_FILE_MAXIMUM >> 20);
		return NULL;
	}
	if (!text_is_utf8(bytes, length, &bad)) {
		diagnostics_add(diagnostics, node_place_at(name, bytes, bad),
				"this is not UTF-8 (byte 0x%02x)", (unsigned char)bytes[bad]);
		diagnostics_hint(diagnostics, "save the file as UTF-8");
		return NULL;
	}
	if (!yaml_parser_initialize(&parse.parser))
		abort();
	yaml_parser_set_encoding(&parse.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parse.parser, (const unsigned char *)bytes, length);
	root = parse_stream(&parse);
	yaml_parser_delete(&parse.parser);
	map_release(&parse.anchors);
	return parse.failed ? NULL : root;
}
