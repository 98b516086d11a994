/* What the files of kind slug share: one run of one half. */
#pragma once
#include <stdatomic.h>

#include "git/slug.h"
#include "steps/kind.h"

enum slug_act { SLUG_PREPARE, SLUG_PUBLISH, SLUG_WHOLE, SLUG_UNDO };

struct slug_job {
	const struct step_request *request;
	enum slug_act act;
	const char *push, *branch, *tarball; /* as written, expanded */
	struct pattern_list exclude;
	struct child *child;
	const char *trouble; /* what git push said last of its failure */

	/* Another thread works with what stands below, and with nothing of the loop's. */
	struct arena arena;
	struct repository *repository;
	struct slug slug;
	int64_t bytes;
	char tree[COMMIT_TEXT];
	char tip[COMMIT_TEXT];    /* of the remote's branch; "": there is none */
	char commit[COMMIT_TEXT]; /* to be pushed; "": nothing is */
	struct text_list said;    /* lines for the step's output */
	const char *place, *unchanged;
	atomic_bool stopped;
	struct error err;
	int result;
};

/* -1 with job->err when it was stopped. */
int slug_job_goes_on(struct slug_job *job) MUST_USE;
/* Chooses the files and says what the slug is. */
int slug_job_choose(struct slug_job *job) MUST_USE;
/* "12 files, 3.4 KiB", once job->bytes is known. */
const char *slug_job_words(struct slug_job *job);
/* On the loop: ends it, well (failure NULL) or not. */
void slug_job_end(struct slug_job *job, const char *failure);

/* push: on the other thread, what is to be pushed; then, on the loop, git push. */
int slug_push_prepare(struct slug_job *job) MUST_USE;
void slug_push_start(struct slug_job *job);
