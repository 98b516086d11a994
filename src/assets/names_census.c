/* Which families of names hold hashes: a table by their numbers, half full at most. */
#include <stdlib.h>

#include "assets/names.h"

/* Of a family: so many that are sure, and not fewer than the others. */
enum { SURE_LEAST = 8 };

struct family {
	uint64_t number; /* 0: free */
	uint32_t sure, maybe;
};
struct name_census {
	struct family *families;
	size_t count, capacity;
};

static struct family *find(const struct name_census *census, uint64_t number)
{
	size_t at = (size_t)number & (census->capacity - 1);

	while (census->families[at].number && census->families[at].number != number)
		at = (at + 1) & (census->capacity - 1);
	return &census->families[at];
}

static void resize(struct name_census *census, size_t capacity)
{
	struct name_census old = *census;

	census->capacity = capacity;
	census->families = calloc(capacity, sizeof(*census->families));
	if (!census->families)
		abort();
	for (size_t i = 0; i < old.capacity; i++)
		if (old.families[i].number)
			*find(census, old.families[i].number) = old.families[i];
	free(old.families);
}

struct name_census *name_census_new(void)
{
	struct name_census *census = calloc(1, sizeof(*census));

	if (!census)
		abort();
	resize(census, 256);
	return census;
}

void name_census_free(struct name_census *census)
{
	if (census)
		free(census->families);
	free(census);
}

void name_census_add(struct name_census *census, const char *key)
{
	uint64_t number;
	enum name_hash kind = name_hash_of(key, &number);
	struct family *family;

	if (kind == NAME_PLAIN || !number)
		return;
	if (census->count * 2 >= census->capacity)
		resize(census, census->capacity * 2);
	family = find(census, number);
	census->count += !family->number;
	family->number = number;
	family->sure += kind == NAME_HASHED;
	family->maybe += kind == NAME_MAYBE;
}

bool name_census_is_hashed(const struct name_census *census, const char *key)
{
	uint64_t number;
	enum name_hash kind = name_hash_of(key, &number);
	const struct family *family;

	if (kind != NAME_MAYBE || !number)
		return kind == NAME_HASHED;
	family = find(census, number);
	return family->sure >= SURE_LEAST && family->sure >= family->maybe;
}
