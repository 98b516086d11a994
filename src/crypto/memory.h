/* Keeps what this process knows out of files that the system writes of it. */
#pragma once

/* From now on this process leaves no core file and other processes of its user cannot look into
 * it; what it starts leaves no core file either, unless it asks for one (its environment may hold
 * secrets). Once a secret or a key is held; as often as you like. */
void memory_hide(void);
