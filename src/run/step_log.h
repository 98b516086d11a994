/* A step's log file: all of its output, at most LOG_HEAD + LOG_TAIL bytes of it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STEP_LOG_HEAD ((int64_t)90 << 20)
#define STEP_LOG_TAIL ((int64_t)10 << 20)

struct step_log {
	const char *path;	/* the file is made with the first byte */
	int fd;
	int errnum;		/* the first write that failed; nothing is written after it */
	int64_t size;		/* bytes that were added, in earlier attempts too */
	int64_t saved;		/* so many of them are in the file, or are not kept */
	int64_t head, tail;	/* maxima; step_log_init sets those above */
	char *ring;		/* the last of what came behind the head; NULL: nothing did */
};

void step_log_init(struct step_log *log, const char *path);
/* The head is written at once, what comes behind it by step_log_save or at the end. */
void step_log_add(struct step_log *log, const char *bytes, size_t length);
bool step_log_unsaved(const struct step_log *log);
void step_log_save(struct step_log *log);
/* Puts a log whose middle was overwritten into order, saying what is missing. */
void step_log_close(struct step_log *log);
