/* The digest of a plan: what will be done, whoever looks at it and whenever. */
#include "base/file.h"
#include "crypto/hash.h"
#include "plan/plan_internal.h"

static void add_list(struct hash *hash, const char *name, const struct text_list *list)
{
	hash_add_text(hash, name);
	for (size_t i = 0; i < list->count; i++)
		hash_add_text(hash, list->items[i]);
}

static void add_node(struct hash *hash, const struct node *node)
{
	struct buffer text;

	buffer_init(&text, (size_t)16 << 20);
	if (node)
		node_write(node, &text);
	hash_add_text(hash, text.data);
	buffer_release(&text);
}

static void add_files(struct hash *hash, const struct config *config)
{
	hash_add_text(hash, "files");
	for (size_t i = 0; i < config->files.count; i++) {
		const struct config_file *file = &config->files.items[i];
		char content[HASH_HEX_SIZE];

		/* A built-in file is the same wherever shipit is installed. */
		hash_add_text(hash, *file->path == '/' ? path_name(file->path) : file->path);
		hash_add_text(hash, hash_bytes_hex(file->bytes, file->length, content));
	}
}

static void add_step(struct hash *hash, const struct plan_step *step)
{
	static const char *const halves[] = {"both", "prepare", "publish"};

	if (!step->selected)
		return;
	hash_add_text(hash, step->stage);
	hash_add_text(hash, step->name);
	hash_add_text(hash, halves[step->half]);
	add_node(hash, step->config->node);
}

static void add_flags(struct hash *hash, const struct plan_flags *flags)
{
	hash_add_text(hash, "flags");
	add_list(hash, "only", &flags->only);
	add_list(hash, "skip", &flags->skip);
	add_list(hash, "task", &flags->task);
	add_list(hash, "no-task", &flags->no_task);
	hash_add_text(hash, flags->redeploy ? "redeploy" : "");
	if (flags->rollback.release) {
		hash_add_text(hash, "rollback");
		hash_add_text(hash, flags->rollback.release->id);
		hash_add_text(hash, flags->rollback.build ? "build" : "");
	}
	hash_add_text(hash, flags->maintenance);
}

void digest_make(struct plan *plan, const struct plan_input *input)
{
	struct hash hash;

	hash_init(&hash);
	hash_add_text(&hash, "shipit plan 1");
	hash_add_text(&hash, plan->app);
	hash_add_text(&hash, plan->env);
	hash_add_text(&hash, plan->commit);
	hash_add_text(&hash, plan->previous);
	add_files(&hash, plan->config);
	hash_add_text(&hash, "steps");
	for (size_t i = 0; i < plan->steps.count; i++)
		add_step(&hash, &plan->steps.items[i]);
	for (size_t i = 0; i < plan->tasks.count; i++)
		add_step(&hash, &plan->tasks.items[i].step);
	add_flags(&hash, &input->flags);
	hash_add_text(&hash, plan->maintenance ? "maintenance" : "");
	hash_add_text(&hash, plan_risk_name(plan->risk));
	hash_finish_hex(&hash, plan->digest);
}
