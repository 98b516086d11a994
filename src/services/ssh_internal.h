/* For this room only. */
#pragma once
#include "base/arena.h"

/* Tells the ssh behind each of these sockets to end, together with its connection, and waits a
 * moment for them. What is no such socket any more is passed over. */
void ssh_close_sockets(const struct text_list *paths);
