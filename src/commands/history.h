/* The parts of `shipit history`. */
#pragma once
#include "commands/listing.h"

/* Judges the whole chain (newest first) and prints it. EXIT_DONE, or -1 naming the first record
 * that does not fit. */
int history_verify(struct session *session, const struct record_list *list, struct error *err);
