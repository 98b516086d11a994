/* Deletions of many: keys that no XML can hold go one by one, behind the others. */
#include "net/s3_internal.h"

struct s3_many {
	const char *const *keys;
	size_t count, next;
	VEC(struct s3_refusal) refusals;
};

struct s3_many *s3_many_new(struct s3_transfer *transfer, const struct text_list *keys)
{
	struct s3_many *many = arena_new(&transfer->arena, struct s3_many);

	many->keys = keys->items;
	many->count = keys->count;
	return many;
}

bool s3_many_next(struct s3_transfer *transfer)
{
	struct s3_many *many = transfer->many;

	if (many->next == many->count)
		return false;
	transfer->action = S3_DELETE;
	transfer->key = many->keys[many->next++];
	transfer->query = "";
	transfer->body = (struct s3_body){0};
	transfer->hashed = false;
	transfer->line_count = 0;
	transfer->has_type = false;
	transfer->tries = 0;
	return true;
}

void s3_many_gather(struct s3_transfer *transfer, struct s3_reading *reading)
{
	struct s3_many *many = transfer->many;
	struct arena *arena = &transfer->arena;
	struct s3_answer *answer = &reading->answer;

	for (size_t i = 0; i < answer->refusal_count; i++) {
		const struct s3_refusal copy = {
			.key = arena_string(arena, answer->refusals[i].key),
			.code = arena_string(arena, answer->refusals[i].code),
			.message = arena_string(arena, answer->refusals[i].message),
		};
		vec_push(arena, &many->refusals, copy);
	}
	answer->refusals = many->refusals.items;
	answer->refusal_count = many->refusals.count;
}
