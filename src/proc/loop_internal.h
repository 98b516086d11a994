/* The loop's inside, for the files of proc/. */
#pragma once
#include <uv.h>

#include "proc/loop.h"

#define LOOP_SIGNALS 3
#define LOOP_READ_SIZE ((size_t)256 << 10)

struct loop {
	uv_loop_t uv;
	bool stopped;
	uv_signal_t child_signal;
	uv_timer_t linger_timer;
	bool children_watched;
	struct child *children;		/* under way */
	int null_input;			/* what all children read; -1: not opened yet */
	char *read_buffer;		/* one for all pipes: handed on before the next read */
	uv_prepare_t prepare;
	bool prepare_open;
	void (*before_wait)(void *context);
	void *before_wait_context;
	uv_signal_t signals[LOOP_SIGNALS];
	bool signals_open;
	void (*on_signal)(void *context, int signal);
	void *signal_context;
};
