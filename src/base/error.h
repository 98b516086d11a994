/* One error value, on the caller's stack, passed down last and wrapped on the way up. */
#pragma once
#include <stdbool.h>

#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))
#define MUST_USE __attribute__((warn_unused_result))

/* Process exit codes; other programs rely on them. */
enum exit_code {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,	/* failed, production is as it was */
	EXIT_USAGE = 2,		/* usage or configuration is wrong, nothing was run */
	EXIT_REFUSED = 3,	/* refused by a guard, a lease, a hold or at a prompt */
	EXIT_ATTENTION = 4,	/* production has changed and needs attention */
	EXIT_ROLLED_BACK = 5,	/* failed after go-live, the previous release is live again */
};

struct error {
	char message[1024];	/* one sentence: what was tried, on what, why it failed */
	char hint[512];		/* what to do; may be empty */
	char file[512];		/* where, for an error in a file; else empty */
	int line, column;	/* from 1; 0 when not known */
	int exit_code;		/* enum exit_code that fits, or 0: the caller decides */
};

/* Each sets or extends *err and returns -1, so that a failure is one line. err must not be NULL.
 * Text that does not fit is cut. */
int error_set(struct error *err, const char *format, ...) PRINTF_LIKE(2, 3);
/* The same with ": " and the words for errnum behind it. A full disk is EXIT_FAILED too, whatever
 * was tried: nothing that anybody wrote is wrong. */
int error_set_errno(struct error *err, int errnum, const char *format, ...) PRINTF_LIKE(3, 4);
/* Puts context and ": " before the message that is there. */
int error_wrap(struct error *err, const char *format, ...) PRINTF_LIKE(2, 3);
/* What the person should do now. */
int error_hint(struct error *err, const char *format, ...) PRINTF_LIKE(2, 3);
/* The exit code that this failure should end in. */
int error_code(struct error *err, enum exit_code code);
void error_clear(struct error *err);
