/* shipit secrets rotate: seals anew to those who are in the roster now. */
#include "base/text.h"
#include "commands/sealing.h"

/* What became of the secrets, by their names; for who left, what each knew. */
struct rotation {
	struct sealing *sealing;
	struct text_list sealed, kept, failed;
	struct text_list people;	/* who knew something */
	VEC(struct text_list) knew;	/* ... and what, in their order */
	struct text_list gained;	/* "eve: A_KEY" */
};

static void remember(struct rotation *rotation, const char *person, const char *secret)
{
	struct arena *arena = rotation->sealing->session.arena;
	size_t i = 0;
	while (i < rotation->people.count && strcmp(rotation->people.items[i], person) != 0)
		i++;
	if (i == rotation->people.count) {
		text_list_add(arena, &rotation->people, person);
		vec_push(arena, &rotation->knew, ((struct text_list){0}));
	}
	if (!text_list_has(&rotation->knew.items[i], secret))
		text_list_add(arena, &rotation->knew.items[i], secret);
}

/* Who can open it today, or could before, and will not be able to. */
static struct text_list knowing(struct rotation *rotation, const struct sealed_value *value,
				const struct seal_recipients *to)
{
	struct arena *arena = rotation->sealing->session.arena;
	struct text_list known = {0};
	for (size_t i = 0; i < value->known.count; i++)
		text_list_add(arena, &known, value->known.items[i]);
	for (size_t i = 0; i < value->to.count; i++)
		if (!seal_place_taken(value, to, i) &&
		    !text_list_has(&known, value->to.items[i]))
			text_list_add(arena, &known, value->to.items[i]);
	return known;
}

static int seal_anew(struct rotation *rotation, const struct sealed_entry *entry,
		     const struct seal_recipients *to, struct error *err)
{
	struct sealing *sealing = rotation->sealing;
	struct arena *arena = sealing->session.arena;
	const struct sealed_value old = entry->value;
	const struct text_list known = knowing(rotation, &old, to);
	struct sealed_value sealed;
	struct buffer value;
	int result;
	buffer_init(&value, SEAL_VALUE_MAXIMUM);
	result = sealing_value(sealing, old.name, &value, err);
	if (result == 0)
		result = seal_make(arena, old.name, to, &known, value.data, value.length, &sealed,
				   err);
	memory_wipe(value.data, value.length);
	buffer_release(&value);
	if (result < 0)
		return -1;
	for (size_t i = 0; i < to->list.count; i++)
		if (seal_place(&old, &to->list.items[i].key) < 0)
			text_list_add(arena, &rotation->gained,
				      arena_format(arena, "%s: %s", to->list.items[i].name,
						   old.name));
	sealed_file_put(arena, &sealing->file, &sealed);
	return 0;
}

/* 1 sealed anew, 0 it was right, -1 with err. */
static int rotate_value(struct rotation *rotation, const struct sealed_entry *entry,
			struct error *err)
{
	struct sealing *sealing = rotation->sealing;
	const char *name = entry->value.name;
	const struct secret_config *secret = config_secret(sealing->session.config, name);
	struct error damaged = {0};
	struct seal_recipients to;
	if (secret && !secret->sealed)
		return 0;
	if (sealing_audience(sealing, name, &to, err) < 0)
		return -1;
	if (seal_is_to(&entry->value, &to) && seal_check(&entry->value, &damaged) == 0)
		return 0;
	return seal_anew(rotation, entry, &to, err) < 0 ? -1 : 1;
}

/* One that cannot be opened stays as it is, and the others go on; without a key none can be. */
static int rotate_one(struct rotation *rotation, const char *name, struct error *err)
{
	struct sealing *sealing = rotation->sealing;
	struct text_list *const lists[] = {&rotation->failed, &rotation->kept, &rotation->sealed};
	struct error problem = {0};
	int result = rotate_value(rotation, sealed_file_find(&sealing->file, name), &problem);
	if (result < 0 && (!sealing->roster.people.count ||
			   (sealing->identity_opened && !sealing->identity.key))) {
		*err = problem;
		return -1;
	}
	if (result < 0)
		call_note(sealing->session.call, "%s is not sealed anew: %s", name,
			  problem.message);
	text_list_add(sealing->session.arena, lists[result + 1], name);
	const struct sealed_value *value = &sealed_file_find(&sealing->file, name)->value;
	for (size_t i = 0; i < value->known.count; i++)
		remember(rotation, value->known.items[i], name);
	return 0;
}

static void tell(struct rotation *rotation)
{
	struct sealing *sealing = rotation->sealing;
	struct call *call = sealing->session.call;
	struct arena *arena = call->arena;
	if (rotation->sealed.count)
		call_note(call, "Sealed anew: %s.", text_join(arena, &rotation->sealed, ", "));
	else if (!rotation->failed.count)
		call_note(call, "Every secret is sealed to those who may open it.");
	for (size_t i = 0; i < rotation->gained.count; i++)
		call_note(call, "Can open it now: %s.", rotation->gained.items[i]);
	for (size_t i = 0; i < rotation->people.count; i++)
		call_note(call, "%s knew: %s. A value that somebody knew is safe only when it is "
				"changed: where it was issued, then with shipit secrets set.",
			  rotation->people.items[i],
			  text_join(arena, &rotation->knew.items[i], ", "));
}

static int print(const struct rotation *rotation, struct error *err)
{
	json_t *knew = json_object();
	for (size_t i = 0; i < rotation->people.count; i++)
		json_object_set_new(knew, rotation->people.items[i],
				    names_to_json(&rotation->knew.items[i]));
	return call_print_json(json_pack("{s:o, s:o, s:o, s:o}", "sealed",
					 names_to_json(&rotation->sealed), "kept",
					 names_to_json(&rotation->kept), "failed",
					 names_to_json(&rotation->failed), "knew", knew),
			       err);
}

static int check_names(struct sealing *sealing, const struct text_list *names, struct error *err)
{
	for (size_t i = 0; i < names->count; i++) {
		if (sealed_file_find(&sealing->file, names->items[i]))
			continue;
		error_set(err, "%s has no secret '%s'", sealing->shown, names->items[i]);
		return error_code(err, EXIT_USAGE);
	}
	return 0;
}

int secrets_rotate(struct sealing *sealing, const struct text_list *names, struct error *err)
{
	struct rotation rotation = {.sealing = sealing};
	struct call *call = sealing->session.call;
	if (check_names(sealing, names, err) < 0)
		return -1;
	for (size_t i = 0; i < sealing->file.entries.count; i++) {
		const char *name = sealing->file.entries.items[i].value.name;
		if (names->count && !text_list_has(names, name))
			continue;
		if (rotate_one(&rotation, name, err) < 0)
			return -1;
	}
	if (rotation.sealed.count && sealing_write(sealing, err) < 0)
		return -1;
	if (call->json) {
		if (print(&rotation, err) < 0)
			return -1;
	} else {
		tell(&rotation);
	}
	return rotation.failed.count ? EXIT_FAILED : EXIT_DONE;
}
