/* The functions that the table of step kinds is made of. */
#pragma once
#include "steps/kind.h"

void *run_start(const struct step_request *request, struct error *err);
void run_describe(const struct step_config *step, struct buffer *out);

void *ssh_step_start(const struct step_request *request, struct error *err);
void ssh_step_stop(void *running);
void ssh_step_describe(const struct step_config *step, struct buffer *out);

void *release_start(const struct step_request *request, struct error *err);
void *release_undo(const struct step_request *request, struct error *err);
void *release_prune(const struct step_request *request, struct error *err);
void release_stop(void *running);
bool release_kept(const struct step_request *request, const char *place, struct error *err);
void release_check(const struct step_config *step, struct diagnostics *diagnostics);
void release_describe(const struct step_config *step, struct buffer *out);

void *slug_start(const struct step_request *request, struct error *err);
void *slug_undo(const struct step_request *request, struct error *err);
void slug_stop(void *running);
bool slug_kept(const struct step_request *request, const char *place, struct error *err);
bool slug_open(const struct step_config *step);
void slug_check(const struct step_config *step, struct diagnostics *diagnostics);
void slug_describe(const struct step_config *step, struct buffer *out);

void *assets_sync_start(const struct step_request *request, struct error *err);
void *assets_sync_undo(const struct step_request *request, struct error *err);
bool assets_sync_kept(const struct step_request *request, const char *place, struct error *err);
void assets_sync_describe(const struct step_config *step, struct buffer *out);
void *assets_prune_start(const struct step_request *request, struct error *err);
void assets_prune_describe(const struct step_config *step, struct buffer *out);
void assets_stop_step(void *running);
void assets_check(const struct step_config *step, struct diagnostics *diagnostics);

void *http_step_start(const struct step_request *request, struct error *err);
void http_step_stop(void *running);
bool http_step_is_harmless(const struct step_config *step);
void http_step_check(const struct step_config *step, struct diagnostics *diagnostics);
void http_step_describe(const struct step_config *step, struct buffer *out);

void *wait_for_start(const struct step_request *request, struct error *err);
void wait_for_stop(void *running);
void wait_for_check(const struct step_config *step, struct diagnostics *diagnostics);
void wait_for_describe(const struct step_config *step, struct buffer *out);

void *warm_start(const struct step_request *request, struct error *err);
void warm_stop(void *running);
void warm_describe(const struct step_config *step, struct buffer *out);

void *heartbeat_step_start(const struct step_request *request, struct error *err);
void heartbeat_step_stop(void *running);
void heartbeat_describe(const struct step_config *step, struct buffer *out);

void *mark_start(const struct step_request *request, struct error *err);
void mark_stop(void *running);
void mark_check(const struct step_config *step, struct diagnostics *diagnostics);
void mark_describe(const struct step_config *step, struct buffer *out);

void *notify_step_start(const struct step_request *request, struct error *err);
void notify_step_stop(void *running);
void notify_step_check(const struct step_config *step, struct diagnostics *diagnostics);
void notify_step_describe(const struct step_config *step, struct buffer *out);

void *smoke_step_start(const struct step_request *request, struct error *err);
void smoke_step_stop(void *running);
void smoke_describe(const struct step_config *step, struct buffer *out);

void *sound_step_start(const struct step_request *request, struct error *err);
void sound_step_stop(void *running);
void sound_describe(const struct step_config *step, struct buffer *out);
