/* SIGINT, SIGTERM and SIGHUP while there is no loop: before a deploy runs, and in short commands.
 * The first ends what is under way in good order, the next one ends the program. */
#pragma once
#include "base/error.h"

/* From main, once. loop_on_signal takes the signals over. */
void interrupt_watch(void);
/* The signal that came, or 0. What takes long asks for it; child_run does and ends its child. */
int interrupt_signal(void);
/* Takes the signal away (0: none came), so that what was begun can be put right; it is to be given
 * back behind that. */
int interrupt_take(void);
void interrupt_give_back(int number);
/* -1 with err ("interrupted") when one came. */
int interrupt_check(struct error *err) MUST_USE;
