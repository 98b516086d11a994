/* shipit secrets: secrets that are sealed in the repository. */
#include <errno.h>
#include <unistd.h>

#include "base/text.h"
#include "commands/sealing.h"
#include "crypto/memory.h"
#include "proc/interrupt.h"
#include "ui/prompt.h"

#define TYPED_MAXIMUM 4095 /* where a prompt stops taking letters */

static int refuse_value(struct error *err)
{
	error_set(err, "shipit secrets set takes the name alone");
	error_hint(err, "the value does not stand on the command line, where others can read it: "
			"it is asked for, or read from stdin");
	return error_code(err, EXIT_USAGE);
}

/* All of stdin, less the newline at its end that echo and heredocs add. */
static int read_stdin(struct buffer *value, struct error *err)
{
	char chunk[4096];
	ssize_t got;
	do {
		got = read(STDIN_FILENO, chunk, sizeof(chunk));
		if (got > 0)
			buffer_add(value, chunk, (size_t)got);
	} while (got > 0 || (got < 0 && errno == EINTR && !interrupt_signal()));
	memory_wipe(chunk, sizeof(chunk));
	if (got < 0)
		return error_set_errno(err, errno, "cannot read the value from stdin");
	if (value->overflowed) {
		error_set(err, "the value is larger than 64 KiB");
		return error_code(err, EXIT_USAGE);
	}
	if (value->length && value->data[value->length - 1] == '\n')
		value->data[--value->length] = '\0';
	return 0;
}

static int ask_value(struct sealing *sealing, const char *name, struct buffer *value,
		     struct error *err)
{
	const struct prompt prompt = {0};
	const char *question = arena_format(sealing->session.arena, "Value of %s", name);
	char *typed = prompt_secret(&prompt, question, err);
	if (!typed)
		return -1;
	buffer_add_text(value, typed);
	memory_wipe(typed, strlen(typed));
	free(typed);
	if (value->length && value->length < TYPED_MAXIMUM)
		return 0;
	if (value->length)
		error_set(err, "that is too long to be typed: let it come from stdin");
	else
		error_set(err, "nothing was typed: %s stays as it is", name);
	return error_code(err, EXIT_REFUSED);
}

static int print_name(struct sealing *sealing, const char *name, struct error *err)
{
	const struct sealed_entry *entry = sealed_file_find(&sealing->file, name);
	return call_print_json(json_pack("{s:s, s:s, s:o}", "name", name, "file", sealing->shown,
					 "to", names_to_json(&entry->value.to)), err);
}

static int secrets_set(struct sealing *sealing, const struct text_list *names, struct error *err)
{
	struct call *call = sealing->session.call;
	const char *name = names->items[0];
	struct seal_recipients to;
	struct buffer value;
	int result;
	if (sealing_check_name(sealing, name, err) < 0 ||
	    sealing_audience(sealing, name, &to, err) < 0)
		return -1;
	memory_hide();
	buffer_init(&value, SEAL_VALUE_MAXIMUM + 1);
	result = terminal_present() && !call->json ? ask_value(sealing, name, &value, err)
						   : read_stdin(&value, err);
	if (result == 0)
		result = sealing_put(sealing, name, &value, err);
	memory_wipe(value.data, value.length);
	buffer_release(&value);
	if (result == 0 && call->json)
		result = print_name(sealing, name, err);
	return result;
}

static int secrets_get(struct sealing *sealing, const struct text_list *names, struct error *err)
{
	struct call *call = sealing->session.call;
	const char *name = names->items[0];
	struct buffer value;
	int result;
	buffer_init(&value, SEAL_VALUE_MAXIMUM + 1);
	result = sealing_check_name(sealing, name, err);
	if (result == 0)
		result = sealing_value(sealing, name, &value, err);
	if (result == 0 && call->json) {
		result = call_print_json(json_pack("{s:s, s:s#}", "name", name, "value",
						   value.data, value.length), err);
	} else if (result == 0) {
		buffer_add_char(&value, '\n');
		result = stdout_write(value.data, value.length, err) < 0 ? -1 : 0;
	}
	memory_wipe(value.data, value.length);
	buffer_release(&value);
	return result;
}

static const struct part {
	const char *name, *arguments;
	int (*run)(struct sealing *sealing, const struct text_list *names, struct error *err);
	size_t least, most;
} parts[] = {
	{"list", "", secrets_list, 0, 0},
	{"get", " NAME", secrets_get, 1, 1},
	{"set", " NAME", secrets_set, 1, 1},
	{"edit", " NAME", secrets_edit, 1, 1},
	{"rotate", " [NAME...]", secrets_rotate, 0, SIZE_MAX},
};

static const struct part *find_part(const char *name, struct error *err)
{
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (strcmp(parts[i].name, name) == 0)
			return &parts[i];
	error_set(err, "shipit secrets takes list, get, set, edit or rotate, not '%s'", name);
	error_code(err, EXIT_USAGE);
	return NULL;
}

static int check_count(const struct part *part, size_t count, struct error *err)
{
	if (count >= part->least && count <= part->most)
		return 0;
	if (count > part->most && part->run == secrets_set)
		return refuse_value(err);
	error_set(err, "it is: shipit secrets %s%s", part->name, part->arguments);
	return error_code(err, EXIT_USAGE);
}

static int run_secrets(struct call *call, struct error *err)
{
	struct sealing sealing CLEANUP(sealing_close) = {0};
	const struct text_list *words = &call->options.arguments;
	const struct part *part = find_part(words->count ? words->items[0] : "list", err);
	struct text_list names = {0};
	for (size_t i = 1; i < words->count; i++)
		text_list_add(call->arena, &names, words->items[i]);
	if (!part || check_count(part, names.count, err) < 0 ||
	    sealing_open(&sealing, call, err) < 0)
		return -1;
	return part->run(&sealing, &names, err);
}

const struct command command_secrets = {
	.name = "secrets",
	.arguments = "[list|get|set|edit|rotate] [NAME]",
	.summary = "secrets that are sealed in the repository",
	.details =
		"They lie in secrets.sealed.yml beside deploy.yml, sealed to the keys of the "
		"roster, and are safe to commit. `set` asks for the value or reads stdin, `get` "
		"prints it, `edit` opens $VISUAL or $EDITOR on it. After the roster has changed, "
		"`rotate` seals anew to those who are in it now, and says which secrets one who "
		"left knew: change those where they were issued.",
	.run = run_secrets,
	.arguments_most = -1,
};
