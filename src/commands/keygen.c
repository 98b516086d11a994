/* shipit keygen: a key of one's own, and the line that makes it known to the roster. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "commands/command.h"
#include "crypto/hash.h"
#include "git/command.h"
#include "people/identity.h"
#include "ui/prompt.h"

static const struct option_row keygen_options[] = {
	{"name", 0, "NAME", "the name in the roster (default: from git's user.email)", 0},
	{"role", 0, "ROLE", "trained (default), trainee or machine", 0},
	{NULL, 0, NULL, NULL, 0},
};

struct keygen {
	struct call *call;
	const char *path, *public_path, *name, *role, *email;
	char *passphrase; /* NULL or "": none */
	struct secret_key *key;
};

static int check_role(struct keygen *self, struct error *err)
{
	const char *role = options_value(&self->call->options, "role");
	self->role = role ? role : "trained";
	if (!strcmp(self->role, "trained") || !strcmp(self->role, "trainee") ||
	    !strcmp(self->role, "machine"))
		return 0;
	error_set(err, "--role takes trained, trainee or machine, not '%s'", role);
	return error_code(err, EXIT_USAGE);
}

/* Fit for a key of YAML without quotes. */
static const char *plain_name(struct arena *arena, const char *text)
{
	char *name = arena_bytes(arena, text, strcspn(text, "@+ "));
	for (char *at = name; *at; at++) {
		if (!isalnum((unsigned char)*at) && *at != '_' && *at != '.')
			*at = '-';
		*at = (char)tolower((unsigned char)*at);
	}
	return isalpha((unsigned char)*name) ? name : arena_format(arena, "me-%s", name);
}

/* Fit for YAML in double quotes as it is. */
static bool is_plain_address(const char *text)
{
	return strchr(text, '@') && !text[strcspn(text, "\"\\")] &&
	       text_is_utf8(text, strlen(text), NULL);
}

static void find_name(struct keygen *self)
{
	struct call *call = self->call;
	struct error ignored = {0};
	struct git_options options = {
		.arguments = (const char *[]){"config", "user.email", NULL},
	};
	const char *name = options_value(&call->options, "name");
	const char *login = getenv("USER");
	self->email = git_line(call->arena, &options, &ignored);
	if (self->email && !is_plain_address(self->email))
		self->email = NULL;
	if (!name || !*name)
		name = self->email ? self->email : login && *login ? login : "me";
	self->name = plain_name(call->arena, name);
}

static int refuse_existing(const char *path, struct error *err)
{
	error_set(err, "there is a key in '%s' already, which is never overwritten", path);
	error_hint(err, "SHIPIT_KEY=FILE makes another one");
	return error_code(err, EXIT_USAGE);
}

static int ask_passphrase(struct keygen *self, struct error *err)
{
	struct prompt prompt = {.refuse = self->call->json};
	const char *given = getenv(IDENTITY_PASSPHRASE);
	char *again;
	bool same;
	if (given && *given) {
		self->passphrase = strdup(given);
		if (!self->passphrase)
			abort();
		return 0;
	}
	if (!terminal_present() || self->call->json || self->call->yes)
		return 0;
	self->passphrase = prompt_secret(&prompt, "Passphrase (empty: none)", err);
	if (!self->passphrase || !*self->passphrase)
		return self->passphrase ? 0 : -1;
	again = prompt_secret(&prompt, "The same once more", err);
	if (!again)
		return -1;
	same = strcmp(again, self->passphrase) == 0;
	memory_wipe(again, strlen(again));
	free(again);
	if (same)
		return 0;
	error_set(err, "the two passphrases differ: no key was made");
	return error_code(err, EXIT_USAGE);
}

/* A new file or none: what is there already stays. */
static int write_new(struct keygen *self, const char *path, const char *bytes, size_t length,
		     mode_t mode, struct error *err)
{
	char nonce[17];
	int result = -1;
	random_hex(nonce, sizeof(nonce));
	const char *draft = arena_format(self->call->arena, "%s.%s", path, nonce);
	int file = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (file < 0)
		return error_set_errno(err, errno, "cannot write '%s'", draft);
	if (write(file, bytes, length) != (ssize_t)length || fsync(file) < 0)
		error_set_errno(err, errno, "cannot write '%s'", draft);
	else if (link(draft, path) == 0)
		result = 0;
	else if (errno == EEXIST)
		refuse_existing(path, err);
	else
		error_set_errno(err, errno, "cannot write '%s'", path);
	close(file);
	unlink(draft);
	return result;
}

static int write_public(struct keygen *self, const char *text, struct error *err)
{
	char id[KEY_ID_TEXT_SIZE];
	const struct public_key *key = secret_key_public(self->key);
	const char *file = arena_format(self->call->arena,
					"untrusted comment: shipit public key %s of %s\n%s\n",
					key_id_format(key->id, id), self->name, text);
	return write_new(self, self->public_path, file, strlen(file), 0644, err);
}

/* The public half first: a key whose public half is lost would be of little use. */
static int write_files(struct keygen *self, const char *text, struct error *err)
{
	struct buffer file;
	int result;
	buffer_init(&file, KEY_FILE_MAXIMUM);
	result = secret_key_format(self->key, self->passphrase, &file, err);
	if (result == 0)
		result = folder_make(path_folder(self->call->arena, self->path), 0700, err);
	if (result == 0)
		result = write_public(self, text, err);
	if (result == 0) {
		result = write_new(self, self->path, file.data, file.length, 0600, err);
		if (result < 0)
			unlink(self->public_path);
	}
	memory_wipe(file.data, file.length);
	buffer_release(&file);
	return result;
}

static int print_key(struct keygen *self, const char *text, struct error *err)
{
	bool locked = self->passphrase && *self->passphrase;
	if (self->call->json)
		return call_print_json(json_pack("{s:s, s:s, s:s, s:s, s:b}", "name", self->name,
						 "role", self->role, "key", text, "file",
						 self->path, "passphrase", locked),
				       err);
	call_note(self->call,
		  "A key is in %s%s. This line makes it known, in deploy.yml below roster:",
		  self->path, locked ? "" : " (without a passphrase)");
	printf("%s: {role: %s, key: \"%s\"", self->name, self->role, text);
	if (self->email)
		printf(", git: [\"%s\"]", self->email);
	printf("}\n");
	return EXIT_DONE;
}

static int make_key(struct keygen *self, struct error *err)
{
	char text[KEY_TEXT_SIZE];
	if (check_role(self, err) < 0)
		return -1;
	self->path = identity_path(self->call->arena, err);
	if (!self->path)
		return -1;
	self->public_path = arena_format(self->call->arena, "%s.pub", self->path);
	if (file_exists(self->path))
		return refuse_existing(self->path, err);
	if (file_exists(self->public_path))
		return refuse_existing(self->public_path, err);
	find_name(self);
	if (ask_passphrase(self, err) < 0)
		return -1;
	self->key = secret_key_new();
	public_key_format(secret_key_public(self->key), text);
	if (write_files(self, text, err) < 0)
		return -1;
	return print_key(self, text, err);
}

static int run_keygen(struct call *call, struct error *err)
{
	struct keygen self = {.call = call};
	int result = make_key(&self, err);
	secret_key_free(self.key);
	if (self.passphrase)
		memory_wipe(self.passphrase, strlen(self.passphrase));
	free(self.passphrase);
	return result;
}

const struct command command_keygen = {
	.name = "keygen",
	.summary = "make a key that proves who you are, and print the roster's line for it",
	.details =
		"Writes SHIPIT_KEY (default: ~/.config/shipit/key) and its public half beside it "
		"(.pub), in minisign's format. On a terminal it asks for a passphrase; elsewhere "
		"SHIPIT_KEY_PASSPHRASE may hold one. A key is never overwritten.",
	.options = keygen_options,
	.run = run_keygen,
};
