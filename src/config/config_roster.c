/* The roster: who may deploy. */
#include "base/text.h"
#include "config/config_internal.h"

/* A key that is none locks nobody else out: it is said, and proves nothing. */
static void check_person(struct loader *loader, const struct person_config *person)
{
	const struct config *config = loader->config;
	struct error problem = {0};

	if (!person->key || !loader->options->check_key)
		return;
	if (loader->options->check_key(person->key, &problem) < 0) {
		diagnostics_warn(loader->diagnostics, person->place,
				 "the key of %s cannot be used: %s", person->name,
				 problem.message);
		diagnostics_hint(loader->diagnostics, "%s", problem.hint);
		return;
	}
	for (size_t i = 0; i < config->roster.count; i++)
		if (text_equal(config->roster.items[i].key, person->key))
			diagnostics_add(loader->diagnostics, person->place,
					"%s has the key of %s: a key proves who one person is",
					person->name, config->roster.items[i].name);
}

static enum role role_of(const char *text)
{
	if (strcmp(text, "trained") == 0)
		return ROLE_TRAINED;
	return strcmp(text, "machine") == 0 ? ROLE_MACHINE : ROLE_TRAINEE;
}

void roster_config_read(struct loader *loader)
{
	const struct node *all = node_get(loader->root, "roster");
	const struct key *row = schema_row(deploy_file.keys, "roster");

	for (size_t i = 0; all && i < all->count; i++) {
		struct object object = {all->entries[i].value, row->each->keys};
		struct person_config person = {
			.name = all->entries[i].key->text,
			.key = object_text(&object, "key"),
			.slack = object_text(&object, "slack"),
			.place = all->entries[i].key->place,
		};

		if (text_starts_with(person.name, "x-"))
			continue;
		person.role = role_of(object_text(&object, "role"));
		check_person(loader, &person);
		vec_push(loader->arena, &loader->config->roster, person);
	}
}
