/* All keys of a place in a bucket, in their order. What has more than a page is divided by its
 * folders, and the parts are listed several at once; what comes too early waits. */
#include <stdlib.h>

#include "assets/target_s3_internal.h"
#include "base/text.h"

enum {
	WINDOW = 16,      /* stretches that are listed at once */
	CUTS_ENOUGH = 32, /* as many need not be divided further */
	CUTS_MAXIMUM = 256,
	DEPTH = 3,         /* of the folders that are looked into for it */
	FLAT = 500,        /* so many files in one folder are divided by their first letters */
	BUFFERED = 100000, /* objects that may wait for those before them */
};

struct listed {
	const char *key;
	int64_t size, modified;
};
struct stretch {
	struct list *all;
	const char *from; /* its first possible key; NULL: behind the first page */
	const char *end;  /* the first that is not its any more; NULL: there is none */
	char after[S3_KEY_SIZE + 8];
	bool busy, done;
	struct arena arena; /* of what waits */
	VEC(struct listed) waiting;
};
struct list {
	struct s3_batch batch;
	const char *prefix; /* whole */
	bool releases;
	int (*each)(void *context, const char *key, int64_t size, int64_t modified,
		    struct error *err);
	void *context;
	char last[S3_KEY_SIZE]; /* that each was told of */
	size_t buffered;
	struct arena arena;
	struct text_list cuts;
	struct text_list folders, below; /* looked into now, and then */
	size_t next_folder;
	struct stretch *stretches;
	size_t head, count; /* those before head are done and told of */
};

static int tell(struct list *all, const char *key, int64_t size, int64_t modified,
		struct error *err)
{
	const struct s3_target *self = all->batch.target;

	if (strcmp(key, all->last) <= 0 && *all->last)
		return s3_out_of_order(self, key, err);
	snprintf(all->last, sizeof(all->last), "%s", key);
	key += self->prefix_length;
	/* What stands for the folder itself is nobody's. */
	if (!*key || (!all->releases && text_starts_with(key, ASSETS_FOLDER) &&
		      !text_starts_with(key, ASSETS_OBJECTS)))
		return 0;
	return all->each(all->context, key, size, modified, err);
}

/* ---- the first page ---- */

struct first {
	struct list *all;
	bool more;
};

static void first_done(void *context, const struct s3_answer *answer)
{
	struct first *first = context;
	struct list *all = first->all;
	struct error failure = answer->failure;
	bool failed = answer->outcome != S3_DONE;

	for (size_t i = 0; !failed && i < answer->object_count; i++)
		failed = tell(all, answer->objects[i].key, answer->objects[i].size,
			      answer->objects[i].modified, &failure) < 0;
	first->more = answer->token != NULL;
	s3_batch_done(&all->batch, failed ? &failure : NULL);
}

static bool nothing_more(struct s3_batch *batch)
{
	(void)batch;
	return false;
}

/* 1: there is more. */
static int list_first(struct list *all)
{
	struct first first = {.all = all};

	all->batch.next = nothing_more;
	s3_batch_start(&all->batch, &(struct s3_request){.action = S3_LIST, .prefix = all->prefix},
		       first_done, &first);
	return s3_batch_run(&all->batch) < 0 ? -1 : first.more;
}

/* ---- where it is divided ---- */

struct look {
	struct list *all;
	const char *folder;
};

static void add_letters(struct list *all, const char *folder)
{
	static const char letters[] =
		"-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";

	for (const char *letter = letters; *letter; letter++)
		text_list_add(&all->arena, &all->cuts,
			      arena_format(&all->arena, "%s%c", folder, *letter));
}

static void folder_done(void *context, const struct s3_answer *answer)
{
	struct look *look = context;
	struct list *all = look->all;
	size_t files = 0;

	for (size_t i = 0; answer->outcome == S3_DONE && i < answer->object_count; i++) {
		const struct s3_object *object = &answer->objects[i];
		const char *key;

		files += !object->is_prefix;
		if (!object->is_prefix)
			continue;
		key = arena_string(&all->arena, object->key);
		text_list_add(&all->arena, &all->cuts, key);
		text_list_add(&all->arena, &all->below, key);
	}
	if (files >= FLAT)
		add_letters(all, look->folder);
	s3_batch_done(&all->batch, answer->outcome == S3_DONE ? NULL : &answer->failure);
}

static bool next_folder(struct s3_batch *batch)
{
	struct list *all = (struct list *)(void *)batch;
	struct look *look;

	if (all->next_folder >= all->folders.count || all->next_folder >= CUTS_ENOUGH)
		return false;
	look = arena_new(&all->arena, struct look);
	*look = (struct look){all, all->folders.items[all->next_folder++]};
	s3_batch_start(batch,
		       &(struct s3_request){
			       .action = S3_LIST,
			       .prefix = look->folder,
			       .delimiter = "/",
		       },
		       folder_done, look);
	return true;
}

static int compare_texts(const void *one, const void *other)
{
	return strcmp(*(const char *const *)one, *(const char *const *)other);
}

static int find_cuts(struct list *all)
{
	all->batch.next = next_folder;
	text_list_add(&all->arena, &all->below, all->prefix);
	for (int depth = 0; depth < DEPTH && all->below.count && all->cuts.count < CUTS_ENOUGH;
	     depth++) {
		all->folders = all->below;
		all->below = (struct text_list){0};
		all->next_folder = 0;
		if (s3_batch_run(&all->batch) < 0)
			return -1;
	}
	if (all->cuts.count)
		qsort(all->cuts.items, all->cuts.count, sizeof(*all->cuts.items), compare_texts);
	return 0;
}

/* ---- the stretches ---- */

static void add_stretch(struct list *all, const char *from, const char *end)
{
	struct stretch *stretch = &all->stretches[all->count++];

	*stretch = (struct stretch){.all = all, .from = from, .end = end};
	if (from)
		s3_key_before(from, stretch->after);
	else
		snprintf(stretch->after, sizeof(stretch->after), "%s", all->last);
}

static void divide(struct list *all)
{
	size_t each = all->cuts.count / CUTS_MAXIMUM + 1;
	const char *from = NULL;

	all->stretches = calloc(all->cuts.count + 1, sizeof(*all->stretches));
	if (!all->stretches)
		abort();
	for (size_t i = 0; i < all->cuts.count; i += each) {
		const char *cut = all->cuts.items[i];

		if (strcmp(cut, from ? from : all->last) <= 0)
			continue;
		add_stretch(all, from, cut);
		from = cut;
	}
	add_stretch(all, from, NULL);
}

static int take_object(struct stretch *stretch, const struct s3_object *object, struct error *err)
{
	struct list *all = stretch->all;
	struct listed listed = {NULL, object->size, object->modified};

	if (strcmp(object->key, stretch->after) <= 0)
		return s3_out_of_order(all->batch.target, object->key, err);
	snprintf(stretch->after, sizeof(stretch->after), "%s", object->key);
	stretch->done = stretch->end && strcmp(object->key, stretch->end) >= 0;
	if (stretch->done || (stretch->from && strcmp(object->key, stretch->from) < 0))
		return 0;
	if (stretch == &all->stretches[all->head])
		return tell(all, object->key, object->size, object->modified, err);
	listed.key = arena_string(&stretch->arena, object->key);
	vec_push(&stretch->arena, &stretch->waiting, listed);
	all->buffered++;
	return 0;
}

static int tell_waiting(struct list *all, struct stretch *stretch, struct error *err)
{
	int result = 0;

	for (size_t i = 0; result == 0 && i < stretch->waiting.count; i++) {
		const struct listed *listed = &stretch->waiting.items[i];

		result = tell(all, listed->key, listed->size, listed->modified, err);
	}
	all->buffered -= stretch->waiting.count;
	stretch->waiting.count = 0;
	arena_release(&stretch->arena);
	stretch->waiting.items = NULL;
	stretch->waiting.capacity = 0;
	return result;
}

/* The next that is not done is the head; what waited for it is told. */
static int advance(struct list *all, struct error *err)
{
	while (all->head < all->count && all->stretches[all->head].done) {
		all->head++;
		if (all->head < all->count &&
		    tell_waiting(all, &all->stretches[all->head], err) < 0)
			return -1;
	}
	return 0;
}

static void stretch_done(void *context, const struct s3_answer *answer)
{
	struct stretch *stretch = context;
	struct list *all = stretch->all;
	struct error failure = answer->failure;
	bool failed = answer->outcome != S3_DONE;

	stretch->busy = false;
	for (size_t i = 0; !failed && !stretch->done && i < answer->object_count; i++)
		failed = take_object(stretch, &answer->objects[i], &failure) < 0;
	stretch->done = stretch->done || !answer->token;
	if (!failed)
		failed = advance(all, &failure) < 0;
	s3_batch_done(&all->batch, failed ? &failure : NULL);
}

static bool next_page(struct s3_batch *batch)
{
	struct list *all = (struct list *)(void *)batch;

	for (size_t i = all->head; i < all->count && i < all->head + WINDOW; i++) {
		struct stretch *stretch = &all->stretches[i];

		if (stretch->busy || stretch->done || (i > all->head && all->buffered > BUFFERED))
			continue;
		stretch->busy = true;
		s3_batch_start(batch,
			       &(struct s3_request){
				       .action = S3_LIST,
				       .prefix = all->prefix,
				       .after = *stretch->after ? stretch->after : NULL,
			       },
			       stretch_done, stretch);
		return true;
	}
	return false;
}

static int list_rest(struct list *all)
{
	int result;

	if (find_cuts(all) < 0)
		return -1;
	divide(all);
	all->batch.next = next_page;
	result = s3_batch_run(&all->batch);
	for (size_t i = 0; i < all->count; i++)
		arena_release(&all->stretches[i].arena);
	free(all->stretches);
	return result;
}

int s3_target_list(struct asset_target *target, bool releases,
		   int (*each)(void *context, const char *key, int64_t size, int64_t modified,
			       struct error *err),
		   void *context, struct error *err)
{
	struct s3_target *self = s3_target_of(target);
	struct list all = {
		.batch = {.target = self, .err = err},
		.releases = releases,
		.each = each,
		.context = context,
	};
	int result;

	all.prefix = releases ? arena_format(&all.arena, "%s" ASSETS_RELEASES, self->prefix)
			      : self->prefix;
	result = list_first(&all);
	if (result > 0)
		result = list_rest(&all);
	arena_release(&all.arena);
	return result;
}
