/* Finding, reading and unlocking one's own key. */
#include "people/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "ui/prompt.h"

const char *identity_path(struct arena *arena, struct error *err)
{
	const char *path = getenv(IDENTITY_FILE), *home = getenv("HOME");
	if (path && *path)
		return path_absolute(arena, path, err);
	if (home && *home)
		return arena_format(arena, "%s/.config/shipit/key", home);
	error_set(err, "neither HOME nor " IDENTITY_FILE " says where your key is");
	error_code(err, EXIT_USAGE);
	return NULL;
}

/* A secret that others can read is none. */
static int check_mode(const char *path, const struct stat *status, struct error *err)
{
	if (!S_ISREG(status->st_mode))
		return error_set(err, "the key '%s' is not a file", path);
	if ((status->st_mode & 077) == 0)
		return 0;
	error_set(err, "the key '%s' can be read by others (mode %04o)", path,
		  (unsigned)status->st_mode & 07777);
	return error_hint(err, "if nobody has: chmod 600 '%s'; else make a new one (shipit keygen)",
			  path);
}

/* 1 read, 0 there is none, -1. */
static int read_file(const char *path, struct buffer *text, struct error *err)
{
	char bytes[KEY_FILE_MAXIMUM];
	struct stat status;
	int result = -1;
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (file < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (file < 0 || fstat(file, &status) < 0) {
		error_set_errno(err, errno, "cannot read the key '%s'", path);
	} else if (check_mode(path, &status, err) == 0) {
		ssize_t length = read(file, bytes, sizeof(bytes));
		if (length < 0)
			error_set_errno(err, errno, "cannot read the key '%s'", path);
		else
			result = 1;
		if (length > 0)
			buffer_add(text, bytes, (size_t)length);
		memory_wipe(bytes, sizeof(bytes));
	}
	if (file >= 0)
		close(file);
	return result < 0 ? error_code(err, EXIT_USAGE) : result;
}

/* The key's text: 1, 0 there is none, -1. To be wiped. */
static int read_text(struct arena *arena, struct identity *identity, struct buffer *text,
		     struct error *err)
{
	const char *data = getenv(IDENTITY_DATA);
	identity->path = NULL;
	if (data && *data) {
		if (buffer_add_text(text, data) == 0)
			return 1;
		error_set(err, IDENTITY_DATA " is too long to be a key");
		return error_code(err, EXIT_USAGE);
	}
	identity->path = identity_path(arena, err);
	if (!identity->path) {
		error_clear(err);
		return 0;
	}
	return read_file(identity->path, text, err);
}

/* Whose a locked key is said to be. */
static void read_claim(struct arena *arena, struct identity *identity)
{
	struct buffer text CLEANUP(buffer_release);
	struct error ignored = {0};
	buffer_init(&text, KEY_FILE_MAXIMUM);
	identity->why = "your key is locked, and nothing beside it says whose it is";
	if (!identity->path)
		return;
	if (file_read(arena_format(arena, "%s.pub", identity->path), &text, &ignored) < 0 ||
	    public_key_parse(text.data, &identity->public_key, &ignored) < 0)
		return;
	identity->known = true;
	identity->why = NULL;
}

static void take_key(struct identity *identity, struct secret_key *key)
{
	identity->key = key;
	identity->public_key = *secret_key_public(key);
	identity->known = true;
	identity->locked = false;
	identity->why = NULL;
}

static const char *name_of(const struct identity *identity)
{
	return identity->path ? identity->path : IDENTITY_DATA;
}

/* Reads the key with a passphrase or without (NULL). */
static int parse_key(struct arena *arena, struct identity *identity, const char *passphrase,
		     struct error *err)
{
	struct buffer text;
	struct secret_key *key = NULL;
	buffer_init(&text, KEY_FILE_MAXIMUM);
	int found = read_text(arena, identity, &text, err);
	if (found > 0)
		key = secret_key_parse(text.data, text.length, passphrase, &identity->locked, err);
	memory_wipe(text.data, text.length);
	buffer_release(&text);
	if (found == 0 && identity->path)
		identity->why = arena_format(arena, "there is no key in %s (shipit keygen makes "
						    "one)",
					     identity->path);
	else if (found == 0)
		identity->why = "there is no key (shipit keygen makes one)";
	if (found <= 0)
		return found;
	if (key)
		take_key(identity, key);
	else if (!identity->locked || passphrase)
		error_wrap(err, "%s", name_of(identity));
	return key ? 1 : -1;
}

int identity_open(struct arena *arena, struct identity *identity, struct error *err)
{
	*identity = (struct identity){0};
	if (parse_key(arena, identity, NULL, err) >= 0)
		return 0;
	if (!identity->locked)
		return error_code(err, EXIT_USAGE);
	error_clear(err);
	read_claim(arena, identity);
	return 0;
}

static int unlock_with(struct arena *arena, struct identity *identity, const char *passphrase,
		       struct error *err)
{
	const struct identity claimed = *identity;
	if (parse_key(arena, identity, passphrase, err) <= 0)
		return -1;
	if (!claimed.known || public_key_equal(&claimed.public_key, &identity->public_key))
		return 0;
	error_set(err, "'%s.pub' is not the public half of the key beside it", identity->path);
	error_hint(err, "take it away: shipit writes no other in its place");
	return error_code(err, EXIT_USAGE);
}

/* Three tries, as everywhere. */
static int unlock_asking(struct arena *arena, struct identity *identity, bool may_ask,
			 struct error *err)
{
	struct prompt prompt = {.refuse = !may_ask, .flag = "the variable " IDENTITY_PASSPHRASE};
	int status = -1;
	for (int try = 0; try < 3 && status < 0; try++) {
		char *passphrase = prompt_secret(
			&prompt, arena_format(arena, "Passphrase of %s", name_of(identity)), err);
		if (!passphrase)
			return -1;
		error_clear(err);
		status = unlock_with(arena, identity, passphrase, err);
		memory_wipe(passphrase, strlen(passphrase));
		free(passphrase);
	}
	return status;
}

int identity_unlock(struct arena *arena, struct identity *identity, bool may_ask,
		    struct error *err)
{
	const char *passphrase = getenv(IDENTITY_PASSPHRASE);
	int status;
	if (identity->key)
		return 0;
	if (!identity->locked) {
		error_set(err, "%s", identity->why ? identity->why : "there is no key");
		return error_code(err, EXIT_REFUSED);
	}
	if (passphrase && *passphrase)
		status = unlock_with(arena, identity, passphrase, err);
	else
		status = unlock_asking(arena, identity, may_ask, err);
	return status < 0 && !err->exit_code ? error_code(err, EXIT_REFUSED) : status;
}

void identity_close(struct identity *identity)
{
	secret_key_free(identity->key);
	*identity = (struct identity){0};
}
