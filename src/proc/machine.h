/* This machine while it is up: what names it, and a clock that counts while it sleeps. */
#pragma once
#include <stdint.h>

#define MACHINE_NAME 128
#define MACHINE_HOST 256

/* Names this boot of this machine together with the space in which its pids are counted (two
 * containers of one machine differ). "" when that cannot be known. Returns text. */
const char *machine_name(char text[MACHINE_NAME]);
/* What people call it: its host name. Returns text. */
const char *machine_host(char text[MACHINE_HOST]);
/* Milliseconds that count suspend and never jump; they mean nothing under another machine_name.
 * The kernel's own: faketime does not change it. */
int64_t machine_clock(void);
