/* Error values: set, wrap, hint. */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>

static void PRINTF_LIKE(2, 0)
format_message(struct error *err, const char *format, va_list args)
{
	vsnprintf(err->message, sizeof(err->message), format, args);
}

int error_set(struct error *err, const char *format, ...)
{
	va_list args;

	error_clear(err);
	va_start(args, format);
	format_message(err, format, args);
	va_end(args);
	return -1;
}

int error_set_errno(struct error *err, int errnum, const char *format, ...)
{
	va_list args;
	size_t used;

	error_clear(err);
	va_start(args, format);
	format_message(err, format, args);
	va_end(args);
	used = strlen(err->message);
	snprintf(err->message + used, sizeof(err->message) - used, ": %s", strerror(errnum));
	return errnum == ENOSPC || errnum == EDQUOT ? error_code(err, EXIT_FAILED) : -1;
}

int error_wrap(struct error *err, const char *format, ...)
{
	char old[sizeof(err->message)];
	va_list args;
	size_t used;

	memcpy(old, err->message, sizeof(old));
	va_start(args, format);
	format_message(err, format, args);
	va_end(args);
	used = strlen(err->message);
	snprintf(err->message + used, sizeof(err->message) - used, ": %s", old);
	return -1;
}

int error_hint(struct error *err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(err->hint, sizeof(err->hint), format, args);
	va_end(args);
	return -1;
}

int error_code(struct error *err, enum exit_code code)
{
	err->exit_code = (int)code;
	return -1;
}

void error_clear(struct error *err)
{
	memset(err, 0, sizeof(*err));
}
