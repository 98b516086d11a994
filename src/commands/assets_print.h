/* What `shipit assets` tells when it has ended, as text or as JSON. */
#pragma once
#include "commands/session.h"
#include "steps/assets.h"

struct assets_place {
	const char *step; /* STAGE.STEP */
	struct assets_options options;
	struct assets_result *result; /* NULL: its turn did not come */
};
struct assets_places {
	VEC(struct assets_place) list;
	enum assets_act act;
	const char *id;
	bool lists; /* `list`: each object */
};

/* failure: what ended it early, or NULL. */
int assets_print(struct call *call, struct session *session, const struct assets_places *places,
		 const struct error *failure, struct error *err) MUST_USE;
