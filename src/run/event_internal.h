/* The table of events and fields, shared by event.c and event_json.c. */
#pragma once
#include "run/event.h"

enum event_field_name {
	FIELD_ID,
	FIELD_APP,
	FIELD_ENV,
	FIELD_COMMIT,
	FIELD_PREVIOUS,
	FIELD_DEPLOYER,
	FIELD_PLAN,
	FIELD_BRANCH,
	FIELD_URL,
	FIELD_STAGE,
	FIELD_STEP,
	FIELD_ACTION,
	FIELD_SPAN,
	FIELD_ATTEMPT,
	FIELD_STATUS,
	FIELD_EXIT_CODE,
	FIELD_SIGNAL,
	FIELD_DURATION,
	FIELD_ESTIMATE,
	FIELD_NAME,
	FIELD_HALT,
	FIELD_HOW,
	FIELD_TASK,
	FIELD_BECAUSE,
	FIELD_REASON,
	FIELD_ALLOWED,
	FIELD_INTERACTIVE,
	FIELD_LOG,
	FIELD_PLACE,
	FIELD_STREAM,
	FIELD_LINE,
	FIELD_PID,
	FIELD_PID_STARTED,
	FIELD_SECONDS,
	FIELD_LEVEL,
	FIELD_TEXT,
	FIELD_BELL,
	FIELD_FAILED_STEP,
	FIELD_TASKS_ONLY,
	FIELD_ROLLBACK,
	FIELD_RECOVERS,
	FIELD_OWED,
	FIELD_ADVICE,
	FIELD_REMARKS,
	FIELD_COUNT
};

enum event_field_kind {
	KIND_TEXT,
	KIND_TEXT_OR_NULL,
	KIND_NUMBER,
	KIND_NUMBER_IF_SET,
	KIND_EXIT_CODE,
	KIND_STATUS,
	KIND_LEVEL,
	KIND_FLAG,
	KIND_LIST,
	KIND_JSON, /* a text that is JSON, written as it is */
	KIND_BECAUSE
};

struct event_field {
	const char *name;
	enum event_field_kind kind;
	size_t offset; /* in struct event */
};

/* What an event is called and which fields it has, a bit each. */
struct event_shape {
	const char *name;
	uint64_t fields;
};

extern const struct event_field event_fields[FIELD_COUNT];
extern const struct event_shape event_shapes[EVENT_TYPES];
extern const char *const event_level_names[3];
