/* Credentials: given, or looked for off the loop and again before they expire. */
#include "base/clock.h"
#include "net/s3_internal.h"
#include "proc/loop.h"

enum {
	RENEW_BEFORE = 600000, /* ms: looked for again, while those in hand are still used */
	USABLE_BEFORE = 60000, /* ms: not used any more */
	RENEW_EVERY = 60000,
};

static void load(void *context)
{
	struct s3 *s3 = context;
	const struct credentials_options options = {
		.profile = s3->options.profile,
		.clock = s3->options.clock,
	};

	error_clear(&s3->load_error);
	s3->loaded = (struct credentials){0};
	if (credentials_load(&options, &s3->loaded, &s3->load_error) && !s3->load_error.message[0])
		error_set(&s3->load_error, "no credentials for S3 were found");
}

static bool is_usable(const struct s3 *s3)
{
	int64_t expires = s3->credentials.expires;

	return s3->has_credentials && (!expires || expires - s3_now(s3) > USABLE_BEFORE);
}

static void loaded(void *context)
{
	struct s3 *s3 = context;

	s3_enter(s3);
	s3->on_threads--;
	s3->loading = false;
	s3->loaded_at = loop_now(s3->loop);
	if (!s3->load_error.message[0]) {
		credentials_release(&s3->credentials);
		s3->credentials = s3->loaded;
		s3->has_credentials = true;
		s3->signing_key = (struct sigv4_key){0};
		s3->keys++;
	} else if (!is_usable(s3)) {
		s3->fatal = s3->load_error;
	}
	s3_leave(s3);
}

static void load_start(struct s3 *s3)
{
	struct error err = {0};

	if (s3->loading)
		return;
	s3->loading = true;
	s3->on_threads++;
	if (loop_work(s3->loop, load, loaded, s3, &err)) {
		load(s3);
		loaded(s3);
	}
}

static bool should_renew(const struct s3 *s3)
{
	int64_t expires = s3->credentials.expires;

	return expires && expires - s3_now(s3) < RENEW_BEFORE &&
	       loop_now(s3->loop) - s3->loaded_at > RENEW_EVERY;
}

bool s3_keys_ready(struct s3 *s3)
{
	if (s3->options.credentials)
		return true;
	if (!is_usable(s3)) {
		load_start(s3);
		return false;
	}
	if (should_renew(s3))
		load_start(s3);
	return true;
}

bool s3_keys_renew(struct s3 *s3)
{
	if (s3->options.credentials)
		return false;
	s3->has_credentials = false;
	load_start(s3);
	return true;
}
